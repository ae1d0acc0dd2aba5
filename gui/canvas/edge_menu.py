"""The context menu of an edge: what flows along it, its two ends, where its gradient comes back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from engine.graph.model import Edge
from engine.graph.trace import Trace
from gui.edit_words import edge_words, node_words

from .fonts import plain

if TYPE_CHECKING:
    from .edges import Edges
    from .widget import GraphCanvas

MOST_EDGES = 12
LONGEST = 32


def build(canvas: GraphCanvas, edges: Edges, found: list[int]) -> QMenu:
    """A menu for edges that one line stands for; of several each has a menu of its own in it."""
    menu = QMenu(canvas)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    trace = canvas.document.trace
    if trace is None:
        return menu
    if len(found) == 1:
        _fill(menu, canvas, edges, trace, found[0])
        return menu
    for index in found[:MOST_EDGES]:
        _fill(menu.addMenu(name_of(trace, trace.graph.edges[index])), canvas, edges, trace, index)
    if len(found) > MOST_EDGES:
        menu.addAction(f"and {len(found) - MOST_EDGES} more: unfold to see each").setEnabled(False)
    return menu


def name_of(trace: Trace, edge: Edge) -> str:
    """ "z → mul as other", for a menu."""
    argument = f" as {edge.arg}" if edge.arg else ""
    return _short(edge_words(trace, edge), 2 * LONGEST) + _short(argument)


def _fill(menu: QMenu, canvas: GraphCanvas, edges: Edges, trace: Trace, index: int) -> None:
    document = canvas.document
    edge = trace.graph.edges[index]
    source, target = (_short(node_words(trace, node)) for node in (edge.source, edge.target))
    menu.addAction(f"Show what flows from {source} to {target}", partial(_show, canvas, edges, index))
    menu.addAction(f"Go to {source}, where it comes from", partial(edges.go_to, edge.source))
    menu.addAction(f"Go to {target}, which reads it", partial(edges.go_to, edge.target))
    menu.addAction("Copy name", partial(QGuiApplication.clipboard().setText, _full_name(trace, edge)))
    menu.addSeparator()
    step = trace.step_of(edge.target) if edge.grad_index is not None else None
    run = menu.addAction("Run to where its gradient comes back", partial(document.run_to, edge.target))
    run.setEnabled(step is not None)
    has_one = document.breakpoints.on(edge.target) is not None
    word = f"Remove the breakpoint on {target}" if has_one else f"Break at {target}, where its gradient comes back"
    menu.addAction(f"{word}\tF9", partial(document.breakpoints.toggle_on, trace, edge.target)).setEnabled(
        step is not None or has_one
    )
    menu.addSeparator()
    if edge.cut is not None:
        menu.addAction(f"No gradient comes back: {_short(edge.cut, 3 * LONGEST)}").setEnabled(False)
    if edges.menu_filler is not None:
        edges.menu_filler(menu, edge)


def _show(canvas: GraphCanvas, edges: Edges, index: int) -> None:
    canvas.document.select_edge(index)
    edges.shown.emit()


def _full_name(trace: Trace, edge: Edge) -> str:
    return edge_words(trace, edge) + (f" as {edge.arg}" if edge.arg else "")


def _short(name: str, longest: int = LONGEST) -> str:
    # An ampersand would become a mnemonic, a tabulator the beginning of a key.
    name = plain(name)
    return (name if len(name) <= longest else name[: longest - 1] + "…").replace("&", "&&")
