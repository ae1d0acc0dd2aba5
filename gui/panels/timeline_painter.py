"""Draws the timeline: two cached layers (everything still to come, everything done) and the cursor on top."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPixmap

from engine.graph.numbers import format_bytes, format_count
from engine.graph.timeline import Phase

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, breakpoint_color, control_color, mix, on_accent_color
from ..theme import Theme, ui_font
from .timeline_scale import MARGIN_PX, TAIL_PX, Events, Scale, is_accumulation, shorter

LABEL_PX, WHOLE_PX = 16.0, 34.0
"""Segments from so wide on have labels; up to the second width only those that fit as a whole."""
"""Narrower segments have no label."""
_PAD_PX = 8.0
NARROWEST_NAME_PX = 5.0
"""No letter fits into less."""
ROUND_PX = 3.0
"""Narrower blocks have no corners to be rounded."""


_WORDS = {Phase.FORWARD: ("forward", "op"), Phase.BACKWARD: ("backward", "step"), Phase.UPDATE: ("update", "leaf")}


class Mark(NamedTuple):
    """A place worth seeing: the position (as a cursor has it), a colour, and a text."""

    step: int
    color: QColor
    tooltip: str


class Rows(NamedTuple):
    """The timeline's rows for a height of the widget: top of titles, bands, segments and curve; middle of the track.

    `curve_height` is 0 where there is no room for a curve.
    """

    titles: float
    bands: float
    segments: float
    segment_height: float
    curve: float
    curve_height: float
    track: float


class Ground(NamedTuple):
    """What the layers show besides the events: where breakpoints stop, and bytes saved at each position."""

    stops: npt.NDArray[np.int64]
    saved: npt.NDArray[np.int64]


def rows(height: float, *, has_bands: bool) -> Rows:
    """Rows from top to bottom; the segments take what is left, within limits; what is left then is the curve's."""
    titles = 6.0
    bands = titles + 18.0
    segments = bands + (18.0 if has_bands else 0.0)
    segment_height = max(14.0, min(height - segments - 22.0, 28.0))
    rest = height - segments - segment_height - 22.0
    curve_height = min(rest - 4.0, 30.0) if rest >= 18.0 else 0.0
    curve = segments + segment_height + 4.0
    track = segments + segment_height + 12.0 + (curve_height + 4.0 if curve_height else 0.0)
    return Rows(titles, bands, segments, segment_height, curve, curve_height, track)


def render_layer(
    events: Events,
    scale: Scale,
    theme: Theme,
    size: tuple[int, int],
    ratio: float,
    ground: Ground,
    *,
    is_done: bool,
) -> QPixmap:
    """Everything but the cursor, with all events done or all to come; `size` in logical pixels."""
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
    if place.curve_height:
        _paint_curve(painter, events, scale, theme, place, ground.saved)
    painter.setPen(QPen(theme.line, 2))
    end = scale.right(scale.count - 1)
    painter.drawLine(QPointF(max(scale.left(0), 0), place.track), QPointF(end, place.track))
    _paint_stops(painter, scale, theme, place, ground.stops)
    painter.end()
    return pixmap


def _phases(events: Events) -> list[tuple[Phase, int, int]]:
    """Each phase with its first and last event; the last is before the first where there is none."""
    forward, backward = len(events.forward), len(events.backward)
    return [
        (Phase.FORWARD, 0, forward - 1),
        (Phase.BACKWARD, forward, forward + backward - 1),
        (Phase.UPDATE, forward + backward, len(events) - 1),
    ]


def _paint_titles(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows) -> None:
    painter.setFont(ui_font(TEXT_SMALL_PT))
    painter.setPen(theme.muted)
    metrics = QFontMetricsF(painter.font())
    for phase, first, last in _phases(events):
        count = last - first + 1
        if count <= 0:
            continue
        left = max(scale.left(first), 12.0)
        room = scale.right(last) - left
        word, unit = _WORDS[phase]
        many = "leaves" if unit == "leaf" else f"{unit}s"
        counted = f"{word}  ·  {format_count(count)} {unit if count == 1 else many}"
        text = counted if metrics.horizontalAdvance(counted) <= room else word
        if metrics.horizontalAdvance(text) <= max(room, 48):
            painter.drawText(QRectF(left, place.titles, max(room, 60), 14), Qt.AlignmentFlag.AlignLeft, text)
    if scale.has_tail:
        _paint_tail(painter, scale, theme, place)


