"""The timeline's context menu: what can be done at an event."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMenu, QWidget

from engine.graph.breakpoints import Breakpoint

from ..document import Document
from ..widgets.text import plain
from .naming import node_name
from .timeline_scale import Events


def build(
    parent: QWidget, document: Document, events: Events, event: int, more: tuple[tuple[str, Callable[[], None]], ...]
) -> QMenu:
    """A menu for an event (-1: for none); it deletes itself when it closes. `more` are further entries."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    here = None if events.timeline is None else events.timeline.event(event)
    trace, breakpoints = document.trace, document.breakpoints
    if here is not None and trace is not None:
        node = here.node
        menu.addAction("Run to here", partial(document.run, events.position_after(event)))
        menu.addAction("Go straight to here", partial(document.move_to, events.position_after(event)))
        menu.addAction(f"Select {_short(node_name(node))}", partial(document.select, node.id))
        menu.addSeparator()
        word = "Add a breakpoint on" if breakpoints.on(node.id) is None else "Remove the breakpoint on"
        menu.addAction(f"{word} {_short(node_name(node))}", partial(breakpoints.toggle_on, trace, node.id))
        if node.kind == "op":
            on_op = Breakpoint(kind="op", text=node.label)
            menu.addAction(f"Break on every {_short(node.label)}", partial(breakpoints.add, on_op))
        for depth in range(len(node.scope), 0, -1):
            path = ".".join(node.scope[:depth])
            on_module = Breakpoint(kind="module", text=path)
            menu.addAction(f"Break when {_short(path)} is entered", partial(breakpoints.add, on_module))
        menu.addSeparator()
    for text, slot in more:
        menu.addAction(text, slot)
    return menu


def _short(name: str) -> str:
    # An ampersand would become a mnemonic.
    return plain(name if len(name) <= 40 else "…" + name[-39:]).replace("&", "&&")
