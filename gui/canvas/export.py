"""Writes a trace's drawing as a picture: PNG, SVG with real text, or PDF; every label at full quality."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from pathlib import Path

from PySide6.QtCore import QMarginsF, QRect, QRectF, QSizeF
from PySide6.QtGui import QGuiApplication, QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgGenerator

from engine.errors import RetrogradError
from engine.graph.fold import Folds
from engine.graph.layout import layout
from engine.graph.stepper import Stepper
from engine.graph.trace import Trace
from gui.theme import LIGHT, Theme

from . import highlight, moments, overlay
from .cards import CardPainter
from .detail import Quality
from .fonts import Fonts, plain
from .labels import Labels
from .painter import ScenePainter
from .scene import Scene

MARGIN = 24.0
MOST_PIXELS = 200_000_000
MOST_SIDE = 30_000
LARGEST_PAGE_PT = 14_400.0
"""PDF readers refuse larger pages."""
FORMATS = (".png", ".svg", ".pdf")


class ExportError(RetrogradError):
    """The picture cannot be written: the format is unknown, there is nothing to draw, or the file cannot be made."""


def export_image(
    trace: Trace,
    path: str | os.PathLike[str],
    *,
    theme: Theme = LIGHT,
    scale: float = 2.0,
    step: int | None = None,
    folds: Folds | None = None,
    method: str = "layered",
    overlay_name: str = overlay.KIND,
    scene: Scene | None = None,
    region: tuple[float, float, float, float] | None = None,
) -> Path:
    """Draw the whole graph into a file and return its path. An existing file is replaced as a whole or not at all.

    Parameters
    ----------
    path : ends in .png, .svg or .pdf, which chooses the format.
    scale : pixels of a PNG per scene unit; less where the picture would be too large to handle.
    step : how many backward steps are taken in the picture; all of them by default.
    folds : the folded module calls; by default what the canvas opens with.
    method : the layout's name.
    overlay_name : one of `overlay.OVERLAYS`.
    scene : the drawing with the positions that the user gave its boxes; made from `folds` and `method` by default.
    region : x, y, right, bottom of the part to draw, in scene units; everything by default.

    Raises
    ------
    ExportError
        What cannot be written, why, and what to do.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in FORMATS:
        raise ExportError(f"{target.name}: a picture's name must end in {', '.join(FORMATS)}.")
    if not trace.graph.nodes:
        raise ExportError(f"{target.name} was not written: the trace holds no operation to draw.")
    _ensure_application()
    if scene is None:
        chosen = folds if folds is not None else Folds.default_for(trace.graph)
        sizes = Labels(trace, Fonts()).sizes
        scene = Scene(trace, layout(trace.graph, method=method, sizes=sizes, folds=chosen))
    picture = _Picture(scene, theme, step, overlay_name, region)
    write = {".png": picture.write_png, ".svg": picture.write_svg, ".pdf": picture.write_pdf}[suffix]
    try:
        handle, name = tempfile.mkstemp(suffix=suffix, prefix=f".{target.stem[:40]}-", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror or error}. Choose another folder.") from error
    try:
        write(name, scale)
        if not os.path.getsize(name):
            raise ExportError(f"{target} cannot be written: nothing arrived on the disk. Is it full?")
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except OSError as error:
        raise ExportError(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
    return target


class _Picture:
    """The drawing at one position, ready to be painted onto any device."""

    def __init__(
        self,
        scene: Scene,
        theme: Theme,
        step: int | None,
        overlay_name: str,
        region: tuple[float, float, float, float] | None,
    ) -> None:
        trace = scene.trace
        self._labels = Labels(trace, Fonts())
        self._scene = scene
        stepper = Stepper(trace)
        stepper.move_to(len(trace.backward) if step is None else max(0, min(step, len(trace.backward))))
        self._moment = moments.at(self._scene, stepper)
        cards = CardPainter(self._labels, theme)
        self._scale = overlay.scale_of(self._scene, overlay_name)
        if self._scale is not None:
            cards.overlay = overlay.colours_of(self._scale, theme)
        self._scenes = ScenePainter(cards)
        x, y, width, height = self._scene.bounds
        if region is not None:
            x, y, width, height = region[0], region[1], region[2] - region[0], region[3] - region[1]
        foot = overlay.legend_height(self._scale) + 32.0 if self._scale is not None else 0.0
        margin = 0.0 if region is not None else MARGIN
        self._area = QRectF(x, y, max(width, 256.0 if foot else 1.0), height + foot).marginsAdded(
            QMarginsF(margin, margin, margin, margin)
        )
        self._margin, self._foot = margin, foot
        self._title = plain(trace.target) or "graph"

    def write_png(self, path: str, scale: float) -> None:
        width, height = self._area.width(), self._area.height()
        scale = min(scale, math.sqrt(MOST_PIXELS / (width * height)), MOST_SIDE / max(width, height))
        image = QImage(math.ceil(width * scale), math.ceil(height * scale), QImage.Format.Format_RGB32)
        if image.isNull():
            raise ExportError("There is not enough memory for the picture. Choose a smaller scale, or SVG.")
        image.fill(self._scenes.cards.theme.background)  # the area need not end with a whole pixel
        painter = QPainter(image)
        self._paint(painter, scale, Quality.FULL)
        painter.end()
        if not image.save(path):
            raise ExportError("The PNG cannot be written. Is the disk full?")

    def write_svg(self, path: str, _scale: float) -> None:
        generator = QSvgGenerator()
        generator.setFileName(path)
        size = self._area.size().toSize()
        generator.setSize(size)
        generator.setViewBox(QRect(0, 0, size.width(), size.height()))
        generator.setTitle(self._title)
        generator.setDescription("Computational graph, drawn by Retrograd")
        painter = QPainter(generator)
        self._paint(painter, 1.0, Quality.VECTOR)
        painter.end()

    def write_pdf(self, path: str, _scale: float) -> None:
        writer = QPdfWriter(path)
        points = 72 / 96
        scale = min(1.0, LARGEST_PAGE_PT / points / max(self._area.width(), self._area.height()))
        size = QSizeF(self._area.width(), self._area.height()) * points * scale
        writer.setPageSize(QPageSize(size, QPageSize.Unit.Point, "graph", QPageSize.SizeMatchPolicy.ExactMatch))
        writer.setPageMargins(QMarginsF(0, 0, 0, 0))
        writer.setResolution(96)
        writer.setTitle(self._title)
        writer.setCreator("Retrograd")
        painter = QPainter(writer)
        self._paint(painter, scale, Quality.VECTOR)
        painter.end()

    def _paint(self, painter: QPainter, scale: float, quality: Quality) -> None:
        theme = self._scenes.cards.theme
        area = self._area
        painter.scale(scale, scale)
        painter.translate(-area.x(), -area.y())
        painter.fillRect(area, theme.background)
        region = (area.left(), area.top(), area.right(), area.bottom())
        self._scenes.paint(painter, self._moment, [region], max(scale, 1.0), 1.0, quality)
        highlight.paint(painter, self._scenes, self._moment, region, max(scale, 1.0))
        if self._scale is not None:
            below = QRectF(area.left(), area.bottom() - self._foot, area.width(), self._foot)
            painter.fillRect(below, theme.background)
            inset = max(self._margin - 16, 0)
            painter.translate(area.left() + inset, area.top())
            overlay.paint_legend(painter, self._scale, theme, self._labels.fonts, area.height() - inset)


_applications: list[QGuiApplication] = []


def _ensure_application() -> None:
    """Fonts need an application: one without a window is made where none runs, and kept."""
    if QGuiApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        _applications.append(QGuiApplication(["retrograd"]))


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