def tail_rect(scale: Scale, place: Rows) -> QRectF:
    """Where updates would be, if any were known."""
    left = scale.right(scale.count - 1) + 20.0
    return QRectF(left, place.segments, TAIL_PX, place.segment_height)


def _paint_tail(painter: QPainter, scale: Scale, theme: Theme, place: Rows) -> None:
    area = tail_rect(scale, place)
    painter.setPen(theme.muted)
    painter.drawText(QRectF(area.x(), place.titles, TAIL_PX, 14), Qt.AlignmentFlag.AlignLeft, "update")
    pen = QPen(theme.edge, 1)
    pen.setDashPattern([3, 3])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    painter.setPen(theme.muted)
    painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "none yet")


def _paint_bands(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows) -> None:
    painter.setFont(ui_font(TEXT_SMALL_PT))
    metrics = QFontMetricsF(painter.font())
    colors = [mix(theme.surface, color, 0.45) for color in (theme.accent, theme.data)]
    lefts, rights = scale.lefts(events.band_ends).T
    rights = rights + max(scale.unit_px - scale.space_px, 1.0)
    seen = np.flatnonzero((rights >= 0) & (lefts <= scale.width) & (rights - lefts >= 2))
    for index, left, right in zip(seen.tolist(), lefts[seen].tolist(), rights[seen].tolist(), strict=True):
        band = events.bands[index]
        if not band.name:
            continue
        color = colors[band.first < len(events.forward)]
        painter.fillRect(QRectF(left, place.bands + 13.5, right - left, 1.5), color)
        visible = max(left, 0.0)
        room = min(right, scale.width) - visible - 2
        shown = _fitting(band.name, metrics, room)
        if shown:
            painter.setPen(theme.muted)
            painter.drawText(QRectF(visible, place.bands - 2, room + 2, 14), Qt.AlignmentFlag.AlignLeft, shown)


def _fitting(name: str, metrics: QFontMetricsF, room: float) -> str:
    """A module's name, of a longer one its last part ("11" of "blocks.11"), or nothing where that is cut too short."""
    if room < NARROWEST_NAME_PX:
        return ""
    for text in (name, name.rsplit(".", 1)[-1]):
        if metrics.horizontalAdvance(text) <= room:
            return text
    shown = metrics.elidedText(name, Qt.TextElideMode.ElideRight, room)
    return shown if len(shown) > 4 else ""


def _colors(events: Events, theme: Theme, event: int, *, is_done: bool) -> tuple[QColor, QColor]:
    """Fill and text of a segment."""
    phase = events.phase(event)
    is_leaf = phase is Phase.UPDATE or (
        phase is Phase.BACKWARD and is_accumulation(events.backward[event - len(events.forward)].node)
    )
    if not is_done:
        return control_color(theme), theme.leaf_text if is_leaf else theme.muted
    if phase is Phase.UPDATE:
        return mix(theme.leaf_soft, theme.leaf, 0.35), theme.text
    if is_leaf:
        return theme.leaf_soft, theme.leaf_text
    if phase is Phase.FORWARD:
        return theme.data_soft, theme.data_text
    return theme.accent_soft, theme.accent_text


def _paint_segments(
    painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows, *, is_done: bool
) -> None:
    if scale.unit_px < 4:
        _paint_blocks(painter, events, scale, theme, place, is_done=is_done)
        return
    painter.setFont(ui_font(TEXT_SMALL_PT if scale.unit_px < 90 else TEXT_NORMAL_PT))
    for event in scale.visible():
        area = segment_rect(scale, place, event)
        fill, text = _colors(events, theme, event, is_done=is_done)
        paint_segment(painter, area, fill, text, events.label(event) if area.width() >= LABEL_PX else "")


