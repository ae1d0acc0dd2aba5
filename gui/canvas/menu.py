"""The canvas's context menu: what can be done with the box under the pointer, and with the view."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from engine.graph.trace import Trace

from . import stops
from .folding import FUNCTIONS, OPERATIONS
from .spotlight import short_name
from .wording import own_name, path_text

if TYPE_CHECKING:
    from .widget import GraphCanvas


def build(canvas: GraphCanvas, item: int | None) -> QMenu:
    """A menu for an item (None: for the ground); it deletes itself when it closes."""
    menu = QMenu(canvas)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    scene, trace = canvas.scene, canvas.document.trace
    if scene is not None and trace is not None and item is not None:
        canvas.pick(item)
        shown = scene.items[item]
        if shown.node is None:
            opens = "Unfold" if shown.is_folded else "Fold"
            if shown.repeats > 1:
                opens = f"Show all {shown.repeats * shown.period}"
            menu.addAction(opens, partial(canvas.toggle, shown.scope))
            if canvas.folding.can_collapse(shown.scope):
                menu.addAction("Show repeats as one box", partial(canvas.folding.collapse, shown.scope))
            menu.addAction("Run to where it is entered", partial(canvas.document.run_to_group, canvas.picked_nodes))
            name = path_text(shown.scope, ".")
        else:
            run = menu.addAction("Run to here", partial(canvas.document.run_to, shown.node))
            timeline = canvas.document.timeline
            run.setEnabled(timeline is not None and timeline.position_of(shown.node, 0) is not None)
            producers = [edge.source for edge in trace.graph.incoming(shown.node)]
            select = menu.addAction("Select producer", partial(canvas.document.select, next(iter(producers), None)))
            select.setEnabled(bool(producers))
            if shown.scope:
                menu.addAction(f"Fold {_short(own_name(shown.scope))}", partial(canvas.toggle, shown.scope))
            node = trace.graph.nodes[shown.node]
            name = node.name or node.label
        if shown.scope:
            menu.addAction("Unfold only this path", partial(canvas.folding.unfold_only, shown.scope))
            menu.addAction("Unfold everything but this", partial(canvas.folding.unfold_others, shown.scope))
        menu.addAction("Copy name", partial(_copy, name))
        menu.addSeparator()
        stops.add_entries(menu, canvas.document, shown)
        if shown.node is not None and canvas.menu_filler is not None:
            menu.addSeparator()
            canvas.menu_filler(menu, shown.node)
        menu.addSeparator()
        _add_questions(menu, canvas, trace)
        menu.addSeparator()
    for text, change in (
        ("Fold all", canvas.fold_all),
        ("Unfold all", canvas.unfold_all),
        ("Show functions", partial(canvas.folding.show, FUNCTIONS)),
        ("Show operations", partial(canvas.folding.show, OPERATIONS)),
    ):
        menu.addAction(text, change).setEnabled(canvas.has_groups)
    menu.addAction("Reset positions", canvas.carrier.reset).setEnabled(canvas.carrier.has_moved)
    menu.addAction("Fit", canvas.fit).setEnabled(scene is not None)
    return menu


def _add_questions(menu: QMenu, canvas: GraphCanvas, trace: Trace) -> None:
    """What the graph can be asked about the picked item."""
    spotlight, nodes = canvas.spotlight, canvas.picked_nodes
    for text, question in (
        ("Show what this depends on", spotlight.show_dependencies),
        ("Show what depends on this", spotlight.show_dependents),
        ("Show the path to the loss", spotlight.show_path_to_loss),
        ("Start a path here", spotlight.start_path),
    ):
        menu.addAction(text, partial(question, trace, nodes))
    if spotlight.start is not None:
        name = _short(short_name(trace.graph.nodes[spotlight.start]))
        menu.addAction(f"Show the paths between {name} and this", partial(spotlight.show_paths, trace, nodes))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _short(name: str) -> str:
    # An ampersand would become a mnemonic.
    return (name if len(name) <= 32 else name[:31] + "…").replace("&", "&&")
