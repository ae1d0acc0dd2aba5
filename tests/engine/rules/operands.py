"""Random operands for calls of operators, in float64."""

from __future__ import annotations

import torch


def real(*shape: int) -> torch.Tensor:
    """Normally distributed values that require a gradient."""
    return torch.randn(shape, dtype=torch.float64).requires_grad_()


def positive(*shape: int) -> torch.Tensor:
    """Values between 0.2 and 1.2."""
    return (torch.rand(shape, dtype=torch.float64) + 0.2).requires_grad_()


def unit(*shape: int) -> torch.Tensor:
    """Values between 0.05 and 0.95."""
    return (torch.rand(shape, dtype=torch.float64) * 0.9 + 0.05).requires_grad_()


def exact(*values: float) -> torch.Tensor:
    """These values."""
    return torch.tensor(values, dtype=torch.float64).requires_grad_()


def whole(high: int, *shape: int) -> torch.Tensor:
    """Integers from 0 to below `high`."""
    return torch.randint(0, high, shape)


def mask(*shape: int) -> torch.Tensor:
    """Half true, half false."""
    return torch.rand(*shape) > 0.5
