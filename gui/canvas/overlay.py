"""What colours can mean besides kinds: logarithmic scales that colour-blind eyes can read, and categories."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter

from engine.graph.model import saved_bytes
from engine.graph.numbers import format_bytes, format_number, format_seconds
from gui.theme import Theme

from . import categories, quantities
from .categories import Categories, Tints
from .fonts import Face, Fonts
from .look import mix
from .scene import Scene

KIND = "kind"
GRADIENT_NORM = "gradient norm"
VALUE_NORM = "value norm"
RATIO = "gradient / value"
TIME = "time"
MEMORY = "memory"
DTYPE = "dtype"
DEVICE = "device"
REQUIRES_GRAD = "requires_grad"
OVERLAYS = (KIND, GRADIENT_NORM, VALUE_NORM, RATIO, TIME, MEMORY, DTYPE, DEVICE, REQUIRES_GRAD)
_LIGHT_RAMP = ("#FDE9C8", "#F5B56B", "#DD7245", "#A03A5B", "#4B1D63")
"""Light to dark, so that the order also holds in grey."""
_DARK_RAMP = ("#3B2A5E", "#7D3A74", "#C4565F", "#F0954F", "#FCE7A2")
BROKEN = QColor("#00A6D6")
"""NaN or infinite: a hue that the scale has nowhere."""
STEPS = 24
BAR_WIDTH = 208.0
SCALE_WIDTH, SCALE_HEIGHT = BAR_WIDTH + 24, 80.0
"""Of the legend of a scale, in pixels."""


@dataclass(frozen=True)
class Scale:
    """A quantity of every item (NaN: none; infinity: not finite), and the decades of the scale that it is shown on."""

    values: npt.NDArray[np.float64]
    low: float
    high: float
    has_broken: bool
    title: str = "Gradient norm"
    tick: Callable[[float, int], str] = format_number
    """Writes a number of the scale in so many digits."""


def scale_of(scene: Scene, name: str) -> Scale | Categories | None:
    """What the overlay `name` shows of every item; None where kinds are shown."""
    makers: dict[str, Callable[[Scene], Scale | Categories]] = {
        GRADIENT_NORM: norms_of,
        VALUE_NORM: values_of,
        RATIO: ratios_of,
        TIME: times_of,
        MEMORY: memory_of,
        DTYPE: categories.dtypes_of,
        DEVICE: categories.devices_of,
        REQUIRES_GRAD: categories.requirements_of,
    }
    return makers[name](scene) if name in makers else None


def norms_of(scene: Scene) -> Scale:
    """The largest gradient norm behind every item, over the whole backward pass."""
    return _scale(scene.largest(quantities.of(scene.trace).gradients), "Gradient norm", format_number)


def values_of(scene: Scene) -> Scale:
    """The largest norm of a value behind every item."""
    return _scale(scene.largest(quantities.of(scene.trace).values), "Value norm", format_number)


def ratios_of(scene: Scene) -> Scale:
    """The largest gradient norm behind every item, divided by the norm of the value that it belongs to."""
    return _scale(scene.largest(quantities.of(scene.trace).ratios), "Gradient norm / value norm", format_number)


def times_of(scene: Scene) -> Scale:
    """Seconds that the operations behind every item took, forward and backward together."""
    seconds = scene.total(quantities.of(scene.trace).seconds)
    return _scale(np.where(seconds > 0, seconds, np.nan), "Time, forward and backward", format_seconds)


def memory_of(scene: Scene) -> Scale:
    """Bytes that the operations behind every item keep alive for the backward pass."""
    nodes = scene.trace.graph.nodes
    found = scene.total(quantities.of(scene.trace).saved_bytes)
    for index in scene.boxes.tolist():
        members = scene.items[index].members
        if len(members) > 1 and found[index] > 0:  # what several of them share is counted once
            found[index] = saved_bytes(tensor for member in members for tensor in nodes[member].saved)
    return _scale(np.where(found > 0, found, np.nan), "Saved for backward", format_bytes)


def _scale(values: npt.NDArray[np.float64], title: str, tick: Callable[[float, int], str]) -> Scale:
    good = values[np.isfinite(values) & (values > 0)]
    low = math.floor(math.log10(good.min())) if len(good) else -1
    high = math.ceil(math.log10(good.max())) if len(good) else 0
    return Scale(values, float(low), float(max(high, low + 1)), bool(np.isinf(values).any()), title, tick)


def colours_of(scale: Scale | Categories, theme: Theme) -> Tints:
    """The colour of every item; none where nothing is known."""
    if isinstance(scale, Categories):
        return categories.colours_of(scale)
    ramp = np.array([ramp_colour(theme, step / (STEPS - 1)).rgba() for step in range(STEPS)], dtype=np.uint32)
    with np.errstate(all="ignore"):
        where = (np.log10(np.maximum(scale.values, 0.0)) - scale.low) / (scale.high - scale.low)
        steps = np.rint(np.clip(np.nan_to_num(where), 0.0, 1.0) * (STEPS - 1)).astype(np.int64)
    codes = np.where(np.isinf(scale.values), np.uint32(BROKEN.rgba()), ramp[steps])
    return Tints(np.where(np.isnan(scale.values), np.uint32(0), codes))


def legend_height(scale: Scale | Categories) -> float:
    """Height of the legend in pixels."""
    return categories.legend_height(scale) if isinstance(scale, Categories) else SCALE_HEIGHT


def ramp_colour(theme: Theme, where: float) -> QColor:
    """The scale's colour at `where` (0 to 1)."""
    stops = [QColor(code) for code in (_DARK_RAMP if theme.is_dark else _LIGHT_RAMP)]
    place = where * (len(stops) - 1)
    index = min(int(place), len(stops) - 2)
    return mix(stops[index], stops[index + 1], place - index)


def paint_legend(painter: QPainter, scale: Scale | Categories, theme: Theme, fonts: Fonts, height: float) -> QRectF:
    """Draw the legend in the lower left corner of a view of this height; returns its place."""
    if isinstance(scale, Categories):
        return categories.paint_legend(painter, scale, theme, fonts, height)
    size = QRectF(categories.INSET, 0, SCALE_WIDTH, SCALE_HEIGHT)
    panel = categories.panel(painter, theme, fonts, scale.title, size, height)
    if scale.has_broken:
        text = "NaN or ∞"
        x = panel.right() - 12 - fonts.width(text, Face.SMALL)
        painter.setFont(fonts[Face.SMALL])
        painter.drawText(QPointF(x, panel.y() + 22), text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(BROKEN)
        painter.drawRoundedRect(QRectF(x - 16, panel.y() + 13, 10, 10), 2, 2)
    bar = QRectF(panel.x() + 12, panel.y() + 34, BAR_WIDTH, 12)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for step in range(9):
        gradient.setColorAt(step / 8, ramp_colour(theme, step / 8))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawRoundedRect(bar, 3, 3)
    painter.setFont(fonts[Face.MONO_SMALL])
    painter.setPen(theme.muted)
    middle = (scale.low + scale.high) / 2
    for place, power in ((0.0, scale.low), (0.5, middle), (1.0, scale.high)):
        text = scale.tick(10.0**power, 2 if power == middle else 3)
        shift = fonts.width(text, Face.MONO_SMALL) * place
        painter.drawText(QPointF(bar.x() + bar.width() * place - shift, bar.bottom() + 18), text)
    return panel
