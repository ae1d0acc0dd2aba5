"""The canvas's context menu: what can be done with the box under the pointer, and with the view."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
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
            _add(menu, opens, "Return", partial(canvas.toggle, shown.scope))
            if canvas.folding.can_collapse(shown.scope):
                menu.addAction("Show repeats as one box", partial(canvas.folding.collapse, shown.scope))
            _add(menu, "Run to where it is entered", "R", partial(canvas.document.run_to_group, canvas.picked_nodes))
            name = path_text(shown.scope, ".")
        else:
            run = _add(menu, "Run to here", "R", partial(canvas.document.run_to, shown.node))
            timeline = canvas.document.timeline
            run.setEnabled(timeline is not None and timeline.position_of(shown.node, 0) is not None)
            producers = [edge.source for edge in trace.graph.incoming(shown.node)]
            select = menu.addAction("Select producer", partial(canvas.document.select, next(iter(producers), None)))
            select.setEnabled(bool(producers))
            if shown.scope:
                _add(menu, f"Fold {_short(own_name(shown.scope))}", "Return", partial(canvas.toggle, shown.scope))
            node = trace.graph.nodes[shown.node]
            name = node.name or node.label
        if shown.scope:
            _add(menu, "Unfold only this path", "O", partial(canvas.folding.unfold_only, shown.scope))
            _add(menu, "Unfold everything but this", "Shift+O", partial(canvas.folding.unfold_others, shown.scope))
        menu.addAction("Copy name", partial(_copy, name))
        menu.addSeparator()
        stops.add_entries(menu, canvas.document, shown)
        if shown.node is not None and canvas.menu_filler is not None:
            menu.addSeparator()
            canvas.menu_filler(menu, shown.node)
        menu.addSeparator()
        _add_questions(menu, canvas, trace)
        return menu
    for text, keys, change in (
        ("Fold all", "Ctrl+Shift+F", canvas.fold_all),
        ("Unfold all", "Ctrl+Shift+U", canvas.unfold_all),
        ("Show functions", "2", partial(canvas.folding.show, FUNCTIONS)),
        ("Show operations", "3", partial(canvas.folding.show, OPERATIONS)),
    ):
        _add(menu, text, keys, change).setEnabled(canvas.has_groups)
    menu.addAction("Reset positions", canvas.carrier.reset).setEnabled(canvas.carrier.has_moved)
    _add(menu, "Fit", "F", canvas.fit).setEnabled(scene is not None)
    return menu


def _add(menu: QMenu, text: str, keys: str, change: Callable[[], object]) -> QAction:
    """An entry that also says which keys do the same (they are the window's, or the canvas's own)."""
    return menu.addAction(f"{text}\t{QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)}", change)


def _add_questions(menu: QMenu, canvas: GraphCanvas, trace: Trace) -> None:
    """What the graph can be asked about the picked item."""
    spotlight, nodes = canvas.spotlight, canvas.picked_nodes
    for text, keys, question in (
        ("Show what this depends on", "Ctrl+Up", spotlight.show_dependencies),
        ("Show what depends on this", "Ctrl+Down", spotlight.show_dependents),
        ("Show the path to the loss", "L", spotlight.show_path_to_loss),
        ("Start a path here", "B", spotlight.start_path),
    ):
        _add(menu, text, keys, partial(question, trace, nodes))
    if spotlight.start is not None:
        name = _short(short_name(trace.graph.nodes[spotlight.start]))
        _add(menu, f"Show the paths between {name} and this", "Shift+B", partial(spotlight.show_paths, trace, nodes))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def _short(name: str) -> str:
    # An ampersand would become a mnemonic.
    return (name if len(name) <= 32 else name[:31] + "…").replace("&", "&&")
