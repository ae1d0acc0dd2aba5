"""A real trace of ten thousand nodes: a deep residual network, recorded as any program is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import trace

if TYPE_CHECKING:
    import torch

    from engine.graph.trace import Trace

BLOCKS = 720


def ten_thousand_nodes() -> Trace:
    """About 10 000 nodes and as many backward steps, in blocks of modules."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(16)
            self.first = nn.Linear(16, 32)
            self.second = nn.Linear(32, 16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = torch.nn.functional.gelu(self.first(self.norm(x)))
            out: torch.Tensor = x + self.second(hidden)
            return out

    torch.manual_seed(0)
    model = nn.Sequential(*(Block() for _ in range(BLOCKS)))
    return trace(lambda x: model(x).square().mean(), torch.randn(4, 16))
