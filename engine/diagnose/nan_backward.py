"""Finds the first backward step that turned a finite gradient into NaN or an infinity."""

from __future__ import annotations

from ..graph.model import TensorInfo
from ..graph.trace import BackwardStep, Trace
from .finding import Finding
from .words import located, summary_of

CAUSES = {
    "SqrtBackward0": ("The slope of the square root is infinite at zero.", "Add a small constant under the root."),
    "LinalgVectorNormBackward0": ("The slope of a norm is not defined at zero.", "Add a small constant, or square it."),
    "LogBackward0": ("The slope of the logarithm is 1/x: infinite at zero.", "Clamp x from below first."),
    "DivBackward0": ("The denominator is zero or so small that its square vanishes.", "Keep it away from zero."),
    "PowBackward0": ("A power below one has an infinite slope at zero.", "Add a small constant to the base."),
    "PowBackward1": ("A power below one has an infinite slope at zero.", "Add a small constant to the base."),
    "ReciprocalBackward0": ("The slope of 1/x is infinite at zero.", "Keep x away from zero."),
    "AcosBackward0": ("The slope of acos is infinite at ±1.", "Clamp the argument a little inside of ±1."),
    "AsinBackward0": ("The slope of asin is infinite at ±1.", "Clamp the argument a little inside of ±1."),
    "MulBackward0": ("A gradient times an infinite factor, or zero times infinity.", "Look at the factors' values."),
}
DEFAULT = ("Its derivative is not finite at these values.", "Look at the node's inputs and keep them away from there.")


def _is_bad(infos: list[TensorInfo | None]) -> bool:
    summaries = [summary_of(info) for info in infos]
    return any(summary is not None and (summary.nan or summary.inf) for summary in summaries)


def find(trace: Trace) -> list[Finding]:
    """At most one finding. Where the forward pass is not finite already, that is what has to be cured."""
    if any(_is_bad(list(trace.graph.nodes[node_id].outputs)) for node_id, _ in trace.roots):
        return []
    for step in trace.backward:
        if _is_bad(step.grad_inputs) and not _is_bad(step.grad_outputs):
            return [_finding(trace, step)]
    return []


def _finding(trace: Trace, step: BackwardStep) -> Finding:
    reason, cure = CAUSES.get(step.node.grad_fn or "", DEFAULT)
    spoilt = [leaf.id for leaf in trace.leaves() if (info := trace.grad_info(leaf)) is not None and _is_bad([info])]
    return Finding(
        kind="nan-backward",
        severity="error",
        node_id=step.node.id,
        title=f"The gradient first becomes NaN or infinite in {step.node.grad_fn} of {located(step.node)}",
        reason=f"The loss is finite, and so is the gradient that arrives (step {step.index + 1}). {reason}",
        cure=f"{cure} torch.where does not help by itself: both of its branches are differentiated.",
        related=tuple(spoilt),
    )
