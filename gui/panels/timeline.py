"""The timeline panel: forward pass, backward pass and updates as one track that can be scrubbed."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..document import Document
from ..style import TEXT_NORMAL_PT
from ..theme import Theme, ThemeManager, ui_font
from ..widgets.text import tooltip
from . import timeline_menu
from .breakpoint_text import stop_text
from .timeline_painter import (
    Ground,
    Mark,
    Rows,
    paint_current,
    paint_cursor,
    paint_mark,
    phase_color,
    render_layer,
    rows,
    tail_rect,
)
from .timeline_scale import Events, Scale
from .timeline_text import cursor_text, event_text, nothing_text, saved_text

_KNOB_PX = 10
_NEAR_PX = 6


class TimelinePanel(QWidget):
    """Shows every operation, backward step and update in order; a click or a drag moves the document's cursor.

    The wheel and pinching zoom about the pointer, with Shift the wheel moves the view; a double click shows everything
    again. Findings are diamonds on the track, places where a breakpoint stops are dots.

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
        document.updates_changed.connect(self._on_document_updates_changed)
        document.numbers_changed.connect(self._on_document_updates_changed)
        document.breakpoints.changed.connect(self._drop_layers)
        themes.changed.connect(self._on_themes_changed)
        self._on_document_trace_changed()

    @property
    def events(self) -> Events:
        return self._events

    @property
    def marks(self) -> list[Mark]:
        return list(self._marks)

    def set_marks(self, marks: Iterable[tuple[int, QColor, str]]) -> None:
        """Show findings on the track: (position, colour, text) each."""
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
            painter.drawText(self.rect().adjusted(16, 8, -16, -8), flags, nothing_text(self._document))
            painter.end()
            return
        if self._layers is None or self._layers[0].devicePixelRatio() != self.devicePixelRatioF():
            self._layers = self._render(is_done=False), self._render(is_done=True)
        place, position = self._rows(), self._document.cursor
        x = self.scale.cursor_x(position)
        todo, done = self._layers
        area = event.rect()
        self._blit(painter, todo, area)
        bottom = place.curve + place.curve_height if place.curve_height else place.segments + place.segment_height
        done_area = QRectF(0, place.segments - 1, x, bottom - place.segments + 2).toAlignedRect()
        self._blit(painter, done, done_area.intersected(area))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_current(painter, self._events, self.scale, theme, place, position)
        self._paint_selection(painter, theme, place)
        for mark in self._marks:
            paint_mark(painter, self.scale.cursor_x(mark.step), mark, theme, place)
        event_here = -1 if position == 0 and self._events.backward else self._events.event_at(position)
        color = theme.accent if position == 0 else phase_color(self._events, theme, event_here)
        paint_cursor(painter, x, theme, place, color)
        if self._has_keyboard_focus:
            painter.setPen(QPen(theme.data, 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5), 4, 4)
        painter.end()

    def _render(self, *, is_done: bool) -> QPixmap:
        size = self.width(), self.height()
        ratio, document = self.devicePixelRatioF(), self._document
        has_curve = bool(self._rows().curve_height) and document.lifetimes is not None
        saved = document.lifetimes.bytes_alive if has_curve and document.lifetimes else np.empty(0, dtype=np.int64)
        ground = Ground(document.breakpoints.positions, saved)
        return render_layer(self._events, self.scale, self._themes.theme, size, ratio, ground, is_done=is_done)

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
            painter.setPen(QPen(phase_color(self._events, theme, event), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0.75, 0.75, -0.75, -0.75), 4, 4)

    def _selected_events(self) -> list[int]:
        timeline, selection = self._events.timeline, self._document.selection
        if timeline is None or selection is None:
            return []
        found: list[int] = np.flatnonzero(timeline.nodes == selection).tolist()
        return found

    # --- the document ---

    def _on_document_trace_changed(self) -> None:
        self._marks = []
        self._read_events()
        self.scale.reset()

    def _on_document_updates_changed(self) -> None:
        self._read_events()
        self.scale.clamp()

    def _read_events(self) -> None:
        self._events = Events(self._document.trace, self._document.timeline)
        scale, events = self.scale, self._events
        scale.forward, scale.updates, scale.count = len(events.forward), len(events.updates), len(events)
        scale.has_tail = bool(events.why_no_update)
        scale.width = float(max(self.width(), 1))
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
        event = self._events.event_at(position)
        left = self.scale.left(event) if event >= 0 else x
        return (
            QRectF(min(left, x) - 2, 0, max(x - left, 3.0) + 4, self.height())
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
        self.setAccessibleDescription(cursor_text(self._document))

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
        position = self._marked_at(event.position().toPoint())
        if position is not None:
            self._document.move_to(position)
        else:
            self._is_scrubbing = True
            self._scrub(event.position().x())

    def _marked_at(self, point: QPoint) -> int | None:
        """The position of the mark, or of the breakpoint's stop, under a point of the track."""
        place = self._rows()
        if point.y() < place.track - 7:
            return None
        near = [mark.step for mark in self._marks if abs(self.scale.cursor_x(mark.step) - point.x()) <= _NEAR_PX]
        event = self.scale.event_at(point.x())
        stops = self._document.breakpoints.positions
        if len(stops):
            wanted = self._events.position_after(event)
            around = np.searchsorted(stops, wanted)
            near += [int(stop) for stop in stops[max(0, around - 1) : around + 2]]
        near = [position for position in near if abs(self.scale.cursor_x(position) - point.x()) <= _NEAR_PX]
        return min(near, key=lambda position: abs(self.scale.cursor_x(position) - point.x()), default=None)

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
        is_before = x < self.scale.left(0)
        self._document.move_to(
            self._document.first if is_before else self._events.position_after(self.scale.event_at(x))
        )

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        is_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        found = self.scale.event_at(event.x()) if is_mouse else self._events.event_at(self._document.cursor)
        menu = timeline_menu.build(self, self._document, self._events, found, (("Show everything", self.show_all),))
        menu.popup(event.globalPos())

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
        page = max(1, len(self._events) // 10)
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
        if isinstance(event, QNativeGestureEvent) and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom(1 + event.value(), event.position().x())
            return True
        return super().event(event)

    def describe(self, point: QPoint) -> str:
        """The tooltip at a point: findings and breakpoints, else the event under it."""
        place, trace = self._rows(), self._document.trace
        if trace is None or not len(self._events) or point.y() < place.titles:
            return ""
        if self.scale.has_tail and point.x() >= tail_rect(self.scale, place).left():
            return self._events.why_no_update
        if point.y() >= place.track - 7:
            near = [m for m in self._marks if abs(self.scale.cursor_x(m.step) - point.x()) <= _NEAR_PX]
            texts = [mark.tooltip for mark in near[:8]]
            position = self._marked_at(point)
            if position is not None:
                texts += [stop_text(self._document, item) for item in self._document.breakpoints.at(position)[:8]]
            return "\n".join(texts)
        event = self.scale.event_at(point.x())
        if place.curve_height and point.y() >= place.curve:
            return saved_text(self._document, event, self._events)
        return event_text(trace, self._events, event)