def _paint_blocks(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows, *, is_done: bool) -> None:
    """Segments too narrow to be told apart: one block for each band, or for the whole pass; leaves as small ticks."""
    strong = {
        Phase.FORWARD: mix(theme.data_soft, theme.data, 0.25),
        Phase.BACKWARD: mix(theme.accent_soft, theme.accent, 0.35),
        Phase.UPDATE: mix(theme.leaf_soft, theme.leaf, 0.5),
    }
    phases = _phases(events)
    spans = np.concatenate([events.band_ends, [phases[2][1:]]]) if events.bands else np.array([p[1:] for p in phases])
    spans = spans[spans[:, 1] >= spans[:, 0]]
    lefts, rights = scale.lefts(spans).T
    rights = rights + scale.unit_px
    # Of those that end in one pixel column the first is drawn, and whatever is as wide as a pixel.
    is_drawn = np.append(True, np.diff(np.trunc(rights)) != 0) | (rights - lefts >= 1)
    is_drawn &= (rights >= 0) & (lefts <= scale.width)
    painter.setPen(Qt.PenStyle.NoPen)
    narrow: dict[Phase, list[QRectF]] = {}
    chosen = zip(spans[is_drawn, 0].tolist(), lefts[is_drawn].tolist(), rights[is_drawn].tolist(), strict=True)
    for first, left, right in chosen:
        width = right - left - 1 if right - left >= ROUND_PX else max(right - left, 1.0)
        area, phase = QRectF(left, place.segments, width, place.segment_height), events.phase(first)
        if width < ROUND_PX:
            narrow.setdefault(phase, []).append(area)
            continue
        painter.setBrush(strong[phase] if is_done else control_color(theme))
        painter.drawRoundedRect(area, min(3.0, width / 3), 3.0)
    for phase, areas in narrow.items():
        painter.setBrush(strong[phase] if is_done else control_color(theme))
        painter.drawRects(areas)
    if len(events.accumulations):
        ticks = columns(scale, events.accumulations - len(events.forward) + 1)
        painter.setBrush(mix(theme.surface, theme.leaf, 0.8))
        bottom = round(place.segments + place.segment_height) - 4
        painter.drawRects([QRect(x, bottom, width, 4) for x, width in joined(ticks)])


def columns(scale: Scale, positions: npt.NDArray[np.int64]) -> list[int]:
    """The pixel columns at which cursors at these positions would stand, each once, as far as they are seen."""
    if not len(positions):
        return []
    places = scale.lefts(positions + scale.forward - 1)
    places += scale.unit_px - scale.space_px + min(2.0, scale.space_px)
    places = places[(places > -8) & (places < scale.width + 8)]
    found: list[int] = np.unique(np.round(places).astype(np.int64)).tolist()
    return found


def joined(columns: list[int]) -> list[tuple[int, int]]:
    """Runs of neighbouring pixel columns, each as its first column and how many they are."""
    found = np.array(columns, dtype=np.int64)
    starts = np.flatnonzero(np.diff(found, prepend=-9) != 1)
    return list(zip(found[starts].tolist(), np.diff(starts, append=len(found)).tolist(), strict=True))


def _paint_stops(painter: QPainter, scale: Scale, theme: Theme, place: Rows, stops: npt.NDArray[np.int64]) -> None:
    """A dot wherever a breakpoint stops; where they lie close together, a bar."""
    found = columns(scale, stops)
    color = breakpoint_color(theme)
    painter.setBrush(color)
    if len(found) * 7 > scale.width:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRects([QRect(x, round(place.track) - 3, width, 6) for x, width in joined(found)])
        return
    painter.setPen(QPen(theme.surface, 1))
    for x in found:
        painter.drawEllipse(QPointF(x, place.track), 4.0, 4.0)


