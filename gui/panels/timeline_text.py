"""The words of the timeline: what an event is, in a tooltip, and where the cursor stands, for a screen reader."""

from __future__ import annotations

from engine.graph.model import Node
from engine.graph.numbers import format_bytes, format_count, format_number
from engine.graph.timeline import Phase
from engine.graph.trace import Trace

from ..document import Document
from ..widgets.text import plain
from .naming import file_name, line_text, node_name, node_title
from .timeline_scale import Events

EMPTY = "The forward and the backward pass appear here once a program has run."
NOTHING_RAN = "Nothing to step through: no operation was recorded, so there is no backward pass either."


def event_text(trace: Trace, events: Events, event: int) -> str:
    """The tooltip of an event: which it is, its node, where it is in the model and in the code, a number."""
    if event < 0 or event >= len(events):
        return ""
    phase = events.phase(event)
    forward, backward = len(events.forward), len(events.backward)
    if phase is Phase.FORWARD:
        node = events.forward[event]
        lines = [
            f"forward op {format_count(event + 1)} of {format_count(forward)}",
            plain(node_title(node)),
            *_place(trace, node),
        ]
        return "\n".join(lines)
    if phase is Phase.UPDATE:
        update = events.updates[event - forward - backward]
        change = "" if update.amount is None else f" by {format_number(update.amount)}"
        where = "" if update.source is None else f"\n{file_name(update.source.file)}:{update.source.line}"
        count = f"update {format_count(event - forward - backward + 1)} of {format_count(len(events.updates))}"
        return f"{count}\n{update.text} changed {plain(node_name(update.node))}{change}{where}"
    step = events.backward[event - forward]
    node = step.node
    lines = [
        f"backward step {format_count(step.index + 1)} of {format_count(backward)} · {node.grad_fn or ''}",
        plain(node_title(node)),
        *_place(trace, node),
    ]
    norms = [info.summary.norm for info in step.grad_outputs if info is not None and info.summary is not None]
    if norms:
        lines.append(f"gradient norm {', '.join(format_number(norm) for norm in norms[:4])}")
    return "\n".join(lines)


def _place(trace: Trace, node: Node) -> list[str]:
    lines = [" › ".join(node.scope)] if node.scope else []
    if node.source is not None:
        code = line_text(trace.sources, node.source)
        lines.append(f"{file_name(node.source.file)}:{node.source.line}" + (f"  {code[:80]}" if code else ""))
    return lines


def nothing_text(document: Document) -> str:
    """What stands in the place of the events where there are none."""
    return EMPTY if document.trace is None else NOTHING_RAN


def saved_text(document: Document, event: int, events: Events) -> str:
    """What the curve below the segments says at an event: the bytes held then, and the most there ever are."""
    if document.lifetimes is None or event < 0:
        return ""
    saved = document.lifetimes.bytes_alive
    held = format_bytes(int(saved[min(event + 1, len(saved) - 1)]))
    most = format_bytes(int(saved.max()))
    return f"After {events.label(event)}, {held} are held for the backward pass; the most is {most}."


def cursor_text(document: Document) -> str:
    """Where the cursor stands, as a sentence."""
    here, position, length = document.here, document.cursor, document.length
    if document.first == document.last:
        return nothing_text(document)
    if here is None:
        return f"Before the first of {-document.first} operations"
    if position == 0:
        return f"Before the first of {length} backward steps"
    if here.phase is Phase.FORWARD:
        return f"Operation {here.ordinal + 1} of {-document.first}: {here.node.label}"
    if here.phase is Phase.UPDATE:
        return f"Update {here.ordinal + 1} of {document.last - length}: {node_name(here.node)}"
    return f"Backward step {position} of {length}: {here.node.grad_fn or here.node.label}"
