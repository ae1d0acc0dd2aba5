"""Whole steps of ways to train: adversaries, contrast, policies, distillation."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .registry import Program, leaf, program


@program
def adversarial_step_with_two_losses() -> Program:
    generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
    real = torch.randn(4, 3)

    def run() -> Any:
        fake = generator(torch.randn(4, 2))
        for_critic = F.softplus(critic(fake.detach())).mean() + F.softplus(-critic(real)).mean()
        for_generator = F.softplus(-critic(fake)).mean()
        return for_critic + for_generator

    return run


@program
def contrastive() -> Program:
    encoder, temperature = nn.Linear(4, 3), torch.tensor(0.5, requires_grad=True)
    x = torch.randn(5, 4)

    def run() -> Any:
        one = F.normalize(encoder(x), dim=1)
        two = F.normalize(encoder(x + 0.1 * torch.randn_like(x)), dim=1)
        logits = one @ two.t() / temperature
        labels = torch.arange(5)
        return 0.5 * (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels))

    return run


@program
def momentum_teacher() -> Program:
    student, teacher = nn.Linear(3, 2), nn.Linear(3, 2).requires_grad_(False)
    x = torch.randn(4, 3)

    def run() -> Any:
        with torch.no_grad():
            for old, new in zip(teacher.parameters(), student.parameters(), strict=True):
                old.mul_(0.9).add_(new, alpha=0.1)
            target = teacher(x).softmax(1)
        return -(target * student(x).log_softmax(1)).sum(1).mean()

    return run


@program
def frozen_layers() -> Program:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    model[0].requires_grad_(False)
    x = torch.randn(5, 3)
    return lambda: model(x).square().sum()


@program
def policy_gradient() -> Program:
    policy, value = nn.Linear(3, 2), nn.Linear(3, 1)
    states = torch.randn(6, 3)

    def run() -> Any:
        log_probabilities = policy(states).log_softmax(1)
        actions = torch.multinomial(log_probabilities.exp(), 1)
        returns = actions.float().flip(0).cumsum(0).flip(0)
        values = value(states)
        advantage = (returns - values).detach()
        return -(log_probabilities.gather(1, actions) * advantage).mean() + F.mse_loss(values, returns)

    return run


@program
def clipped_ratio() -> Program:
    logits = leaf(6, 2)
    actions, advantage, old = torch.tensor([0, 1, 1, 0, 1, 0]), torch.randn(6), torch.randn(6) * 0.1 - 0.7

    def run() -> Any:
        ratio = (logits.log_softmax(1)[torch.arange(6), actions] - old).exp()
        return -torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()

    return run


@program
def vector_quantisation() -> Program:
    encoder, codes = nn.Linear(3, 2), leaf(4, 2)
    x = torch.randn(5, 3)

    def run() -> Any:
        z = encoder(x)
        nearest = codes[torch.cdist(z, codes).argmin(1)]
        passed = z + (nearest - z).detach()
        return passed.square().mean() + F.mse_loss(nearest, z.detach()) + 0.25 * F.mse_loss(z, nearest.detach())

    return run


@program
def sparse_experts_with_top_two() -> Program:
    experts = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])
    router = nn.Linear(3, 3)
    x = torch.randn(5, 3)

    def run() -> Any:
        weights, chosen = router(x).softmax(1).topk(2, dim=1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(experts):
            rows, places = torch.where(chosen == number)
            out[rows] += weights[rows, places, None] * expert(x[rows])
        return out.square().sum()

    return run


@program
def truncated_backpropagation() -> Program:
    cell = nn.RNNCell(2, 3)
    x = torch.randn(6, 1, 2)

    def run() -> Any:
        h, loss = torch.zeros(1, 3), torch.zeros(())
        for index, row in enumerate(x):
            if index == 3:
                h = h.detach()
            h = cell(row, h)
            loss = loss + h.square().sum()
        return loss

    return run


@program
def unrolled_optimiser() -> Program:
    rate, start = torch.tensor(0.1, requires_grad=True), leaf(3)

    def run() -> Any:
        w, speed = start, torch.zeros(3)
        for _ in range(3):
            (gradient,) = torch.autograd.grad((w**4).sum(), w, create_graph=True)
            speed = 0.5 * speed + gradient
            w = w - rate * speed
        return w.square().sum()

    return run
