"""What the pointer is told: a node, a group or a link in a few lines of escaped text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import PurePath

from engine.graph.drawing import Item
from engine.graph.model import Edge, Node, TensorInfo, saved_bytes
from engine.graph.numbers import format_bytes, format_flops, format_number, format_seconds, format_shape
from engine.graph.trace import Trace

from .fonts import plain
from .labels import Labels
from .scene import Scene
from .wording import path_text, scalar_text, short_count

MOST_EDGES = 6


def item_text(scene: Scene, labels: Labels, index: int) -> str:
    """Tooltip of an item, as rich text in which nothing of the user's is markup."""
    item = scene.items[index]
    if item.node is None:
        return _rich(*_group_lines(scene.trace, labels, item))
    node = scene.trace.graph.nodes[item.node]
    return _rich(_title(node), _node_lines(scene.trace, node))


def link_text(scene: Scene, link: int) -> str:
    """Tooltip of a link: what flows along it, and why no gradient comes back if none does."""
    graph = scene.trace.graph
    edges = [graph.edges[index] for index in scene.drawing.links[link].edges]
    lines: list[str] = []
    for edge in edges[:MOST_EDGES]:
        source, target = graph.nodes[edge.source], graph.nodes[edge.target]
        argument = f" as {edge.arg}" if edge.arg else ""
        lines.append(f"{_short(source)} → {_short(target)}{argument}")
        if edge.output_nr < len(source.outputs):
            lines.append(_form(source.outputs[edge.output_nr]))
            if len(edges) == 1:
                lines += _statistics("value", source.outputs[edge.output_nr])
        if len(edges) == 1:
            lines += _contribution(scene.trace, edge)
        if edge.cut:
            lines.append(f"no gradient: {edge.cut}")
    share = scene.shares.of(link)
    if share is not None:
        lines.append(f"brings back {share:.0%} of the gradient's contributions, by norm")
    if len(edges) > MOST_EDGES:
        lines.append(f"and {len(edges) - MOST_EDGES} more")
    return _rich("" if len(edges) == 1 else f"{len(edges)} tensors", lines)


def _contribution(trace: Trace, edge: Edge) -> list[str]:
    """What comes back along an edge, and with which step."""
    step = trace.step_of(edge.target)
    if edge.grad_index is None or step is None or edge.grad_index >= len(step.grad_inputs):
        return []
    info = step.grad_inputs[edge.grad_index]
    when = f"comes back with step {step.index + 1}"
    return [f"no gradient {when}"] if info is None else [*_statistics("gradient", info), f"  {when}"]


def _rich(title: str, lines: list[str]) -> str:
    head = f"<b>{html.escape(plain(title))}</b><br>" if title else ""
    body = "<br>".join(html.escape(plain(line)) for line in lines)
    return f"<div style='white-space:pre'>{head}{body}</div>"


def _title(node: Node) -> str:
    return f"{node.name}  {node.label}" if node.name else node.label


def _short(node: Node) -> str:
    return node.name or node.label


def _node_lines(trace: Trace, node: Node) -> list[str]:
    lines = [text for text in (node.op, node.grad_fn) if text]
    lines += [_form(info) for info in node.outputs[:3]]
    if node.outputs:
        lines += _statistics("value", node.outputs[0])
    gradient = trace.grad_info(node.id)
    if gradient is not None:
        lines += _statistics("gradient", gradient)
    lines += _costs(trace, [node])
    if node.scope:
        lines.append(f"in {path_text(node.scope)}")
    if node.source is not None:
        lines.append(f"{PurePath(node.source.file).name}, line {node.source.line}, in {node.source.function}")
    return lines


def _statistics(what: str, info: TensorInfo) -> list[str]:
    number = scalar_text(info) if info.numel == 1 else None
    if number is not None:
        return [f"{what} {number}"]
    summary = info.summary
    if summary is None:
        return [f"{what}: {info.note}"] if info.note else []
    text = f"{what}: mean {format_number(summary.mean)}, std {format_number(summary.std)}"
    lines = [text, f"  from {format_number(summary.min)} to {format_number(summary.max)}"]
    if summary.nan or summary.inf:
        lines.append(f"  {summary.nan} NaN, {summary.inf} infinite")
    return lines


def _costs(trace: Trace, nodes: Sequence[Node]) -> list[str]:
    """What the nodes took together: time, floating-point operations, memory kept for the backward pass."""
    lines = []
    forward = sum(node.seconds for node in nodes)
    backward = sum(step.seconds for node in nodes if (step := trace.step_of(node.id)) is not None)
    parts = [(forward, "forward"), (backward, "backward")]
    times = [f"{format_seconds(seconds)} {what}" for seconds, what in parts if seconds]
    if times:
        lines.append(", ".join(times))
    flops = sum(node.flops or 0 for node in nodes)
    if flops:
        lines.append(f"{format_flops(flops)} forward")
    held = saved_bytes(tensor for node in nodes for tensor in node.saved)
    if held:
        lines.append(f"{format_bytes(held)} saved for backward")
    return lines


def _form(info: TensorInfo) -> str:
    return f"{format_shape(info.shape)} · {info.dtype}"


def _group_lines(trace: Trace, labels: Labels, item: Item) -> tuple[str, list[str]]:
    name, module, note = labels.group_names(item)
    scope = trace.graph.scopes.get(item.scope)
    lines = [path_text(item.scope)] if len(item.scope) > 1 else []
    if item.members:
        lines.append(f"{len(item.members)} nodes")
    if scope is not None and scope.parameters and item.repeats == 1:
        lines.append(f"{short_count(scope.parameters)} parameters ({scope.parameters:,})")
    lines += _costs(trace, [trace.graph.nodes[member] for member in item.members])
    apart = "double click to show each" if item.repeats > 1 else "double click to unfold"
    lines.append(apart if item.is_folded else "double click to fold")
    return "  ".join(part for part in (name, module, note) if part), lines
