"""Finds why a root has no gradient history at all: gradients switched off, a cut, or nothing that requires them."""

from __future__ import annotations

from ..graph.model import Edge, Node
from ..graph.observation import Observation
from ..graph.trace import Trace
from .finding import Finding
from .words import at, called, located, names, place_of, reaching_root, seen

_NO_HISTORY = "does not require grad"


def find(trace: Trace) -> list[Finding]:
    """At most one finding, where backward() failed because its root has no grad_fn: this one, or the one after it."""
    for observation in seen(trace, "second-backward"):
        if _NO_HISTORY in observation.text and trace.roots:
            return [_lost(trace, observation)]
    if trace.error is None or _NO_HISTORY not in trace.error or not trace.roots:
        return []
    root = trace.graph.nodes[trace.roots[0][0]]
    nodes = reaching_root(trace)
    cuts = [
        edge for edge in trace.graph.edges if edge.target in nodes and edge.cut is not None and _is_cut(trace, edge)
    ]
    if seen(trace, "grad-off"):
        return [_switched_off(trace, root, cuts)]
    if cuts:
        return [_cut(trace, root, cuts[-1])]
    for observation in seen(trace, "ran-without-grad"):
        return [
            _finding(
                root,
                f"{observation.text.split('.')[1]}{at(observation.source)} read tensors that require grad, but "
                "ran with gradients switched off (torch.no_grad or set_grad_enabled), so its result has no history.",
                "Compute the loss outside of no_grad.",
            )
        ]
    return [
        _finding(
            root,
            "None of the tensors that it was computed from requires a gradient, or they were turned into plain numbers "
            "(item(), numpy(), torch.tensor(...)) on the way.",
            "Give the parameters requires_grad=True, and keep the loss a tensor that is computed from them.",
        )
    ]


def _lost(trace: Trace, observation: Observation) -> Finding:
    """The root of the next step has no history, since what was a leaf is none any more."""
    gone = [trace.graph.nodes[node_id] for node_id in observation.nodes]
    named = names(gone) or "what it is computed from"
    return Finding(
        kind="no-gradient",
        severity="error",
        node_id=gone[0].id if gone else trace.roots[0][0],
        title=f"The second backward(){at(observation.source)} has nothing to go through",
        reason=f"In the first step {named} required a gradient. What has taken that place since does not: the result "
        "of an operation under torch.no_grad(), as in w = w - ..., requires none.",
        cure="Change a leaf in place instead: with torch.no_grad(): w -= learning_rate * w.grad; or call "
        "requires_grad_() on what replaces it.",
        related=tuple(node.id for node in gone[1:]),
    )


def _is_cut(trace: Trace, edge: Edge) -> bool:
    source = trace.graph.nodes[edge.source]
    is_differentiable = source.kind == "leaf" or source.grad_fn is not None
    return is_differentiable and (edge.cut or "").startswith("cut")


def _switched_off(trace: Trace, root: Node, cuts: list[Edge]) -> Finding:
    first = trace.graph.nodes[cuts[0].target] if cuts else None
    unrecorded = next(iter(seen(trace, "ran-without-grad")), None)
    where = f" {called(first)} ran so{at(first.source)}." if first is not None else ""
    if first is None and unrecorded is not None:
        where = f" {unrecorded.text.split('.')[1]} ran so{at(unrecorded.source)}."
    return _finding(
        root,
        f"Gradients are switched off for the whole program (torch.no_grad or set_grad_enabled(False)), also when "
        f"backward() is called.{where}",
        "Switch them on again with torch.set_grad_enabled(True), or use `with torch.no_grad():` around the evaluation "
        "alone.",
        () if first is None else (first.id,),
    )


def _cut(trace: Trace, root: Node, edge: Edge) -> Finding:
    target, source = trace.graph.nodes[edge.target], trace.graph.nodes[edge.source]
    cut = edge.cut or ""
    if cut.startswith("cut inside torch: "):
        reason = (
            f"Inside torch, {cut.removeprefix('cut inside torch: ')}: {called(source)} is cut off{at(target.source)}."
        )
        cure = "Use a function that is differentiable (rsample() instead of sample(), say), or compute it by hand."
    elif "detach" in cut:
        reason, cure = f"detach() cuts {called(source)} off{at(target.source)}.", "Do without detach()."
    elif "switched off" in cut:
        reason = f"{located(target)} reads {called(source)} with gradients switched off (torch.no_grad)."
        cure = "Compute the loss outside of no_grad."
    else:
        reason = f"{located(target)} has no derivative, so everything before it is cut off."
        cure = (
            "Use a smooth function instead: a cross-entropy of the logits rather than argmax, a comparison or a count."
        )
    return _finding(root, reason, cure, (target.id, source.id))


def _finding(root: Node, reason: str, cure: str, related: tuple[int, ...] = ()) -> Finding:
    name = root.name or root.label
    where = place_of(root.source)
    return Finding(
        kind="no-gradient",
        severity="error",
        node_id=related[0] if related else root.id,
        title=f"{name} has no gradient history{f' at {where}' if where else ''}: backward() has nothing to go through",
        reason=reason,
        cure=cure,
        related=(root.id, *related[1:]) if related else (),
    )
