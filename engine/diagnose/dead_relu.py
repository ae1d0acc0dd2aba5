"""Finds ReLU units that are off for every sample of the batch, so that nothing behind them learns."""

from __future__ import annotations

import numpy as np

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .words import located, summary_of

FEWEST_SAMPLES = 8
LARGEST_SHARE = 0.5
_RELUS = {"ReluBackward0", "HardtanhBackward0", "ThresholdBackward0"}


def find(trace: Trace) -> list[Finding]:
    """One finding per activation of which at least half of the units are off for the whole batch."""
    found = []
    for node in trace.graph.nodes:
        if node.grad_fn not in _RELUS or not node.outputs or trace.step_of(node) is None:
            continue
        dead, units = _dead_units(node)
        if not units or dead < LARGEST_SHARE * units:
            continue
        is_all = dead == units
        found.append(
            Finding(
                kind="dead-relu",
                severity="error" if is_all else "warning",
                node_id=node.id,
                title=f"{'All' if is_all else f'{dead} of'} {units} units of {located(node)} are dead",
                reason="They are 0 for every sample of this batch, and where a ReLU is off its gradient is 0: the "
                "weights before it cannot recover by themselves.",
                cure="Lower the learning rate, start with smaller or zero biases, normalise the inputs, or use "
                "LeakyReLU or GELU.",
            )
        )
    return found


def _dead_units(node: Node) -> tuple[int, int]:
    """How many units never fired, and how many there are; (0, 0) where that cannot be told."""
    info = node.outputs[0]
    shape = info.shape
    if len(shape) < 2:
        return 0, 0
    axis = 1 if len(shape) >= 4 else len(shape) - 1  # images have their channels second
    summary = summary_of(info)
    if summary is not None and summary.count and summary.zeros == summary.count:
        return shape[axis], shape[axis]
    if info.array is None or info.numel // max(1, shape[axis]) < FEWEST_SAMPLES:
        return 0, 0
    others = tuple(k for k in range(len(shape)) if k != axis)
    return int(np.count_nonzero((info.array == 0).all(axis=others))), shape[axis]
