"""Runs every search for trouble over a trace."""

from __future__ import annotations

from ..graph.trace import Trace
from . import (
    accumulated,
    changed_saved,
    cut_path,
    dead_relu,
    double_softmax,
    exploding,
    freed_graph,
    loss_broadcast,
    nan_backward,
    nan_forward,
    no_gradient,
    non_leaf_grad,
    not_in_optimizer,
    saturated,
    unused_leaf,
    vanishing,
    way_out,
    zero_gradient,
)
from .finding import ORDER, Finding

SEARCHES = (
    no_gradient,
    changed_saved,
    freed_graph,
    nan_forward,
    nan_backward,
    zero_gradient,
    cut_path,
    way_out,
    unused_leaf,
    non_leaf_grad,
    not_in_optimizer,
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
