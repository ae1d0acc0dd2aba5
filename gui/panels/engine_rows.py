"""The engine's view of one moment as rows: what is ready, what waits for what, what adds up, what is saved."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from engine.graph.lifetimes import Lifetimes, Saved, arriving, start_of, sum_so_far
from engine.graph.model import Node
from engine.graph.numbers import format_bytes, format_count, format_number, format_shape
from engine.graph.stepper import Stepper
from engine.graph.timeline import Update
from engine.graph.trace import Trace

from ..style import TEXT_NORMAL_PT
from ..theme import Theme, mono_font
from ..widgets.tensor_view import number_text
from ..widgets.text import plain, tooltip
from .naming import node_name, node_title

MOST_ROWS = 16
NODE_ROLE = Qt.ItemDataRole.UserRole + 1
MORE_ROLE = Qt.ItemDataRole.UserRole + 2
_ROLES = frozenset(
    {
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.ToolTipRole,
        Qt.ItemDataRole.ForegroundRole,
        Qt.ItemDataRole.FontRole,
        Qt.ItemDataRole.TextAlignmentRole,
        Qt.ItemDataRole.AccessibleTextRole,
        NODE_ROLE,
        MORE_ROLE,
    }
)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_Index = QModelIndex | QPersistentModelIndex


class Row(NamedTuple):
    """One line: what, a detail at its right end, the node that it is about, and the theme's colour of the detail.

    `more` follows the text where there is room for it.
    """

    text: str
    detail: str = ""
    node: int | None = None
    color: str = "muted"
    more: str = ""

    @property
    def whole_text(self) -> str:
        return self.text + self.more

    @property
    def is_number(self) -> bool:
        """Whether the detail is one, or the norm of several: it has the face of numbers then."""
        return self.color != "muted"


class Section(NamedTuple):
    """A heading with its rows."""

    title: str
    detail: str
    rows: tuple[Row, ...]


def sections(trace: Trace, stepper: Stepper, lifetimes: Lifetimes, focus: int | None) -> list[Section]:
    """Everything that the engine holds at the stepper's position; `focus` is the node whose sum is shown."""
    found = [_ready(trace, stepper), *_accumulated(trace, stepper), *_sum(trace, stepper, focus)]
    return [*found, _waiting(trace, stepper), _saved(trace, stepper, lifetimes)]


def _ready(trace: Trace, stepper: Stepper) -> Section:
    nodes = stepper.ready()
    rows = []
    for place, node_id in enumerate(nodes[:MOST_ROWS].tolist()):
        node = trace.graph.nodes[node_id]
        step = trace.step_of(node_id)
        info = next((grad for grad in step.grad_outputs if grad is not None), None) if step is not None else None
        detail = "next" if place == 0 and info is None else "" if info is None else number_text(info)
        rows.append(Row(_title(node), detail, node_id, "accent"))
    return Section("Ready", format_count(len(nodes)), _limited(rows, len(nodes)))


def _waiting(trace: Trace, stepper: Stepper) -> Section:
    nodes = stepper.waiting()
    rows = []
    for node_id in nodes[:MOST_ROWS].tolist():
        missing, arrived = stepper.missing(node_id), stepper.arrived(node_id)
        count = f"{missing} missing" if not arrived else f"{missing} of {missing + arrived} missing"
        rows.append(Row(_title(trace.graph.nodes[node_id]), count, node_id))
    return Section("Waiting", format_count(len(nodes)), _limited(rows, len(nodes)))


def _sum(trace: Trace, stepper: Stepper, focus: int | None) -> list[Section]:
    """The contributions to each output of the focus that gets several, as they arrive."""
    outputs = () if focus is None else range(len(trace.graph.nodes[focus].outputs))
    return [section for output in outputs for section in _sum_of(trace, stepper, focus or 0, output)]


def _sum_of(trace: Trace, stepper: Stepper, focus: int, output: int) -> list[Section]:
    coming, start = arriving(trace, focus, output), start_of(trace, focus, output)
    if len(coming) + (start is not None) < 2:
        return []
    arrived = sum(contribution.position <= stepper.position for contribution in coming)
    rows = [] if start is None else [Row("the backward pass starts here", number_text(start), focus, "accent")]
    for contribution in coming[:MOST_ROWS]:
        node = trace.graph.nodes[contribution.edge.target]
        has_come = contribution.position <= stepper.position
        detail = number_text(contribution.info) if has_come else f"comes with step {contribution.position}"
        rows.append(Row(f"from {_title(node)}", detail, node.id, "accent" if has_come else "muted"))
    total = sum_so_far(coming, stepper.position)
    if start is not None and start.array is not None:
        total = start.array if total is None else total + start.array
    if total is not None and stepper.position >= 0:
        text = format_number(float(total.reshape(-1)[0])) if total.size == 1 else f"norm {_norm(total)}"
        rows.append(Row("sum so far" if arrived < len(coming) else "sum", text, focus, "accent"))
    node = trace.graph.nodes[focus]
    which = f", output {output}" if len(node.outputs) > 1 else ""
    detail = f"{arrived} of {len(coming)}"
    return [Section(f"Gradient of {node_name(node)}{which}", detail, _limited(rows, len(coming)))]


def _norm(array: object) -> str:
    import numpy as np

    return format_number(float(np.linalg.norm(np.asarray(array, dtype=np.float64).ravel())))