def _paint_curve(
    painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows, saved: npt.NDArray[np.int64]
) -> None:
    """Bytes that saved tensors hold after each event, as a thin area; its height is the most there ever are."""
    most = int(saved.max()) if len(saved) else 0
    if not most or len(saved) != len(events) + 1:
        return
    seen = scale.visible()
    bottom = place.curve + place.curve_height
    stride = max(1, int(1 / max(scale.unit_px, 1e-6)))
    starts = np.arange(seen.start, seen.stop, stride)
    highest = np.maximum.reduceat(saved[1 : int(starts[-1]) + 1 + stride], starts)
    lefts = scale.lefts(starts)
    rights = scale.lefts(np.minimum(starts + stride, seen.stop - 1)) if stride > 1 else lefts + scale.unit_px
    heights = bottom - highest / most * place.curve_height
    points = [QPointF(max(float(lefts[0]), 0.0), bottom)]
    for left, right, height in zip(lefts.tolist(), rights.tolist(), heights.tolist(), strict=True):
        points += (QPointF(left, height), QPointF(right, height))
    points.append(QPointF(points[-1].x(), bottom))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(mix(theme.surface, theme.edge, 0.35))
    painter.drawPolygon(points)
    painter.setFont(ui_font(TEXT_SMALL_PT))
    painter.setPen(theme.text)
    words = QRectF(MARGIN_PX, place.curve, scale.width - 2 * MARGIN_PX, place.curve_height)
    text = f"saved for the backward pass, up to {format_bytes(most)}"
    painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)


def segment_rect(scale: Scale, place: Rows, event: int) -> QRectF:
    left = scale.left(event)
    return QRectF(left, place.segments, max(scale.right(event) - left, 1.0), place.segment_height)


def paint_segment(painter: QPainter, area: QRectF, fill: QColor, text_color: QColor, text: str) -> None:
    """One segment; its text is elided, and left out where little but dots would stay."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    radius = min(4.0, area.width() / 3)
    painter.drawRoundedRect(area, radius, radius)
    if not text:
        return
    pad = _PAD_PX if area.width() >= 56 else 4.0
    inside = area.adjusted(pad, 0, -pad, 0)
    metrics, room = painter.fontMetrics(), int(inside.width())
    text = text if metrics.horizontalAdvance(text) <= room else shorter(text)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    if shown == text or (len(shown) >= 3 and area.width() >= WHOLE_PX):
        painter.setPen(text_color)
        painter.drawText(inside, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def phase_color(events: Events, theme: Theme, event: int) -> QColor:
    """The colour of an event that happens now."""
    if event < 0:
        return theme.data
    phase = events.phase(event)  # the label is written on it
    return {Phase.FORWARD: theme.data, Phase.BACKWARD: theme.accent_fill, Phase.UPDATE: theme.leaf_text}[phase]


def paint_current(painter: QPainter, events: Events, scale: Scale, theme: Theme, place: Rows, position: int) -> None:
    """The segment of what happened last, in the full colour of its phase."""
    event = events.event_at(position)
    if event < 0 or (position == 0 and events.backward):
        return
    area = segment_rect(scale, place, event)
    if area.width() < 3:
        area.setWidth(3.0)
    font: QFont = ui_font(TEXT_SMALL_PT if scale.unit_px < 90 else TEXT_NORMAL_PT, bold=True)
    painter.setFont(font)
    label = events.label(event) if area.width() >= LABEL_PX else ""
    paint_segment(painter, area, phase_color(events, theme, event), on_accent_color(theme), label)


def paint_cursor(painter: QPainter, x: float, theme: Theme, place: Rows, color: QColor) -> None:
    """The cursor's line and its knob on the track."""
    painter.setPen(QPen(color, 2))
    painter.drawLine(QPointF(x, place.segments - 4), QPointF(x, place.track))
    painter.setPen(QPen(theme.surface, 2))
    painter.setBrush(color)
    painter.drawEllipse(QPointF(x, place.track), 6, 6)


def paint_mark(painter: QPainter, x: float, mark: Mark, theme: Theme, place: Rows) -> None:
    """A small diamond on the track."""
    painter.setPen(QPen(theme.surface, 1))
    painter.setBrush(mark.color)
    size = 4.5
    center = QPointF(x, place.track)
    corners = (QPointF(0, -size), QPointF(size, 0), QPointF(0, size), QPointF(-size, 0))
    painter.drawPolygon([center + corner for corner in corners])
