"""Finds the operation that changed a tensor in place which another one had saved for the backward pass."""

from __future__ import annotations

import re

from ..graph.model import Node
from ..graph.observation import Observation
from ..graph.trace import Trace
from .finding import Finding
from .words import at, called, located, seen

_VERSIONS = re.compile(r"is at version (\d+); expected version (\d+)")
_CURE = (
    "Write it without changing the tensor in place (y = y + 1 instead of y += 1, no trailing underscore), or change "
    "a clone()."
)


def find(trace: Trace) -> list[Finding]:
    """At most one finding: the pair of operations, where autograd refused to go on because of it."""
    if trace.error is not None and "modified by an inplace operation" in trace.error:
        return _in_this_pass(trace, trace.error)
    for observation in seen(trace, "second-backward"):
        if "modified by an inplace operation" in observation.text:
            node = trace.graph.nodes[observation.nodes[0]]
            return [
                Finding(
                    kind="changed-saved",
                    severity="error",
                    node_id=node.id,
                    title=f"Values that {called(node)} was computed from were changed before the second backward()"
                    f"{at(observation.source)}",
                    reason=f"The pass goes through {located(node)} once more, but since the first pass something that "
                    "this graph had saved was changed in place; an optimizer's step changes every weight so.",
                    cure="Run all backward passes before the optimizer's step, or compute the second loss anew.",
                )
            ]
    return []


def _in_this_pass(trace: Trace, error: str) -> list[Finding]:
    refused = _versions(error)
    # Several may have been changed; autograd stops at one of them, and that one is told.
    changed = sorted(seen(trace, "changed-saved"), key=lambda found: _versions_of(trace, found) != refused)
    for observation in changed:
        told = _told(_versions_of(trace, observation))
        saver = trace.graph.nodes[observation.nodes[0]]
        source = _saved_node(trace, saver, observation.text)
        if source is None:
            continue
        changer = _changer(trace, source, saver)
        what = (
            "its result"
            if source is saver
            else called(source)
            if source.name or source.kind != "op"
            else f"the result of {located(source)}"
        )
        by = f" by {located(changer)}" if changer is not None else ""
        return [
            Finding(
                kind="changed-saved",
                severity="error",
                node_id=saver.id if changer is None else changer.id,
                title=f"{located(changer) if changer is not None else 'An in-place operation'} changes what "
                f"{located(saver)} had saved",
                reason=f"{located(saver)} keeps {what} for its backward pass, and afterwards it was changed in "
                f"place{by}{told}. Its VJP would be computed from the wrong values, so autograd stops.",
                cure=_CURE,
                related=(saver.id, source.id) if changer is not None else (source.id,),
            )
        ]
    root = trace.roots[0][0] if trace.roots else None
    if root is None:
        return []
    return [
        Finding(
            kind="changed-saved",
            severity="error",
            node_id=root,
            title="A tensor that the backward pass needs was changed in place",
            reason=f"An operation had saved it, and afterwards it was changed{_told(refused)}.",
            cure=_CURE,
        )
    ]


def _versions(text: str) -> tuple[str, str] | None:
    """At which version a tensor is and which was saved, as autograd says it."""
    found = _VERSIONS.search(text)
    return None if found is None else (found[1], found[2])


def _versions_of(trace: Trace, changed: Observation) -> tuple[str, str] | None:
    """The versions of what one node saved, from what was noted when it was to be read."""
    saver = trace.graph.nodes[changed.nodes[0]]
    beginning = f"{saver.grad_fn} cannot show what it saved as {changed.text!r}: "
    return next((_versions(note) for note in trace.notes if note.startswith(beginning)), None)


def _told(versions: tuple[str, str] | None) -> str:
    return "" if versions is None else f" (it is at version {versions[0]}, and version {versions[1]} was saved)"


def _saved_node(trace: Trace, saver: Node, name: str) -> Node | None:
    """The node that made what `saver` saved: itself for a result, else the operand of that name."""
    if name.startswith("result") or name == "output":
        return saver
    edges = [edge for edge in trace.graph.incoming(saver) if edge.arg is not None]
    for edge in edges:
        if edge.arg == name:
            return trace.graph.nodes[edge.source]
    # addmm saves mat1 and mat2, a loss its input: any operand of which another node changes the memory.
    for edge in edges:
        if _changer(trace, trace.graph.nodes[edge.source], saver) is not None:
            return trace.graph.nodes[edge.source]
    return trace.graph.nodes[edges[0].source] if edges else None


def _changer(trace: Trace, source: Node, saver: Node) -> Node | None:
    """The first operation after `saver` that writes into the memory of `source`, directly or through views."""
    pending, seen_nodes = [source.id], {source.id}
    found: list[Node] = []
    while pending:
        for edge in trace.graph.outgoing(pending.pop()):
            node = trace.graph.nodes[edge.target]
            if node.id in seen_nodes or not (edge.arg or "").startswith(("self", "input")):
                continue
            is_write = node.op is not None and node.op.split(".")[1].endswith("_")
            if is_write and node.id > saver.id:
                found.append(node)
            if is_write or node.label in _VIEWS:
                seen_nodes.add(node.id)
                pending.append(node.id)
    return min(found, key=lambda node: node.id, default=None)


_VIEWS = {
    "alias", "as_strided", "diagonal", "expand", "permute", "select", "slice", "squeeze", "t", "transpose", "unbind",
    "unsqueeze", "view", "split", "split_with_sizes", "detach",
}  # fmt: skip
