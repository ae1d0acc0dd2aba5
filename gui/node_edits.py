"""What can be edited of a node: its gradient, its edges, its requires_grad; asked for where a number is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from engine.graph.edits import (
    AnyEdit,
    ClipGradient,
    CutEdge,
    ReplaceGradient,
    ScaleGradient,
    SetRequiresGrad,
    SetSeed,
)
from engine.graph.model import Edge, Node
from engine.graph.trace import Trace
from engine.graph.values import Values
from gui.edit_words import different_edge_words, node_words
from gui.editing import KEY, Editing
from gui.pasted import fitted, parse_numbers
from gui.widgets.notification import Notification
from gui.widgets.text import tooltip

_FLOATS = ("float", "bfloat", "complex")
_MOST_CUTS = 12
"""Edges of one node that are listed in a menu."""


class NodeEdits(QObject):
    """Turns a wish about a node into an edit. Node ids are those of the open trace, which has the original's form."""

    def __init__(self, editing: Editing, window: QWidget) -> None:
        super().__init__(window)
        self._editing = editing
        self._window = window

    @property
    def trace(self) -> Trace | None:
        """The trace whose nodes are edited."""
        return self._editing.original

    def node(self, node_id: int) -> Node | None:
        trace = self.trace
        return trace.graph.nodes[node_id] if trace is not None and node_id < len(trace.graph.nodes) else None

    def has_gradient(self, node_id: int) -> bool:
        """Whether a gradient arrives at the node (without edits), so that it can be changed."""
        return self.trace is not None and self.node(node_id) is not None and self.trace.step_of(node_id) is not None

    def can_require_grad(self, node_id: int) -> bool:
        node = self.node(node_id)
        return (
            node is not None and node.kind != "op" and bool(node.outputs) and node.outputs[0].dtype.startswith(_FLOATS)
        )

    def requires_grad(self, node_id: int) -> bool:
        """With the edits."""
        node = self.node(node_id)
        if node is None:
            return False
        entry = self._editing.find(SetRequiresGrad(node=node_id, requires_grad=True))
        if entry is not None and entry.is_enabled and isinstance(entry.edit, SetRequiresGrad):
            return entry.edit.requires_grad
        return node.kind == "leaf"

    def set_requires_grad(self, node_id: int, requires_grad: bool) -> None:
        node = self.node(node_id)
        edit = SetRequiresGrad(node=node_id, requires_grad=requires_grad)
        if node is not None and (node.kind == "leaf") == requires_grad:
            self._take_back(edit)
        else:
            self._editing.apply(edit)

    def toggle_requires_grad(self, node_id: int) -> None:
        self.set_requires_grad(node_id, not self.requires_grad(node_id))

    def edges(self, node_id: int) -> list[Edge]:
        """Those along which a gradient flows, into the node and out of it, without edits."""
        trace = self.trace
        if trace is None or self.node(node_id) is None:
            return []
        edges = [*trace.graph.incoming(node_id), *trace.graph.outgoing(node_id)]
        return [edge for edge in edges if edge.grad_index is not None]

    def has_consumers(self, node_id: int) -> bool:
        """Whether a gradient comes back to the node from another one (without edits), so that it can be cut."""
        trace = self.trace
        if trace is None or self.node(node_id) is None:
            return False
        return any(edge.grad_index is not None for edge in trace.graph.outgoing(node_id))

    def is_cut(self, edge: Edge) -> bool:
        entry = self._editing.find(_cut(edge))
        return entry is not None and entry.is_enabled

    def cut(self, edge: Edge, is_cut: bool = True) -> None:
        if is_cut:
            self._editing.apply(_cut(edge))
        else:
            self._take_back(_cut(edge))

    def toggle_outputs(self, node_id: int) -> None:
        """Cut every edge out of a node, or join all of them again."""
        edges = [edge for edge in self.edges(node_id) if edge.source == node_id]
        is_cut = all(self.is_cut(edge) for edge in edges)
        for edge in edges:
            if self.is_cut(edge) == is_cut:
                self.cut(edge, not is_cut)

    def zero(self, node_id: int) -> None:
        self._editing.apply(ScaleGradient(node=node_id, factor=0.0))

    def scale(self, node_id: int) -> None:
        text = f"Multiply the gradient that arrives at {self._words(node_id)} by"
        self._ask("Scale the gradient", text, 2.0, partial(self._scale, node_id))

    def clip(self, node_id: int) -> None:
        text = f"Limit the norm of the gradient at {self._words(node_id)} to"
        self._ask("Clip the gradient", text, 1.0, partial(self._clip, node_id), least=0.0)

    def replace(self, node_id: int) -> None:
        node = self.node(node_id)
        if node is not None:
            dialog = self._dialog(
                "Replace the gradient", f"Numbers in the place of the gradient at {self._words(node_id)}"
            )
            dialog.setOption(QInputDialog.InputDialogOption.UsePlainTextEditForTextInput)
            dialog.setTextValue("1")
            dialog.textValueSelected.connect(partial(self._replace, node_id))
            dialog.open()

    def ask_seed(self) -> None:
        """Let the user choose another seed."""
        dialog = self._dialog("Change the seed", "Seed of the random numbers")
        dialog.setInputMode(QInputDialog.InputMode.IntInput)
        dialog.setIntRange(0, 2**31 - 1)
        entry = self._editing.find(SetSeed(seed=0))
        dialog.setIntValue(entry.edit.seed if entry is not None and isinstance(entry.edit, SetSeed) else 1)
        dialog.intValueSelected.connect(self._on_seed_chosen)
        dialog.open()

    def fill(self, menu: QMenu, node_id: int) -> None:
        """Put everything that can be edited of a node into a menu."""
        if self._editing.why_not or self.node(node_id) is None:
            return
        if self.has_gradient(node_id):
            for title, action in (
                ("Zero gradient", self.zero),
                ("Scale gradient…", self.scale),
                ("Clip gradient…", self.clip),
                ("Replace gradient…", self.replace),
            ):
                menu.addAction(title, partial(action, node_id))
        if self.can_require_grad(node_id):
            switch = menu.addAction("Requires grad")
            switch.setCheckable(True)
            switch.setChecked(self.requires_grad(node_id))
            switch.triggered.connect(partial(self.set_requires_grad, node_id))
        edges = self.edges(node_id)[:_MOST_CUTS]
        for edge, words in zip(edges, self.edge_words(edges), strict=True):
            cut = menu.addAction(f"Cut {words}".replace("&", "&&"))
            cut.setCheckable(True)
            cut.setChecked(self.is_cut(edge))
            cut.triggered.connect(partial(self.cut, edge))

    def fill_edge(self, menu: QMenu, edge: Edge) -> None:
        """Put what can be edited of an edge into a menu."""
        if self._editing.why_not or (edge.grad_index is None and not self.is_cut(edge)):
            return
        cut = menu.addAction("Cut this edge\tX")
        cut.setCheckable(True)
        cut.setChecked(self.is_cut(edge))
        cut.triggered.connect(partial(self.cut, edge))

    def edge_words(self, edges: Sequence[Edge]) -> list[str]:
        """Each of these edges of one node in words."""
        trace = self.trace
        return [""] * len(edges) if trace is None else different_edge_words(trace, edges)

    def _words(self, node_id: int) -> str:
        return "" if self.trace is None else node_words(self.trace, node_id)

    def _take_back(self, edit: AnyEdit) -> None:
        entry = self._editing.find(edit)
        if entry is not None:
            self._editing.remove(self._editing.entries.index(entry))

    def _dialog(self, title: str, text: str) -> QInputDialog:
        dialog = QInputDialog(self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(title)
        dialog.setLabelText(tooltip(text))  # escaped: a name may look like markup
        return dialog

    def _ask(self, title: str, text: str, value: float, then: Callable[[float], None], least: float = -1e12) -> None:
        dialog = self._dialog(title, text)
        dialog.setInputMode(QInputDialog.InputMode.DoubleInput)
        dialog.setDoubleRange(least, 1e12)
        dialog.setDoubleDecimals(6)
        dialog.setDoubleValue(value)
        dialog.doubleValueSelected.connect(then)
        dialog.open()

    def _scale(self, node_id: int, factor: float) -> None:
        self._editing.apply(ScaleGradient(node=node_id, factor=factor))

    def _clip(self, node_id: int, limit: float) -> None:
        self._editing.apply(ClipGradient(node=node_id, limit=limit, is_norm=True))

    def _replace(self, node_id: int, text: str) -> None:
        node = self.node(node_id)
        if node is None:
            return
        shape = tuple(node.outputs[0].shape)
        try:
            array = fitted(parse_numbers(text), shape)
        except ValueError as error:
            self._editing.notified.emit(Notification(str(error), "warning", key=KEY))
            return
        if array.shape != shape:
            sizes = " × ".join(map(str, shape)) or "one number"
            text = f"The gradient at {self._words(node_id)} has the shape {sizes}; these are {np.size(array)} numbers."
            self._editing.notified.emit(Notification(text, "warning", key=KEY))
            return
        self._editing.apply(ReplaceGradient(node=node_id, values=Values.of(array)))

    def _on_seed_chosen(self, seed: int) -> None:
        self._editing.apply(SetSeed(seed=seed))


def _cut(edge: Edge) -> CutEdge:
    return CutEdge(source=edge.source, output_nr=edge.output_nr, target=edge.target, input_nr=edge.input_nr)
