"""Runs every search for trouble over a trace."""

from __future__ import annotations

from ..graph.trace import Trace
from . import (
    accumulated,
    cut_path,
    dead_relu,
    double_softmax,
    exploding,
    loss_broadcast,
    nan_backward,
    nan_forward,
    saturated,
    unused_leaf,
    vanishing,
    zero_gradient,
)
from .finding import ORDER, Finding

SEARCHES = (
    nan_forward,
    nan_backward,
    zero_gradient,
    cut_path,
    unused_leaf,
    loss_broadcast,
    double_softmax,
    dead_relu,
    saturated,
    vanishing,
    exploding,
    accumulated,
)


def diagnose(trace: Trace) -> list[Finding]:
    """Everything that looks wrong in a trace, the worst first; empty for a healthy one.

    Only what the trace holds is used: searches that need values find nothing in a trace recorded without any.
    """
    found = [finding for search in SEARCHES for finding in search.find(trace)]
    return sorted(found, key=lambda finding: ORDER[finding.severity])
