"""Draws the timeline: two cached layers (every step still to come, every step done) and the cursor on top."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, control_color, mix, on_accent_color
from ..theme import Theme, ui_font
from .timeline_scale import Events, Scale

LABEL_PX = 34.0
"""Narrower segments have no label."""
_PAD_PX = 8.0


class Mark(NamedTuple):
    """A place in the backward pass worth seeing: after `step` steps, in a colour, with a text."""

    step: int
    color: QColor
    tooltip: str


class Rows(NamedTuple):
    """Heights of the timeline's rows for a height of the widget: top of the titles, of the bands, of the segments."""

    titles: float
    bands: float
    segments: float
    segment_height: float
    track: float


def rows(height: float, *, has_bands: bool) -> Rows:
    """Rows from top to bottom; the segments take what is left, within limits."""
    titles = 6.0
    bands = titles + 18.0
    segments = bands + (18.0 if has_bands else 0.0)
    segment_height = max(14.0, min(height - segments - 22.0, 28.0))
    return Rows(titles, bands, segments, segment_height, segments + segment_height + 12.0)


def render_layer(
    events: Events, scale: Scale, theme: Theme, size: tuple[int, int], ratio: float, *, is_done: bool
) -> QPixmap:
    """Everything but the cursor, with all backward steps done or all to come; `size` in logical pixels."""
    pixmap = QPixmap(round(size[0] * ratio), round(size[1] * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(theme.surface)
    if not len(events):
        return pixmap
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    place = rows(size[1], has_bands=bool(events.bands))
    _paint_titles(painter, events, scale, theme, place)
    _paint_bands(painter, events, scale, theme, place)
    _paint_segments(painter, events, scale, theme, place, is_done=is_done)
    painter.setPen(QPen(theme.line, 2))
    painter.drawLine(QPointF(max(scale.left(0), 0), place.track), QPointF(scale.right(scale.count - 1), place.track))
    painter.end()
    return pixmap


def _paint_titles(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows) -> None:
    painter.setFont(ui_font(TEXT_SMALL_PT))
    painter.setPen(theme.muted)
    metrics = QFontMetricsF(painter.font())
    forward, backward = len(events.forward), len(events.backward)
    for first, last, word, count in (
        (0, forward - 1, "forward", forward),
        (forward, len(events) - 1, "backward", backward),
    ):
        if not count:
            continue
        left = max(scale.left(first), 12.0)
        room = scale.right(last) - left
        counted = f"{word}  ·  {grouped(count)} {'op' if first == 0 and forward else 'step'}{'' if count == 1 else 's'}"
        text = counted if metrics.horizontalAdvance(counted) <= room else word
        if metrics.horizontalAdvance(text) <= max(room, 48):
            painter.drawText(QRectF(left, place.titles, max(room, 60), 14), Qt.AlignmentFlag.AlignLeft, text)


def _paint_bands(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows) -> None:
    painter.setFont(ui_font(TEXT_SMALL_PT))
    metrics = QFontMetricsF(painter.font())
    for band in events.bands:
        left, right = scale.left(band.first), scale.right(band.last)
        if not band.name or right < 0 or left > scale.width or right - left < 2:
            continue
        is_forward = band.first < len(events.forward)
        color = theme.data if is_forward else theme.accent
        painter.fillRect(QRectF(left, place.bands + 13.5, right - left, 1.5), mix(theme.surface, color, 0.45))
        visible = max(left, 0.0)
        room = min(right, scale.width) - visible - 2
        shown = _fitting(band.name, metrics, room)
        if shown:
            painter.setPen(theme.muted)
            painter.drawText(QRectF(visible, place.bands - 2, room + 2, 14), Qt.AlignmentFlag.AlignLeft, shown)


def _fitting(name: str, metrics: QFontMetricsF, room: float) -> str:
    """A module's name, of a longer one its last part ("11" of "blocks.11"), or nothing where that is cut too short."""
    for text in (name, name.rsplit(".", 1)[-1]):
        if metrics.horizontalAdvance(text) <= room:
            return text
    shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
    return shown if len(shown) > 4 else ""


def _paint_segments(
    painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows, *, is_done: bool
) -> None:
    forward = len(events.forward)
    step_color = theme.accent_soft if is_done else control_color(theme)
    step_text = theme.accent if is_done else theme.muted
    if scale.unit_px < 4:
        step_color = mix(theme.accent_soft, theme.accent, 0.35) if is_done else control_color(theme)
        _paint_blocks(painter, events, scale, place, mix(theme.data_soft, theme.data, 0.25), step_color)
        return
    painter.setFont(ui_font(TEXT_SMALL_PT if scale.unit_px < 90 else TEXT_NORMAL_PT))
    for event in scale.visible():
        area = segment_rect(scale, place, event)
        is_step = event >= forward
        paint_segment(
            painter,
            area,
            step_color if is_step else theme.data_soft,
            step_text if is_step else theme.data,
            events.label(event) if area.width() >= LABEL_PX else "",
        )


def _paint_blocks(painter: QPainter, events: Events, scale: Scale, place: Rows, data: QColor, step: QColor) -> None:
    """Segments too narrow to be told apart: one block for each band, or for the whole pass."""
    forward = len(events.forward)
    spans = [(band.first, band.last) for band in events.bands]
    if not spans:
        spans = [(0, forward - 1), (forward, len(events) - 1)]
    painter.setPen(Qt.PenStyle.NoPen)
    column = -1
    for first, last in spans:
        if last < first:
            continue
        left, right = scale.left(first), scale.left(last) + scale.unit_px
        if right < 0 or left > scale.width or (int(right) == column and right - left < 1):
            continue
        column = int(right)
        if right - left >= 3:
            right -= 1
        painter.setBrush(data if first < forward else step)
        area = QRectF(left, place.segments, max(right - left, 1.0), place.segment_height)
        painter.drawRoundedRect(area, min(3.0, area.width() / 3), 3.0)


def segment_rect(scale: Scale, place: Rows, event: int) -> QRectF:
    left = scale.left(event)
    return QRectF(left, place.segments, max(scale.right(event) - left, 1.0), place.segment_height)


def paint_segment(painter: QPainter, area: QRectF, fill: QColor, text_color: QColor, text: str) -> None:
    """One segment; its text is elided, and left out where only dots would stay."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    radius = min(4.0, area.width() / 3)
    painter.drawRoundedRect(area, radius, radius)
    if not text:
        return
    pad = _PAD_PX if area.width() >= 56 else 4.0
    inside = area.adjusted(pad, 0, -pad, 0)
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(inside.width()))
    if len(shown) >= 3 or shown == text:
        painter.setPen(text_color)
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def paint_current(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows, position: int) -> None:
    """The current step's segment, in the full accent colour."""
    if not 0 < position <= len(events.backward):
        return
    event = len(events.forward) + position - 1
    area = segment_rect(scale, place, event)
    if area.width() < 3:
        area.setWidth(3.0)
    font: QFont = ui_font(TEXT_SMALL_PT if scale.unit_px < 90 else TEXT_NORMAL_PT, bold=True)
    painter.setFont(font)
    label = events.label(event) if area.width() >= LABEL_PX else ""
    paint_segment(painter, area, theme.accent, on_accent_color(theme), label)


def paint_cursor(painter: QPainter, x: float, theme: Theme, place: Rows) -> None:
    """The cursor's line and its knob on the track."""
    painter.setPen(QPen(theme.accent, 2))
    painter.drawLine(QPointF(x, place.segments - 4), QPointF(x, place.track))
    painter.setPen(QPen(theme.surface, 2))
    painter.setBrush(theme.accent)
    painter.drawEllipse(QPointF(x, place.track), 6, 6)


def paint_mark(painter: QPainter, x: float, mark: Mark, theme: Theme, place: Rows) -> None:
    """A small diamond on the track."""
    painter.setPen(QPen(theme.surface, 1))
    painter.setBrush(mark.color)
    size = 4.5
    center = QPointF(x, place.track)
    corners = (QPointF(0, -size), QPointF(size, 0), QPointF(0, size), QPointF(-size, 0))
    painter.drawPolygon([center + corner for corner in corners])


def grouped(number: int) -> str:
    """ "10 240": groups of three digits, apart by a narrow space."""
    return f"{number:,}".replace(",", "\u202f")
