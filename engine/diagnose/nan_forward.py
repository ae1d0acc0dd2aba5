"""Finds the first operation that made a NaN or an infinity out of finite values."""

from __future__ import annotations

import msgspec

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .words import called, leaf_gradient, located, summary_of

# Infinities are put into attention masks on purpose, by these operations.
_MASKING = {
    "masked_fill", "masked_fill_", "full", "full_like", "new_full", "fill", "fill_", "where", "scalar_tensor", "triu",
    "tril", "to_copy", "zeros_like", "copy_", "lift_fresh", "index_fill", "index_fill_", "max", "min", "amax", "amin",
}  # fmt: skip

# What these return is whatever the memory held before.
_UNINITIALISED = ("empty", "new_empty", "resize")

CAUSES = {
    "log": ("The logarithm of zero is −∞, and that of a negative number is NaN.", "Add a small constant, or use a loss "
            "that takes logits (cross_entropy, binary_cross_entropy_with_logits)."),
    "div": ("A number was divided by zero, or zero by zero.", "Keep the denominator away from zero: add a small "
            "constant to it, or clamp it."),
    "sqrt": ("The square root of a negative number is NaN.", "Clamp the value at zero from below before the root."),
    "rsqrt": ("One over the square root of zero is infinite.", "Add a small constant under the root."),
    "exp": ("The exponential overflows: float32 ends at e to the power of 88.7.", "Subtract the maximum first, or use "
            "softmax, logsumexp or a loss that takes logits."),
    "pow": ("A power overflows, or has a negative base and a broken exponent.", "Check the range of the base."),
    "reciprocal": ("One was divided by zero.", "Keep the value away from zero with clamp or a small constant."),
    "softmax": ("Every entry of a row was −∞, so there was nothing to share out.", "Leave at least one entry of each "
                 "row unmasked."),
    "sub": ("Infinity minus infinity is NaN.", "Look for the first infinity before this line."),
    "mul": ("Zero times infinity is NaN, or the product is too large for its type.", "Look at the size of both "
            "factors, and for an infinity before this line."),
}  # fmt: skip
DEFAULT = (
    "The result is too large for its type, or not defined for these values.",
    "Look at the range of this operation's inputs; normalise them or lower the learning rate.",
)


def find(trace: Trace) -> list[Finding]:
    """At most one finding: the origin of the first NaN, else of the first infinity."""
    bad = non_finite_nodes(trace)
    for wanted in ("NaN", "infinity"):
        for node_id, kind in bad.items():
            node = trace.graph.nodes[node_id]
            if kind == wanted and _is_origin(trace, node, wanted, bad):
                infinite = infinite_source(trace, node, bad) if wanted == "NaN" else None
                if infinite is not None:
                    return [_turned(_finding(trace, infinite, "infinity"), node)]
                return [_finding(trace, node, wanted)]
    return []


def non_finite_nodes(trace: Trace) -> dict[int, str]:
    """ "NaN" or "infinity" for each node whose outputs hold any, in the order of execution."""
    kinds = ((node.id, non_finite(node)) for node in trace.graph.nodes)
    return {node_id: kind for node_id, kind in kinds if kind}


def cause_of(node: Node) -> str:
    """Why an operation makes something that is not finite, in a sentence."""
    label = node.label
    return CAUSES.get(label.rstrip("_") if label not in CAUSES else label, DEFAULT)[0]


def infinite_source(trace: Trace, node: Node, bad: dict[int, str]) -> Node | None:
    """The operation whose infinity a node made a NaN of (0 · ∞, ∞ − ∞); None for masks and infinite data."""
    pending = [edge.source for edge in trace.graph.incoming(node) if bad.get(edge.source) == "infinity"]
    seen: set[int] = set()
    while pending:
        current = trace.graph.nodes[pending.pop()]
        if current.id in seen:
            continue
        seen.add(current.id)
        if current.kind == "op" and _is_origin(trace, current, "infinity", bad):
            return current
        pending.extend(edge.source for edge in trace.graph.incoming(current) if bad.get(edge.source) == "infinity")
    return None


def _turned(finding: Finding, node: Node) -> Finding:
    """The finding about an infinity that later became NaN in `node`."""
    return msgspec.structs.replace(
        finding,
        severity="error",
        title=f"{finding.title}, and becomes NaN in {located(node)}",
        related=(node.id, *finding.related),
    )


def non_finite(node: Node) -> str | None:
    """ "NaN", "infinity", or None for an output that is finite, unknown, or was never written."""
    if node.label.startswith(_UNINITIALISED):
        return None
    summaries = [summary_of(info) for info in node.outputs]
    if any(summary is not None and summary.nan for summary in summaries):
        return "NaN"
    first = summaries[0] if summaries else None
    return "infinity" if first is not None and first.inf else None


def _is_origin(trace: Trace, node: Node, wanted: str, bad: dict[int, str]) -> bool:
    sources = [edge.source for edge in trace.graph.incoming(node)]
    if wanted == "NaN":
        return not any(bad.get(source) == "NaN" for source in sources)
    if any(source in bad for source in sources) or node.label in _MASKING:
        return False
    return node.kind in ("op", "leaf")  # an infinite input or constant may well be a mask


def _has_bad_gradient(trace: Trace) -> bool:
    summaries = [leaf_gradient(trace, leaf) for leaf in trace.leaves()]
    return any(summary is not None and (summary.nan or summary.inf) for summary in summaries)


def _cure_of_leaf(trace: Trace) -> str:
    if not trace.step:
        return "Nothing was trained yet: look at how it is initialised, or at the file that it was loaded from."
    return (
        "If the optimizer's step before made it so, look at the gradients of that step, and lower the learning rate or "
        "clip the gradients; else something wrote into it between the steps."
    )


def _finding(trace: Trace, node: Node, what: str) -> Finding:
    root_is_bad = any(non_finite(trace.graph.nodes[root]) for root, _ in trace.roots) or not trace.roots
    if node.kind != "op":
        return Finding(
            kind="nan-forward",
            severity="error",
            node_id=node.id,
            title=f"{called(node)} holds {what} before any computation",
            reason=f"The {node.kind} comes with {what} in it; everything computed from it is spoilt.",
            cure=(
                _cure_of_leaf(trace)
                if node.kind == "leaf"
                else "Check the data: drop or fill in such values before they reach the model."
            ),
        )
    reason, cure = CAUSES.get(node.label.rstrip("_") if node.label not in CAUSES else node.label, DEFAULT)
    is_felt = root_is_bad or _has_bad_gradient(trace)
    if what == "NaN" and not is_felt:
        reason += (
            " The loss and the gradients are free of it this time: what comes later leaves it out (as where does)."
        )
    return Finding(
        kind="nan-forward",
        severity="error" if root_is_bad or (what == "NaN" and is_felt) else "warning",
        node_id=node.id,
        title=f"The first {what} comes from {located(node)}",
        reason=f"All of its inputs are {'free of NaN' if what == 'NaN' else 'finite'}. {reason}",
        cure=cure,
        related=tuple(edge.source for edge in trace.graph.incoming(node)),
    )
