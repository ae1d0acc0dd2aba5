"""From something wrong back to its cause, one node after the other: where a NaN, a zero or a missing gradient began.

Where gradients vanish or explode, `sizes` follows their norms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec

from ..graph.model import Edge, Node, TensorInfo
from ..graph.numbers import format_number
from ..graph.summary import Summary
from ..graph.trace import Trace
from .finding import Finding
from .nan_backward import CAUSES as SLOPES
from .nan_backward import DEFAULT as SOME_SLOPE
from .nan_forward import cause_of, infinite_source, non_finite, non_finite_nodes
from .sizes import size_trail
from .trail_step import Role, TrailStep
from .words import called, located, place, reaching_root, seen, summary_of


def trail_of(trace: Trace, finding: Finding) -> list[TrailStep]:
    """The way from what one sees to the node of a finding; empty for findings that have no such way."""
    if finding.kind == "nan-forward":
        roots = [root for root, _ in trace.roots if non_finite(trace.graph.nodes[root])]
        bad = non_finite_nodes(trace)
        return value_trail(trace, roots[0] if roots else max(bad, default=finding.node_id))
    if finding.kind == "nan-backward":
        spoilt = [node for node in finding.related if _is_bad(trace.grad_info(node))]
        return gradient_trail(trace, spoilt[0] if spoilt else finding.node_id)
    if finding.kind == "zero-gradient" and finding.related:
        return gradient_trail(trace, finding.related[0])
    if finding.kind in ("unused-leaf", "cut-path"):
        nodes = [finding.node_id, *finding.related]
        lost = [n for n in nodes if trace.graph.nodes[n].kind == "leaf" and trace.step_of(n) is None]
        return gradient_trail(trace, lost[0]) if lost else []
    return size_trail(trace, finding.node_id) if finding.kind in ("vanishing", "exploding") else []


def why(trace: Trace, node_id: int) -> list[TrailStep]:
    """Why a node's value or gradient is NaN, or its gradient zero or None; else how its gradient came to its size.

    Empty where none of that can be said.
    """
    if non_finite(trace.graph.nodes[node_id]):
        return value_trail(trace, node_id)
    return gradient_trail(trace, node_id) or size_trail(trace, node_id)


# --- values


def value_trail(trace: Trace, node_id: int) -> list[TrailStep]:
    """From a value that is not finite back to the operation that made it so, and what that one was given."""
    bad = non_finite_nodes(trace)
    if node_id not in bad:
        return []
    nodes = trace.graph.nodes
    way, seen_nodes = [node_id], {node_id}
    while True:
        current = nodes[way[-1]]
        same = [edge.source for edge in trace.graph.incoming(current) if bad.get(edge.source) == bad[current.id]]
        if not same and bad[current.id] == "NaN" and infinite_source(trace, current, bad) is not None:
            same = [edge.source for edge in trace.graph.incoming(current) if edge.source in bad]
        same = [source for source in same if source not in seen_nodes]
        if not same:
            break
        way.append(min(same))
        seen_nodes.add(way[-1])
    steps = [_value_step(nodes[way[0]], "cause" if len(way) == 1 else "symptom", first=True)]
    steps += [_value_step(nodes[place], "way") for place in way[1:-1]]
    if len(way) > 1:
        steps.append(_value_step(nodes[way[-1]], "cause"))
    cause = nodes[way[-1]]
    if cause.kind == "op":
        last = steps[-1]
        steps[-1] = msgspec.structs.replace(last, text=f"{last.text} It begins here. {cause_of(cause)}")
        steps += [_given(nodes[edge.source]) for edge in trace.graph.incoming(cause)[:3]]
    else:
        last = steps[-1]
        steps[-1] = msgspec.structs.replace(last, text=f"{last.text} The {cause.kind} came with it.")
    return steps


def _value_step(node: Node, role: Role, *, first: bool = False) -> TrailStep:
    summary = summary_of(node.outputs[0]) if node.outputs else None
    verb = "" if first else "It comes from "
    return TrailStep(node_id=node.id, what="value", role=role, text=f"{verb}{located(node)}: {_badness(summary)}.")


def _given(node: Node) -> TrailStep:
    summary = summary_of(node.outputs[0]) if node.outputs else None
    return TrailStep(
        node_id=node.id, what="value", role="reason", text=f"It was given {located(node)}: {_range(summary)}."
    )


def _badness(summary: Summary | None) -> str:
    if summary is None:
        return "not finite"
    parts = [(summary.nan, "NaN"), (summary.inf, "infinite")]
    if summary.count == 1:
        return next((name for count, name in parts if count), "finite")
    return " and ".join(f"{count} of {summary.count} {name}" for count, name in parts if count) or "finite"


def _range(summary: Summary | None) -> str:
    if summary is None or not summary.count:
        return "values that were not kept"
    if summary.nan or summary.inf:
        return _badness(summary)
    if summary.count == 1:
        return format_number(summary.mean)
    zeros = f", {summary.zeros} of {summary.count} are 0" if summary.zeros else ""
    return f"from {format_number(summary.min)} to {format_number(summary.max)}{zeros}"


# --- gradients


def gradient_trail(trace: Trace, node_id: int) -> list[TrailStep]:
    """From a gradient that is NaN, zero or None to the step that made it so; empty for one that is none of these."""
    step = trace.step_of(node_id)
    if step is None:
        return _none_trail(trace, node_id)
    if any(map(_is_bad, step.grad_outputs)):
        return _handed_back(trace, node_id, _is_bad)
    known = [info for info in step.grad_outputs if info is not None]
    if known and all(map(_is_zero, known)):
        return _handed_back(trace, node_id, _is_zero)
    return []


def _is_bad(info: TensorInfo | None) -> bool:
    summary = summary_of(info)
    return summary is not None and bool(summary.nan or summary.inf)


def _is_zero(info: TensorInfo | None) -> bool:
    summary = summary_of(info)
    return summary is not None and summary.count > 0 and summary.zeros == summary.count


def _handed_back(trace: Trace, node_id: int, is_so: Callable[[TensorInfo | None], bool]) -> list[TrailStep]:
    """Follow a property of gradients towards the root, to the step that was handed none and handed one on."""
    nodes = trace.graph.nodes
    way, seen_nodes = [node_id], {node_id}
    cause: Node | None = None
    while cause is None:
        following = [edge.target for edge in _givers(trace, way[-1], is_so) if edge.target not in seen_nodes]
        if not following:
            break
        giver = following[0]
        seen_nodes.add(giver)
        way.append(giver)
        step = trace.step_of(giver)
        if step is not None and not any(map(is_so, step.grad_outputs)):
            cause = nodes[giver]
    steps = []
    for index, place_id in enumerate(way):
        node = nodes[place_id]
        role: Role = "symptom" if index == 0 else "cause" if node is cause else "way"
        steps.append(TrailStep(node_id=place_id, what="gradient", role=role, text=_gradient_words(trace, node, role)))
    if cause is None:
        steps[-1] = msgspec.structs.replace(
            steps[-1], role="cause", text=f"{steps[-1].text} That is where the backward pass begins."
        )
        return steps
    return steps + [_given(nodes[edge.source]) for edge in trace.graph.incoming(cause)[:3]]


def _givers(trace: Trace, node_id: int, is_so: Callable[[TensorInfo | None], bool]) -> list[Edge]:
    found = []
    for edge in trace.graph.outgoing(node_id):
        step = trace.step_of(edge.target)
        if edge.grad_index is None or step is None or edge.grad_index >= len(step.grad_inputs):
            continue
        if is_so(step.grad_inputs[edge.grad_index]):
            found.append(edge)
    return found


def _gradient_words(trace: Trace, node: Node, role: Role) -> str:
    step = trace.step_of(node)
    info = None if step is None else next((info for info in step.grad_outputs if info is not None), None)
    summary = summary_of(info)
    when = "" if step is None else f" (step {step.index + 1})"
    state = _badness(summary) if _is_bad(info) else "zero" if _is_zero(info) else _range(summary)
    if role == "symptom":
        return f"The gradient of {located(node)} is {state}{when}."
    if role == "way":
        return f"It was handed back by {located(node)}, whose own gradient is {state}{when}."
    becomes = "zero" if step is not None and any(map(_is_zero, step.grad_inputs)) else "NaN or infinite"
    reason = SLOPES.get(node.grad_fn or "", SOME_SLOPE)[0] if becomes != "zero" else _FLAT
    return (
        f"It begins in {node.grad_fn} of {located(node)}{when}: the gradient that arrives is {state}, what goes on is "
        f"{becomes}. {reason}"
    )


_FOLLOWS = "not on a path"
"""Such an edge has no gradient because of a cut further on."""
_FLAT = "The operation is flat at these values: its slope is zero."


def _none_trail(trace: Trace, node_id: int) -> list[TrailStep]:
    """Why no gradient reaches a node."""
    nodes = trace.graph.nodes
    node = nodes[node_id]

    def stop(place_id: int, text: str, role: Role = "cause") -> TrailStep:
        return TrailStep(node_id=place_id, what="gradient", role=role, text=text)

    if not trace.backward:
        return [stop(node_id, "There was no backward pass: nothing has a gradient.")]
    first = stop(node_id, f"The gradient of {located(node)} is None.", "symptom")
    if node.kind in ("input", "buffer", "constant"):
        return [first, stop(node_id, f"It is a {node.kind} that does not require a gradient (requires_grad is False).")]
    reaching = reaching_root(trace)
    if node_id not in reaching:
        return [first, *_dead_end(trace, node_id, stop)]
    came: dict[int, Edge] = {}
    waiting = deque([node_id])
    cut: Edge | None = None
    while waiting and cut is None:
        for edge in trace.graph.outgoing(waiting.popleft()):
            if edge.target not in reaching or edge.target in came:
                continue
            came[edge.target] = edge
            if edge.cut is not None and not edge.cut.startswith(_FOLLOWS):
                cut = edge
                break
            waiting.append(edge.target)
    if cut is None:
        return [first, stop(node_id, "The backward pass did not come this far.")]
    way = [cut]
    while way[-1].source != node_id:
        way.append(came[way[-1].source])
    between = [edge.target for edge in way[:0:-1]]
    steps = [first, *(stop(target, f"It is used by {located(nodes[target])}.", "way") for target in between)]
    target = nodes[cut.target]
    why_cut = (cut.cut or "").removeprefix("cut: ").removeprefix("cut ")
    return [*steps, stop(cut.target, f"The way to the loss is cut at {located(target)}: {why_cut}.")]


def _dead_end(trace: Trace, node_id: int, stop: Callable[[int, str], TrailStep]) -> list[TrailStep]:
    """What becomes of a tensor that the loss does not depend on."""
    nodes = trace.graph.nodes
    steps: list[TrailStep] = []
    visited = {node_id}
    current = node_id
    while edges := [edge for edge in trace.graph.outgoing(current) if edge.target not in visited]:
        current = edges[-1].target
        visited.add(current)
        used = TrailStep(node_id=current, what="gradient", role="way", text=f"It is used by {located(nodes[current])}.")
        steps.append(used)
    if not steps:
        if any(node_id in known.nodes for known in seen(trace, "unreached")):
            text = f"Operations read {called(nodes[node_id])}, but the loss does not depend on what they make of it."
            return [stop(node_id, text)]
        where = f" at {place(nodes[node_id])}" if nodes[node_id].source is not None else ""
        return [stop(node_id, f"No operation on the way to the loss reads {called(nodes[node_id])}{where}.")]
    last = nodes[current]
    steps[-1] = stop(current, f"It ends in {located(last)}, and the loss does not depend on that.")
    return steps
