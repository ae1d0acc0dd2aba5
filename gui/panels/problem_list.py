"""The list of findings: a model with one row each, and how a row is painted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPen, QPolygonF, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from engine.diagnose.finding import Finding
from engine.graph.trace import Trace

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import Theme, ThemeManager, ui_font
from ..widgets.text import plain, tooltip
from .code_lines import CodeLines
from .naming import file_name, node_title

FINDING_ROLE = Qt.ItemDataRole.UserRole + 1
WHERE_ROLE = Qt.ItemDataRole.UserRole + 2
ROW_PX = 46
_Index = QModelIndex | QPersistentModelIndex


def where_text(trace: Trace, finding: Finding) -> str:
    """ "z (add) · model.py:12 · net › fc1"."""
    if not 0 <= finding.node_id < len(trace.graph.nodes):
        return ""
    node = trace.graph.nodes[finding.node_id]
    parts = [node_title(node)]
    if node.source is not None:
        parts.append(f"{file_name(node.source.file)}:{node.source.line}")
    if node.scope:
        parts.append(" › ".join(node.scope))
    return plain(" · ".join(parts))


def _run_text(lines: CodeLines, finding: Finding) -> str:
    """Which run of a line in a loop it is: " · run 3 of 12"; "" for the only one."""
    node = lines.trace.graph.nodes[finding.node_id]
    runs = lines.runs(node)
    return f" · run {runs.index(node.id) + 1} of {len(runs)}" if len(runs) > 1 else ""


_UNREADABLE = "cannot show what it saved"
"""In a note about a tensor that was changed in place or freed since."""


def notices(trace: Trace) -> list[Finding]:
    """The program's own failure, and what was not recorded, as rows of the same kind; they belong to no node."""
    found = []
    if trace.error is not None:
        place = trace.error_source
        where = f" It is line {place[1]} of {file_name(place[0])}." if place is not None else ""
        found.append(
            Finding(
                kind="error",
                severity="error",
                node_id=-1,
                title=trace.error,
                reason=f"The program raised; the graph ends at the operation that failed.{where}",
                cure="Look at the last operations of the graph, and at the traceback in the console.",
            )
        )
    found += [
        Finding(kind="recording", severity="note", node_id=-1, title=note, reason="", cure="")
        for note in trace.notes
        if trace.error is None or _UNREADABLE not in note  # the failure itself says why, and a finding names the pair
    ]
    return found


def make_model(trace: Trace, findings: Sequence[Finding], parent: QStandardItemModel) -> None:
    """Fill the model `parent` with one row for each finding."""
    parent.clear()
    places = [where_text(trace, finding) for finding in findings]
    again = {place for place, count in Counter(places).items() if place and count > 1}
    lines = CodeLines(trace) if again else None
    for finding, place in zip(findings, places, strict=True):
        where = place if lines is None or place not in again else place + _run_text(lines, finding)
        item = QStandardItem(plain(finding.title))
        item.setEditable(False)
        item.setData(finding, FINDING_ROLE)
        item.setData(where, WHERE_ROLE)
        item.setToolTip(tooltip("\n".join(text for text in (finding.title, where) if text)))
        item.setData(f"{finding.severity}: {plain(finding.title)}, {where}", Qt.ItemDataRole.AccessibleTextRole)
        parent.appendRow(item)


def severity_color(severity: str, theme: Theme) -> QColor:
    return {"error": theme.accent, "warning": QColor("#E0A030" if theme.is_dark else "#B7791F")}.get(
        severity, theme.data
    )


def paint_severity(painter: QPainter, center: QPointF, severity: str, theme: Theme) -> None:
    """An octagon with a cross, a triangle with a "!", or a circle with an "i": told apart by shape and colour."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(severity_color(severity, theme))
    x, y = center.x(), center.y()
    stroke = QPen(theme.surface, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    if severity == "error":
        corners = [(-3, -7), (3, -7), (7, -3), (7, 3), (3, 7), (-3, 7), (-7, 3), (-7, -3)]
        painter.drawPolygon(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in corners]))
        painter.setPen(stroke)
        painter.drawLine(QPointF(x - 2.5, y - 2.5), QPointF(x + 2.5, y + 2.5))
        painter.drawLine(QPointF(x - 2.5, y + 2.5), QPointF(x + 2.5, y - 2.5))
    else:
        is_warning = severity == "warning"
        if is_warning:
            painter.drawPolygon(QPolygonF([QPointF(x, y - 7.5), QPointF(x + 8, y + 6.5), QPointF(x - 8, y + 6.5)]))
        else:
            painter.drawEllipse(center, 7, 7)
        painter.setPen(stroke)
        line, dot = ((-2.5, 1.5), 4.2) if is_warning else ((-0.5, 3.6), -3.4)
        painter.drawLine(QPointF(x, y + line[0]), QPointF(x, y + line[1]))
        painter.drawPoint(QPointF(x, y + dot))
    painter.restore()


class ProblemDelegate(QStyledItemDelegate):
    """Paints a row: the severity's sign, the title, and below it where it is."""

    def __init__(self, themes: ThemeManager, parent: QStandardItemModel) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(120, ROW_PX if index.data(WHERE_ROLE) else 32)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme = self._themes.theme
        finding: Finding = index.data(FINDING_ROLE)
        area = QRectF(option.rect)
        state = option.state
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, theme.data_soft)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, theme.background)
        painter.setPen(theme.line)
        painter.drawLine(area.bottomLeft() + QPointF(12, -0.5), area.bottomRight() + QPointF(-12, -0.5))
        where = str(index.data(WHERE_ROLE) or "")
        top = area.top() + (7 if where else (area.height() - 18) / 2)
        paint_severity(painter, QPointF(area.left() + 22, top + 9), finding.severity, theme)
        inside = QRectF(area.left() + 40, top, area.width() - 52, 18)
        for text, font, color, shift in (
            (str(index.data(Qt.ItemDataRole.DisplayRole)), ui_font(TEXT_NORMAL_PT), theme.text, 0),
            (where, ui_font(TEXT_SMALL_PT), theme.muted, 17),
        ):
            painter.setFont(font)
            painter.setPen(color)
            shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, int(inside.width()))
            painter.drawText(inside.translated(0, shift), Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()
