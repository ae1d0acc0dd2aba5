"""The timeline panel: the forward pass and the backward pass as one track that can be scrubbed."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from engine.graph.numbers import format_number

from ..document import Document
from ..style import TEXT_NORMAL_PT
from ..theme import Theme, ThemeManager, ui_font
from ..widgets.text import plain, tooltip
from .naming import file_name, line_text, node_title
from .timeline_painter import Mark, Rows, grouped, paint_current, paint_cursor, paint_mark, render_layer, rows
from .timeline_scale import Events, Scale

_EMPTY = "The forward and the backward pass appear here once a program has run."
_KNOB_PX = 10
_NEAR_PX = 6


class TimelinePanel(QWidget):
    """Shows every operation and every backward step in order; a click or a drag moves the document's cursor.

    The wheel zooms about the pointer, with Shift it moves the view; a double click shows everything again.

    Parameters
    ----------
    document : gives the trace and the cursor, and is told where to move.
    themes : whose colours are used.
    """

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._events = Events(None)
        self.scale = Scale()
        self._layers: tuple[QPixmap, QPixmap] | None = None
        self._marks: list[Mark] = []
        self._shown_position = 0
        self._is_scrubbing = False
        self._has_keyboard_focus = False
        self.setAccessibleName("Timeline")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.cursor_changed.connect(self._on_document_cursor_changed)
        document.selection_changed.connect(self._on_document_selection_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_document_trace_changed()

    @property
    def events(self) -> Events:
        return self._events

    @property
    def marks(self) -> list[Mark]:
        return list(self._marks)

    def set_marks(self, marks: Iterable[tuple[int, QColor, str]]) -> None:
        """Show findings on the track: (position in the backward pass, colour, text) each."""
        self._marks = [Mark(*mark) for mark in marks]
        self.update()

    def show_all(self) -> None:
        """Zoom out until the whole trace is seen."""
        self.scale.reset()
        self._drop_layers()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Zoom in (a factor above 1) or out about the pixel column x; about the cursor without one."""
        place = self.scale.cursor_x(self._document.cursor) if x is None else x
        before = self.scale.zoom, self.scale.scroll_px
        self.scale.zoom_about(place, factor)
        if (self.scale.zoom, self.scale.scroll_px) != before:
            self._drop_layers()

    # --- painting ---

    def sizeHint(self) -> QSize:
        return QSize(640, 110)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 78)

    def _rows(self) -> Rows:
        return rows(self.height(), has_bands=bool(self._events.bands))

    def _drop_layers(self) -> None:
        self._layers = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._themes.theme
        painter = QPainter(self)
        if not len(self._events):
            painter.fillRect(self.rect(), theme.surface)
            painter.setPen(theme.muted)
            painter.setFont(ui_font(TEXT_NORMAL_PT))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(16, 8, -16, -8), flags, _EMPTY)
            painter.end()
            return
        if self._layers is None or self._layers[0].devicePixelRatio() != self.devicePixelRatioF():
            self._layers = self._render(is_done=False), self._render(is_done=True)
        place, position = self._rows(), self._document.cursor
        x = self.scale.cursor_x(position)
        todo, done = self._layers
        area = event.rect()
        self._blit(painter, todo, area)
        first = self.scale.left(len(self._events.forward))
        done_area = QRectF(first, place.segments - 1, x - first, place.segment_height + 2).toAlignedRect()
        self._blit(painter, done, done_area.intersected(area))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_current(painter, self._events, self.scale, theme, place, position)
        self._paint_selection(painter, theme, place)
        for mark in self._marks:
            paint_mark(painter, self.scale.cursor_x(mark.step), mark, theme, place)
        if self._events.backward:
            paint_cursor(painter, x, theme, place)
        if self._has_keyboard_focus:
            painter.setPen(QPen(theme.data, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5), 4, 4)
        painter.end()

    def _render(self, *, is_done: bool) -> QPixmap:
        size = self.width(), self.height()
        ratio = self.devicePixelRatioF()
        return render_layer(self._events, self.scale, self._themes.theme, size, ratio, is_done=is_done)

    @staticmethod
    def _blit(painter: QPainter, layer: QPixmap, area: QRect) -> None:
        ratio = layer.devicePixelRatio()
        source = QRectF(area.x() * ratio, area.y() * ratio, area.width() * ratio, area.height() * ratio)
        if not area.isEmpty():
            painter.drawPixmap(QRectF(area), layer, source)

    def _paint_selection(self, painter: QPainter, theme: Theme, place: Rows) -> None:
        """An outline around the selected node's operation and its backward step."""
        for event in self._selected_events():
            left, right = self.scale.left(event), self.scale.right(event)
            area = QRectF(left, place.segments, max(right - left, 3.0), place.segment_height)
            color = theme.data if event < len(self._events.forward) else theme.accent
            painter.setPen(QPen(color, 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0.75, 0.75, -0.75, -0.75), 4, 4)

    def _selected_events(self) -> list[int]:
        trace, selection = self._document.trace, self._document.selection
        if trace is None or selection is None:
            return []
        found = [event for event, node in enumerate(self._events.forward) if node.id == selection]
        step = trace.step_of(selection)
        return found + ([len(self._events.forward) + step.index] if step is not None else [])

    # --- the document ---

    def _on_document_trace_changed(self) -> None:
        self._events = Events(self._document.trace)
        self._marks = []
        self.scale.forward, self.scale.count = len(self._events.forward), len(self._events)
        self.scale.width = float(max(self.width(), 1))
        self.scale.reset()
        self._shown_position = self._document.cursor
        self._describe()
        self._drop_layers()

    def _on_document_cursor_changed(self) -> None:
        old, new = self._shown_position, self._document.cursor
        self._shown_position = new
        self._describe()
        if self._show_cursor():
            self._drop_layers()
            return
        self.update(self._area(old))
        self.update(self._area(new))
        if abs(new - old) > 1:
            first, last = sorted((self.scale.cursor_x(old), self.scale.cursor_x(new)))
            self.update(QRectF(first, 0, last - first, self.height()).toAlignedRect())

    def _area(self, position: int) -> QRect:
        """What is drawn differently while the cursor stands at `position`."""
        x = self.scale.cursor_x(position)
        left = self.scale.left(len(self._events.forward) + position - 1) if position else x
        return (
            QRectF(left - 2, 0, max(x - left, 3.0) + 4, self.height())
            .toAlignedRect()
            .adjusted(-_KNOB_PX, 0, _KNOB_PX, 0)
        )

    def _on_document_selection_changed(self) -> None:
        self.update()

    def _on_themes_changed(self) -> None:
        self._drop_layers()

    def _show_cursor(self) -> bool:
        """Scroll so that the cursor is seen; whether that was needed."""
        if self.scale.zoom <= 1 or self._is_scrubbing:
            return False
        x = self.scale.cursor_x(self._document.cursor)
        edge = min(60.0, self.scale.width / 4)
        if edge <= x <= self.scale.width - edge:
            return False
        before = self.scale.scroll_px
        self.scale.scroll_px += x - self.scale.width / 2
        self.scale.clamp()
        return self.scale.scroll_px != before

    def _describe(self) -> None:
        """Say the position to those who do not see it."""
        length, position = self._document.length, self._document.cursor
        if self._document.trace is None:
            text = _EMPTY
        elif position == 0:
            text = f"Before the first of {length} backward steps"
        else:
            step = self._events.backward[position - 1]
            text = f"Backward step {position} of {length}: {step.node.grad_fn or step.node.label}"
        self.setAccessibleDescription(text)

    # --- the user ---

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        reasons = {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason}
        self._has_keyboard_focus = event.reason() in reasons
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._has_keyboard_focus = False
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.scale.width = float(max(self.width(), 1))
        self.scale.clamp()
        self._drop_layers()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not len(self._events):
            super().mousePressEvent(event)
            return
        found = self.scale.event_at(event.position().x())
        place = self._rows()
        is_on_track = event.position().y() >= place.segments + place.segment_height
        if found < len(self._events.forward) and not is_on_track:
            self._document.select(self._events.forward[found].id)
        else:
            self._is_scrubbing = True
            self._scrub(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_scrubbing:
            self._scrub(event.position().x())
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._is_scrubbing = False
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.show_all()

    def _scrub(self, x: float) -> None:
        self._document.move_to(self.scale.event_at(x) - len(self._events.forward) + 1)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        if delta.x() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            before = self.scale.scroll_px
            self.scale.scroll_px -= delta.x() or delta.y()
            self.scale.clamp()
            if self.scale.scroll_px != before:
                self._drop_layers()
        elif delta.y():
            self.zoom(1.25 ** (delta.y() / 120), event.position().x())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        page = max(1, self._document.length // 10)
        match event.key():
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(1.25)
            case Qt.Key.Key_Minus:
                self.zoom(0.8)
            case Qt.Key.Key_0:
                self.show_all()
            case Qt.Key.Key_PageDown:
                self._document.move_to(self._document.cursor + page)
            case Qt.Key.Key_PageUp:
                self._document.move_to(self._document.cursor - page)
            case _:
                super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), tooltip(self.describe(event.pos())), self)
            return True
        return super().event(event)

    def describe(self, point: QPoint) -> str:
        """The tooltip at a point: a finding, else the operation or the step under it."""
        place = self._rows()
        if not len(self._events) or point.y() < place.titles:
            return ""
        if point.y() >= place.segments + place.segment_height:
            near = [m for m in self._marks if abs(self.scale.cursor_x(m.step) - point.x()) <= _NEAR_PX]
            return "\n".join(mark.tooltip for mark in near[:8])
        return self._event_text(self.scale.event_at(point.x()))

    def _event_text(self, event: int) -> str:
        trace = self._document.trace
        forward = len(self._events.forward)
        if trace is None or event < 0:
            return ""
        if event < forward:
            node = self._events.forward[event]
            lines = [f"forward op {grouped(event + 1)} of {grouped(forward)}", plain(node_title(node))]
        else:
            step = self._events.backward[event - forward]
            node = step.node
            lines = [
                f"backward step {grouped(step.index + 1)} of {grouped(len(trace.backward))} · {node.grad_fn or ''}",
                plain(node_title(node)),
            ]
        if node.scope:
            lines.append(" › ".join(node.scope))
        if node.source is not None:
            code = line_text(trace.sources, node.source)
            lines.append(f"{file_name(node.source.file)}:{node.source.line}" + (f"  {code[:80]}" if code else ""))
        if event >= forward:
            norms = [info.summary.norm for info in step.grad_outputs if info is not None and info.summary is not None]
            if norms:
                lines.append(f"gradient norm {', '.join(format_number(norm) for norm in norms[:4])}")
        return "\n".join(lines)
