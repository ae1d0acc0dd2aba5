"""A program full of writes into views, of index expressions and of random numbers."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def leaves() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return (
        torch.randn(4, 5, requires_grad=True),
        torch.randn(5, requires_grad=True),
        torch.randn(2, requires_grad=True),
    )


def run(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    i = torch.tensor([0, 2, 2])
    y = a * 1.0
    y[1] = b * 2
    y[2:4, 0] *= c
    y.t()[3].add_(c.sum())
    y[:, 1].zero_()
    picked = y[:, i].sum() + y[i].pow(2).sum()
    u = y.clone()
    u[i[:2], 1] = c * 3
    v = u.clone().index_put((torch.tensor([1, 1]),), b.expand(2, 5), accumulate=True)
    strided = torch.as_strided(v * 2, (2, 3), (5, 1), 1)
    v.unsqueeze(0)[0, 0].exp_()
    return picked + F.dropout(v, 0.5).square().sum() + strided.sin().sum()
