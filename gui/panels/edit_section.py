"""The section of the inspector in which a node is edited: its value, its numbers, its gradient, its edges."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QSignalBlocker, Qt
from PySide6.QtGui import QColor, QEnterEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QLayout, QVBoxLayout, QWidget

from engine.graph.edits import SetConstant, SetValue
from engine.graph.model import Node
from engine.graph.trace import Trace
from engine.graph.values import Values

from ..canvas.edit_marks import is_changed
from ..editing import KEY, Editing
from ..node_edits import NodeEdits
from ..style import TEXT_NORMAL_PT
from ..theme import UNIT, ui_font
from ..widgets.elided_check_box import ElidedCheckBox
from ..widgets.flow_row import FlowRow
from ..widgets.matrix_editor import MatrixEditor
from ..widgets.notification import Notification
from ..widgets.number_editor import NumberEditor
from ..widgets.tensor_view import number_text
from ..widgets.text import LinkButton
from .moment import Moment
from .rows import Section

_MOST_CELLS = 16_384
_MOST_NUMBERS = 8
_MOST_EDGES = 8


class EditSection(Section):
    """Editors for one node; they stay the same widgets while that node is shown, so that a slider can be dragged."""

    def __init__(self, editing: Editing, edits: NodeEdits, parent: QWidget | None = None) -> None:
        super().__init__("What if", parent)
        self._editing = editing
        self._edits = edits
        self._node: Node | None = None
        self._original: Trace | None = None
        self._shape: tuple[int, ...] = ()
        self._cell = (0, 0)
        self.constants: dict[str, NumberEditor | QCheckBox] = {}
        self.number = NumberEditor("Value", self)
        self.matrix = MatrixEditor(self)
        self.requires_grad = QCheckBox("Requires grad", self)
        self.requires_grad.setFont(ui_font(TEXT_NORMAL_PT))
        self._parameters = QGridLayout()
        self._parameters.setColumnStretch(1, 1)
        self._parameters.setHorizontalSpacing(2 * UNIT)
        self._links = QVBoxLayout()
        self._links.setSpacing(UNIT)
        self.body.setSpacing(2 * UNIT)
        for widget in (self.number, self.matrix, self.requires_grad):
            self.body.addWidget(widget)
        for layout in (self._parameters, self._links):
            self.body.addLayout(layout)
        self.body.removeWidget(self.list)  # rows come and go: below the editors, so that a slider stays where it is
        self.body.addWidget(self.list)
        self.number.edited.connect(self._on_number_edited)
        self.matrix.edited.connect(self._on_matrix_edited)
        self.matrix.cell_chosen.connect(self._on_matrix_cell_chosen)
        self.matrix.refused.connect(self._on_matrix_refused)
        self.requires_grad.toggled.connect(self._on_requires_grad_toggled)
        self.hide()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._editing.prepare()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusIn:
            self._editing.prepare()
        return super().event(event)

    def take_focus(self) -> bool:
        """Let the keyboard change the value; False where there is none that can be edited."""
        for editor in (self.number, *self.constants.values()):
            if editor.isVisible():
                editor.setFocus(Qt.FocusReason.ShortcutFocusReason)
                return True
        return False

    def show_moment(self, moment: Moment) -> None:
        """Show the editors for a node, with what its value is now."""
        is_later = moment.is_updated and moment.node.kind == "leaf"  # the inspector shows what the optimizer made of it
        self.restart(moment.theme, "What if, before the update" if is_later else "What if")
        node = self._edits.node(moment.node.id)
        is_editable = not self._editing.why_not and node is not None and self._is_about(node, moment.node)
        if not is_editable or node is None:
            self._node = None
            self.finish(is_shown=False)
            return
        is_other = node is not self._node
        self._node = node
        self._show_value(node, is_other=is_other)
        self._show_requires_grad(node)
        if is_other:
            self._build_constants(node)
            self._build_links(node, moment)
        self._show_constants(node)
        self._show_links(node, moment.theme.accent_text)
        self._show_before(moment)
        has_any = self.number.isVisibleTo(self) or bool(self.constants) or self._links.count() > 0
        self.finish(is_shown=has_any or self.requires_grad.isVisibleTo(self))

    def _is_about(self, node: Node, shown: Node) -> bool:
        """Whether the node of the original is the one that is shown: an edit may have sent the program another way."""
        return node.op == shown.op and (node.kind == "op") == (shown.kind == "op")

    # The value

    def _show_value(self, node: Node, *, is_other: bool) -> None:
        array = self._editing.value(node.id) if node.kind != "op" else None
        is_number = array is not None and array.dtype.kind in "biuf" and 0 < array.size <= _MOST_CELLS
        self.number.setVisible(is_number)
        self.matrix.setVisible(is_number and array is not None and array.size > 1)
        if not is_number or array is None:
            return
        if is_other:
            self._cell = (0, 0)
        self._shape = array.shape
        matrix = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
        self._cell = (min(self._cell[0], matrix.shape[0] - 1), min(self._cell[1], matrix.shape[1] - 1))
        self.matrix.set_array(matrix)
        self._show_number(is_other=is_other)

    def _show_number(self, *, is_other: bool) -> None:
        node, matrix = self._node, self.matrix.array
        whole = node is not None and not node.outputs[0].dtype.startswith(("float", "bfloat"))
        self.number.set_value(float(matrix[self._cell]), is_whole=whole, is_other=is_other)

    def _set_array(self, array: npt.NDArray[Any], *, is_dragging: bool = False) -> None:
        if self._node is not None:
            edit = SetValue(node=self._node.id, values=Values.of(array))
            self._editing.apply(edit, is_dragging=is_dragging)

    def _on_number_edited(self, value: float, is_dragging: bool) -> None:
        array = self.matrix.array.astype(np.float64)
        array[self._cell] = value
        self.matrix.set_array(array)
        self._set_array(array.reshape(self._shape), is_dragging=is_dragging)

    def _on_matrix_edited(self, array: npt.NDArray[Any]) -> None:
        self._set_array(array.reshape(self._shape) if array.size == math.prod(self._shape) else array)

    def _on_matrix_cell_chosen(self, row: int, column: int) -> None:
        self._cell = (row, column)
        self._show_number(is_other=True)

    def _on_matrix_refused(self, text: str) -> None:
        self._editing.notified.emit(Notification(text, "warning", key=KEY))

    # requires_grad

    def _show_requires_grad(self, node: Node) -> None:
        self.requires_grad.setVisible(self._edits.can_require_grad(node.id))
        with QSignalBlocker(self.requires_grad):
            self.requires_grad.setChecked(self._edits.requires_grad(node.id))

    def _on_requires_grad_toggled(self, is_checked: bool) -> None:
        if self._node is not None:
            self._edits.set_requires_grad(self._node.id, is_checked)

    # Numbers that the program gives to an operation

    def _build_constants(self, node: Node) -> None:
        _clear(self._parameters)
        self.constants.clear()
        known = {name: value for name, value in node.params.items() if isinstance(value, bool | int | float)}
        for row, (name, value) in enumerate(list(known.items())[:_MOST_NUMBERS] if node.kind == "op" else []):
            label = QLabel(name, self)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFont(ui_font(TEXT_NORMAL_PT))
            self._parameters.addWidget(label, row, 0)
            editor: NumberEditor | QCheckBox
            if isinstance(value, bool):
                editor = QCheckBox(self)
                editor.setAccessibleName(name)
                editor.toggled.connect(partial(self._on_constant_toggled, name))
            else:
                editor = NumberEditor(name, self)
                editor.set_value(float(value), is_other=True)
                editor.edited.connect(partial(self._on_constant_edited, name))
            self._parameters.addWidget(editor, row, 1)
            self.constants[name] = editor

    def _show_constants(self, node: Node) -> None:
        for name, editor in self.constants.items():
            value = node.params[name]
            entry = self._editing.find(SetConstant(node=node.id, name=name, value=0))
            if entry is not None and entry.is_enabled and isinstance(entry.edit, SetConstant):
                value = entry.edit.value
            if isinstance(editor, QCheckBox):
                with QSignalBlocker(editor):
                    editor.setChecked(bool(value))
            else:
                editor.set_value(float(value))

    def _on_constant_edited(self, name: str, value: float, is_dragging: bool) -> None:
        if self._node is not None:
            is_whole = isinstance(self._node.params[name], int) and value == round(value)
            number = int(value) if is_whole else value
            self._editing.apply(SetConstant(node=self._node.id, name=name, value=number), is_dragging=is_dragging)

    def _on_constant_toggled(self, name: str, is_checked: bool) -> None:
        if self._node is not None:
            self._editing.apply(SetConstant(node=self._node.id, name=name, value=is_checked))

    # Gradient and edges

    def _build_links(self, node: Node, moment: Moment) -> None:
        _clear(self._links)
        color = moment.theme.accent_text
        if self._edits.has_gradient(node.id):
            row = FlowRow(self, spacing=3 * UNIT)
            label = QLabel("Gradient", self)
            label.setFont(ui_font(TEXT_NORMAL_PT))
            row.add(label)
            for title, action, hint in (
                ("zero", self._edits.zero, "Put zeros in the place of the gradient that arrives here"),
                ("scale…", self._edits.scale, "Multiply the gradient that arrives here by a number"),
                ("clip…", self._edits.clip, "Bound the gradient that arrives here, or its norm"),
                ("replace…", self._edits.replace, "Put numbers in the place of the gradient that arrives here"),
            ):
                link = self._link(title, color, partial(action, node.id))
                link.set_hint(hint)
                row.add(link)
            self._links.addWidget(row)
        edges = self._edits.edges(node.id)[:_MOST_EDGES]
        for edge, words in zip(edges, self._edits.edge_words(edges), strict=True):
            box = ElidedCheckBox(f"Cut {words}", "Detach here: no gradient flows back along this edge", self)
            box.setFont(ui_font(TEXT_NORMAL_PT))
            box.toggled.connect(partial(self._edits.cut, edge))
            self._links.addWidget(box)
        self._order_links()

    def _order_links(self) -> None:
        """Tab comes to what was just made where it stands, and not after everything else in the window."""
        last: QWidget = self.requires_grad
        for place in range(self._links.count()):
            item = self._links.itemAt(place)
            found = None if item is None else item.widget()
            for widget in found.widgets if isinstance(found, FlowRow) else [found]:
                if isinstance(widget, LinkButton | QCheckBox):
                    QWidget.setTabOrder(last, widget)
                    last = widget

    def _link(self, title: str, color: QColor, action: partial[None]) -> LinkButton:
        link = LinkButton(title, color, self, font=ui_font(TEXT_NORMAL_PT))
        link.clicked.connect(partial(_call, action))
        return link

    def _show_links(self, node: Node, color: QColor) -> None:
        for link in self.findChildren(LinkButton):
            link.set_color(color)
        boxes = [box for box in (self._links.itemAt(place) for place in range(self._links.count())) if box is not None]
        edges = self._edits.edges(node.id)[:_MOST_EDGES]
        checks = [item.widget() for item in boxes if isinstance(item.widget(), QCheckBox)]
        for box, edge in zip(checks, edges, strict=True):
            if isinstance(box, QCheckBox):
                with QSignalBlocker(box):
                    box.setChecked(self._edits.is_cut(edge))

    # Before the edits

    def _show_before(self, moment: Moment) -> None:
        """The original's value and gradient, where the edits have changed them."""
        original = self._editing.original
        if not self._editing.is_shown or original is None:
            return
        outputs = original.graph.nodes[moment.node.id].outputs
        value = outputs[moment.output] if moment.output < len(outputs) else None
        rows = [("Value before", value, moment.value, moment.theme.data_text)]
        if moment.has_gradient or moment.step is None:
            before = original.grad_info(moment.node.id, moment.output)
            rows.append(("Gradient before", before, moment.gradient, moment.theme.accent_text))
        for name, before, now, color in rows:
            if before is not None and is_changed(before, now):
                self.add_row(name, number_text(before), color)


def _clear(layout: QLayout) -> None:
    """Take every widget out of a layout and delete it."""
    while (item := layout.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def _call(action: partial[None], _is_checked: bool = False) -> None:
    action()
