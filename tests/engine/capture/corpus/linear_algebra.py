"""Programs with decompositions, solvers and other long formulas."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .registry import Program, leaf, program


@program
def cholesky_and_solve() -> Program:
    a, b = leaf(3, 3), leaf(3, 1)

    def run() -> Any:
        matrix = a @ a.t() + 3 * torch.eye(3)
        lower = torch.linalg.cholesky(matrix)
        solved = torch.cholesky_solve(b, lower) + torch.linalg.solve(matrix, b)
        return solved.square().sum() + 2 * lower.diagonal().log().sum()

    return run


@program
def singular_values() -> Program:
    a = leaf(4, 3)

    def run() -> Any:
        _, values, _ = torch.linalg.svd(a, full_matrices=False)
        q, r = torch.linalg.qr(a)
        return values.log().sum() + (q[:, 0] * r[0, 0]).sum() + torch.linalg.matrix_norm(a)

    return run


@program
def determinants_and_inverse() -> Program:
    a = leaf(3, 3)

    def run() -> Any:
        matrix = a + 4 * torch.eye(3)
        sign, logarithm = torch.linalg.slogdet(matrix)
        values = torch.linalg.eigvalsh(matrix + matrix.t())
        return logarithm * sign + torch.linalg.inv(matrix).sum() + values.sum() + torch.linalg.det(matrix)

    return run


@program
def normalising_flow() -> Program:
    scale, shift = leaf(2), leaf(2)
    mixing = (torch.eye(2) + 0.1 * torch.randn(2, 2)).requires_grad_()
    x = torch.randn(5, 2)

    def run() -> Any:
        z, log_det = x, torch.zeros(())
        for _ in range(2):
            z = (z @ mixing) * scale.exp() + shift
            log_det = log_det + scale.sum() + torch.linalg.slogdet(mixing).logabsdet
        return 0.5 * z.square().sum(1).mean() - log_det

    return run


@program
def linear_chain_crf() -> Program:
    emissions, transitions = leaf(6, 3), leaf(3, 3)
    tags = torch.tensor([0, 2, 1, 1, 0, 2])

    def run() -> Any:
        alpha = emissions[0]
        for step in range(1, 6):
            alpha = torch.logsumexp(alpha[:, None] + transitions, 0) + emissions[step]
        score = emissions[torch.arange(6), tags].sum() + transitions[tags[:-1], tags[1:]].sum()
        return torch.logsumexp(alpha, 0) - score

    return run


@program
def sinkhorn_iteration() -> Program:
    costs = leaf(4, 4)

    def run() -> Any:
        log_plan = -costs
        for _ in range(3):
            log_plan = log_plan - log_plan.logsumexp(1, keepdim=True)
            log_plan = log_plan - log_plan.logsumexp(0, keepdim=True)
        return (log_plan.exp() * costs).sum()

    return run


@program
def implicit_euler() -> Program:
    rate, start = torch.tensor(0.7, requires_grad=True), leaf(3)

    def run() -> Any:
        y = start
        for _ in range(4):
            y = y / (1 + 0.1 * rate * y.abs())
        return F.smooth_l1_loss(y, torch.zeros(3))

    return run


@program
def distances() -> Program:
    a, b = leaf(4, 3), leaf(5, 3)
    return lambda: torch.cdist(a, b).min(1).values.sum() + F.cosine_similarity(a, b[:4]).sum() + F.pdist(a).sum()
