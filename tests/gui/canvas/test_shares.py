"""Shares of contributions: against numpy, and as widths."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.graph.drawing import Link
from engine.graph.model import Edge, Graph, Node
from engine.graph.trace import BackwardStep, Trace
from gui.canvas.shares import Shares, shares_of

from . import builders


def fan_out(*norms: float) -> tuple[Trace, list[Link]]:
    """One tensor with a consumer for each norm, which hands back a gradient of that norm."""
    nodes = [Node(id=0, kind="leaf", outputs=[builders.scalar(1.0)])]
    nodes += [
        Node(id=i + 1, kind="op", op="aten.mul.Tensor", outputs=[builders.scalar(1.0)]) for i in range(len(norms))
    ]
    edges = [Edge(source=0, output_nr=0, target=i + 1, input_nr=0, grad_index=0) for i in range(len(norms))]
    steps = [
        BackwardStep(index=i, node=nodes[i + 1], grad_outputs=[builders.scalar(1.0)], grad_inputs=[builders.scalar(n)])
        for i, n in enumerate(norms)
    ]
    links = [Link(source=0, target=i + 1, edges=(i,), points=np.zeros((2, 2))) for i in range(len(norms))]
    return Trace(Graph(nodes, edges), steps, roots=[(1, 0)]), links


def test_widths_follow_the_shares() -> None:
    trace, links = fan_out(3.0, -1.0)
    shares = Shares(trace, links)
    assert [share for _, share in shares_of(trace, 0, 0)] == pytest.approx([0.75, 0.25])
    assert shares.of(0) == pytest.approx(0.75)
    assert shares.widths(np.array([0, 1]), 1.75) == pytest.approx([4.0, 2.0])


def test_a_single_consumer_shares_nothing() -> None:
    trace, links = fan_out(3.0)
    shares = Shares(trace, links)
    assert shares.of(0) is None
    assert shares.widths(np.array([0]), 1.75).tolist() == [1.75]


def test_all_consumers_in_one_box_share_nothing() -> None:
    trace, _ = fan_out(3.0, 1.0)
    together = [Link(source=0, target=1, edges=(0, 1), points=np.zeros((2, 2)))]
    assert Shares(trace, together).of(0) is None


@pytest.mark.parametrize("norms", [(0.0, 0.0), (math.nan, 1.0), (math.inf, 1.0)])
def test_what_cannot_be_told_is_no_share(norms: tuple[float, ...]) -> None:
    trace, links = fan_out(*norms)
    assert Shares(trace, links).of(0) is None
