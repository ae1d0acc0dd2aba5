"""What a breakpoint is called, and how often it stops."""

from __future__ import annotations

from engine.graph.breakpoints import Breakpoint
from engine.graph.numbers import format_count

from ..document import Document
from ..widgets.text import plain
from .naming import node_title

_APART = "   "
"""Between a node and the modules around it."""


def title_of(document: Document, item: Breakpoint) -> str:
    """What a breakpoint is on, in words."""
    if item.kind == "condition":
        return item.text
    if item.kind == "op":
        return f"every {item.text}"
    if item.kind == "module":
        return f"entering {item.text}"
    node, trace = document.breakpoints.node_of(item), document.trace
    if trace is None or node is None:
        return item.text.replace("/", " › ")
    where = " › ".join(trace.graph.nodes[node].scope)
    return node_title(trace.graph.nodes[node]) + (f"{_APART}{where}" if where else "")


def stop_text(document: Document, item: Breakpoint) -> str:
    """The tooltip of a place where a breakpoint stops."""
    return f"breakpoint: {plain(title_of(document, item))}"


def names_at(document: Document, position: int) -> str:
    """What stops at a position, in words; "" where nothing does."""
    if not document.breakpoints.stops_at(position):
        return ""
    titles = (title_of(document, item).replace(_APART, " in ") for item in document.breakpoints.at(position))
    return plain(", ".join(titles))


def times(count: int) -> str:
    """ "once", "12 times", "nowhere"."""
    return "nowhere" if count == 0 else "once" if count == 1 else f"{format_count(count)} times"