def _accumulated(trace: Trace, stepper: Stepper) -> list[Section]:
    """A leaf's `.grad` before and after, at its own step; what changed it, at its update."""
    event, current = stepper.event, stepper.current
    if event is not None and event.node.kind == "leaf" and current is not None:
        before = "None" if current.grad_before is None else number_text(current.grad_before)
        after = "None" if current.grad_after is None else number_text(current.grad_after)
        rows = (Row("before", before, event.node.id, "muted"), Row("after", after, event.node.id, "accent"))
        return [Section(f"{node_name(event.node)}.grad", "", rows)]
    updates = stepper.timeline.updates[: max(0, stepper.position - stepper.length)]
    if not updates:
        return []
    changed = [Row(_title(u.node), _change(u), u.node.id, "leaf") for u in reversed(updates[-MOST_ROWS:])]
    return [Section(f"Updated by {updates[-1].text}", format_count(len(updates)), _limited(changed, len(updates)))]


def _change(update: Update) -> str:
    """The new number of a leaf that is one; else by how much it was changed."""
    if update.after.numel == 1 and update.after.array is not None:
        return f"now {number_text(update.after)}"
    return "changed" if update.amount is None else f"by {format_number(update.amount)}"


def _saved(trace: Trace, stepper: Stepper, lifetimes: Lifetimes) -> Section:
    count = lifetimes.count_alive(stepper.position)
    held = int(lifetimes.bytes_alive[stepper.position - lifetimes.first]) if len(lifetimes.bytes_alive) else 0
    rows = [_saved_row(trace, saved) for saved in lifetimes.alive(stepper.position, MOST_ROWS)]
    return Section("Saved", format_bytes(held), _limited(rows, count))


def _saved_row(trace: Trace, saved: Saved) -> Row:
    tensor = saved.tensor
    source = None if tensor.source is None else trace.graph.nodes[tensor.source[0]]
    what = tensor.name if source is None else node_name(source)
    text, more = f"{what} {format_shape(tensor.shape)}", f" for {saved.node.label}"
    version = f"v{tensor.version} · " if tensor.version else ""
    if saved.lives_anyway:
        detail = f"{version}lives anyway"
    elif saved.end is None:
        detail = f"{version}{format_bytes(tensor.nbytes)} · kept"
    else:
        detail = f"{version}{format_bytes(tensor.nbytes)} · to step {saved.end}"
    return Row(plain(text), detail, saved.node.id, more=plain(more))


def _title(node: Node) -> str:
    return plain(node_title(node))


def _limited(rows: list[Row], count: int) -> tuple[Row, ...]:
    more = count - MOST_ROWS
    return (*rows, Row(f"… and {format_count(more)} more")) if more > 0 else tuple(rows)


class EngineModel(QAbstractItemModel):
    """Sections and their rows in two columns."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self.number_font = mono_font(TEXT_NORMAL_PT)
        self._sections: list[Section] = []

    def set_sections(self, sections: list[Section]) -> None:
        """Show another moment."""
        self.beginResetModel()
        self._sections = sections
        self.endResetModel()

    @property
    def sections(self) -> list[Section]:
        return self._sections

    def index(self, row: int, column: int, parent: _Index | None = None) -> QModelIndex:
        if parent is None or not parent.isValid():
            return self.createIndex(row, column, 0) if 0 <= row < len(self._sections) else QModelIndex()
        if parent.internalId() or not 0 <= row < len(self._sections[parent.row()].rows):
            return QModelIndex()
        return self.createIndex(row, column, parent.row() + 1)

    def parent(self, child: _Index | None = None) -> QModelIndex:  # type: ignore[override]  # as Qt's tree models do
        if child is None or not child.isValid() or not child.internalId():
            return QModelIndex()
        return self.createIndex(child.internalId() - 1, 0, 0)

    def rowCount(self, parent: _Index | None = None) -> int:
        if parent is None or not parent.isValid():
            return len(self._sections)
        return 0 if parent.internalId() or parent.column() else len(self._sections[parent.row()].rows)

    def columnCount(self, parent: _Index | None = None) -> int:
        return 2

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        column, section = index.column(), index.internalId()
        if role not in _ROLES:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column == 1 else None
        if not index.isValid():
            return None
        if not section:
            return self._heading(self._sections[index.row()], column, role)
        row = self._sections[section - 1].rows[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole:
            colour: QColor | None = self.theme.written(row.color) if column == 1 else None
            return colour
        if role == Qt.ItemDataRole.FontRole:
            return self.number_font if column == 1 and row.is_number else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return tooltip("\n".join(part for part in (row.whole_text, row.detail) if part))
        others: dict[int, object] = {
            NODE_ROLE: row.node,
            MORE_ROLE: row.more,
            Qt.ItemDataRole.AccessibleTextRole: f"{row.whole_text}, {row.detail}",
        }
        return others.get(role, row.text if column == 0 else row.detail)

    def _heading(self, section: Section, column: int, role: int) -> object:
        if role == Qt.ItemDataRole.DisplayRole:
            return section.title if column == 0 else section.detail
        if role == Qt.ItemDataRole.ForegroundRole:
            return self.theme.text if column == 0 else self.theme.muted
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{section.title}: {section.detail}"
        return None
