"""The picture under the highlight: rendered once, shifted when the view pans, refined when it rests."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QRegion, QTransform

from .camera import Camera
from .detail import Quality
from .painter import FEW_BOXES, Moment, Region, ScenePainter
from .raster import Raster

WARP_BOXES = 20_000
"""With more boxes in view, a moving view shows the last picture, moved and scaled."""
FRAME_BUDGET_S = 0.009
"""The same where the last fast frame took longer than this."""
MOST_PATCHES, LARGEST_PATCH = 48, 0.4
"""Parts that are painted anew after a step: so many at most, and so much of the picture."""
FAR_PART = 0.12
"""From afar it takes as long to begin with one more rectangle as to paint so much of the picture."""


class BaseLayer:
    """The scene as an image of the widget's size, at one moment and for one camera."""

    def __init__(self) -> None:
        self._image = QImage()
        self._camera = Camera()
        self._drawn = Camera()
        self._moment: Moment | None = None
        self._is_coarse = True
        self._cost_s = 0.0
        self._boxes = 0
        self._ratio = 1.0
        self._recoloured: Moment | None = None
        """What the picture shows in colours that are no longer those of the overlay."""
        self._rough = QRegion()
        """Where steps were painted over each other, in the widget's pixels."""

    @property
    def moment(self) -> Moment | None:
        """The moment that the picture shows; what has changed since is painted on top of it."""
        return self._moment

    @property
    def picture(self) -> QImage:
        """The picture itself; a copy of it stays as it is."""
        return QImage(self._image)

    @property
    def is_coarse(self) -> bool:
        """Whether the picture should be painted again, better, when the view rests."""
        return self._is_coarse

    def forget(self) -> None:
        """Another scene, theme or overlay: nothing of the picture is of use any more."""
        self._moment = self._recoloured = None

    def part(self, place: QRectF) -> QImage:
        """A copy of some of the picture, in the widget's pixels; what is not in it is transparent."""
        ratio = self._ratio
        x, y, width, height = place.x() * ratio, place.y() * ratio, place.width() * ratio, place.height() * ratio
        area = QRect(round(x), round(y), max(1, round(width)), max(1, round(height)))
        seen = area.intersected(self._image.rect())
        copy = QImage(min(area.width(), 8192), min(area.height(), 8192), QImage.Format.Format_ARGB32_Premultiplied)
        copy.fill(0)
        painter = QPainter(copy)
        painter.drawImage(seen.topLeft() - area.topLeft(), self._image, seen)
        painter.end()
        return copy

    def recolour(self) -> None:
        """Boxes have other colours: they are painted over, for what is under them stays as it is."""
        self._recoloured = self._moment or self._recoloured
        self._moment = None

    def stamp(self, moment: Moment, camera: Camera, region: QRegion, paint: Callable[[QPainter], None]) -> bool:
        """Let `paint` bring some of the picture up to another moment; False if it was not made for this camera.

        Where smooth edges are painted over each other they get darker: the region is painted anew at the next rest.
        """
        if self._moment is None or camera != self._drawn or self._image.isNull():
            return False
        painter = QPainter(self._image)
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        paint(painter)
        painter.end()
        self._moment = moment
        self._rough += region
        return True

    def patch(self, scenes: ScenePainter, moment: Moment, camera: Camera, region: QRegion, *, is_moving: bool) -> bool:
        """Paint some parts of the picture anew, as another moment has them; False if that would be no less work."""
        if self._moment is None or camera != self._drawn or self._image.isNull():
            return False
        size = self._image.size() / self._ratio
        seen = region.intersected(QRect(0, 0, size.width(), size.height()))
        places: list[QRect] = list(seen)  # type: ignore[call-overload] # the stubs do not know that it is iterable
        area = sum(place.width() * place.height() for place in places)
        if len(places) > MOST_PATCHES or area > LARGEST_PATCH * size.width() * size.height():
            return False
        boxes, quality = self._boxes, Quality.FAST if is_moving and self._is_coarse else Quality.FULL
        if places:
            self._paint(self._image, scenes, moment, camera, seen, quality)
        self._rough -= region
        self._boxes, self._moment = boxes, moment
        return True

    def show(
        self,
        painter: QPainter,
        scenes: ScenePainter,
        moment: Moment,
        camera: Camera,
        size: QSize,
        ratio: float,
        *,
        is_moving: bool,
        is_resting: bool = True,
        dirty: QRegion | None = None,
    ) -> None:
        """Paint the picture for this camera, renewing as much of it as is needed; at rest also what is merely rough.

        Where only some of the widget is `dirty`, no more than that is shown.
        """
        dirty = QRegion(QRect(QPoint(), size)) if dirty is None else dirty
        same_form = self._moment is not None and self._image.size() == size * ratio and self._ratio == ratio
        if same_form and self._moment is not None and moment is self._moment:
            if (
                camera == self._camera
                and (is_moving or not self._is_coarse)
                and self._is_smooth(scenes, moment, camera, is_resting=is_resting)
            ):
                self._blit(painter, camera, dirty)
                return
            if is_moving and self._shift(scenes, camera, size, ratio):
                self._blit(painter, camera, dirty)
                return
            is_slow = self._boxes > WARP_BOXES or self._cost_s > FRAME_BUDGET_S
            if is_moving and is_slow and 0.4 < camera.scale / self._drawn.scale < 2.5:
                self._warp(painter, camera, size, scenes.cards.theme.background)
                return
        self._render(scenes, moment, camera, size, ratio, Quality.FAST if is_moving else Quality.FULL)
        self._blit(painter, camera, dirty)

    def _is_smooth(self, scenes: ScenePainter, moment: Moment, camera: Camera, *, is_resting: bool) -> bool:
        """Whether nothing is rough, or has just been painted anew, or may stay so for now."""
        if self._rough.isEmpty() or not is_resting:
            return True
        return self.patch(scenes, moment, camera, self._rough, is_moving=False)

    def _blit(self, painter: QPainter, camera: Camera, dirty: QRegion) -> None:
        self._camera, ratio = camera, self._ratio
        for place in dirty:  # type: ignore[attr-defined] # the stubs do not know that it is iterable
            x, y, width, height = place.x() * ratio, place.y() * ratio, place.width() * ratio, place.height() * ratio
            painter.drawImage(QRectF(place), self._image, QRectF(x, y, width, height))

    def _render(
        self, scenes: ScenePainter, moment: Moment, camera: Camera, size: QSize, ratio: float, quality: Quality
    ) -> None:
        if self._image.size() != size * ratio or self._ratio != ratio:
            self._image = QImage(size * ratio, QImage.Format.Format_RGB32)
            self._image.setDevicePixelRatio(ratio)
            self._ratio = ratio
        if moment is self._recoloured and camera == self._drawn and quality is Quality.FAST and scenes.is_whole:
            self._repaint_boxes(scenes, moment, camera, QRect(QPoint(), size))
            return
        self._recoloured = None
        began = time.perf_counter()
        self._paint(self._image, scenes, moment, camera, QRegion(QRect(QPoint(), size)), quality)
        if quality is Quality.FAST:
            self._cost_s = time.perf_counter() - began
        self._drawn = self._camera = camera
        self._moment = moment
        self._is_coarse = quality is Quality.FAST and self._boxes > FEW_BOXES
        self._rough = QRegion()

    def _repaint_boxes(self, scenes: ScenePainter, moment: Moment, camera: Camera, area: QRect) -> None:
        """Paint boxes in new colours over the old ones; near ones show a trace of those until it rests."""
        is_far = scenes.is_far(moment.scene, camera.scale)
        painter = QPainter(self._image)
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        raster = _raster(self._image, camera, QRectF(area)) if is_far else None
        scenes.paint_boxes(painter, moment, [_region(camera, area)], camera.scale, self._ratio, raster)
        painter.end()
        self._moment, self._recoloured = moment, None
        self._is_coarse = self._is_coarse or not is_far

    def _paint(
        self, image: QImage, scenes: ScenePainter, moment: Moment, camera: Camera, part: QRegion, quality: Quality
    ) -> None:
        """Paint some of the widget's area."""
        if scenes.is_far(moment.scene, camera.scale):
            around = part.boundingRect()
            if around.width() * around.height() < (part.rectCount() - 1) * FAR_PART * image.width() * image.height():
                part = QRegion(around)
        painter = QPainter(image)
        painter.setClipRegion(part)
        places: list[QRect] = list(part)  # type: ignore[call-overload] # the stubs do not know that it is iterable
        for place in places:
            painter.fillRect(place, scenes.cards.theme.background)
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        if scenes.is_far(moment.scene, camera.scale):
            self._boxes = 0
            for place in places:
                raster = _raster(image, camera, QRectF(place))
                scenes.paint(painter, moment, [_region(camera, place)], camera.scale, self._ratio, quality, raster)
        else:
            regions = [_region(camera, place) for place in places]
            self._boxes = scenes.paint(painter, moment, regions, camera.scale, self._ratio, quality)
        painter.end()

    def _shift(self, scenes: ScenePainter, camera: Camera, size: QSize, ratio: float) -> bool:
        """Move the picture for a pan and paint only what comes into view; False if it is no pan of whole pixels."""
        if camera.scale != self._drawn.scale or self._moment is None:
            return False
        dx, dy = camera.dx - self._drawn.dx, camera.dy - self._drawn.dy
        width, height = float(size.width()), float(size.height())
        is_whole = abs(dx * ratio - round(dx * ratio)) < 1e-6 and abs(dy * ratio - round(dy * ratio)) < 1e-6
        if not is_whole or abs(dx) > width * 0.6 or abs(dy) > height * 0.6:
            return False
        shifted = QImage(self._image.size(), QImage.Format.Format_RGB32)
        shifted.setDevicePixelRatio(ratio)
        painter = QPainter(shifted)
        painter.drawImage(QRectF(dx, dy, width, height), self._image)
        painter.end()
        boxes = self._boxes
        for strip in (
            QRectF(0 if dx > 0 else width + dx, 0, abs(dx), height),
            QRectF(0, 0 if dy > 0 else height + dy, width, abs(dy)),
        ):
            if not strip.isEmpty():
                self._paint(shifted, scenes, self._moment, camera, QRegion(strip.toAlignedRect()), Quality.FAST)
        self._boxes = boxes
        self._image, self._drawn = shifted, camera
        self._is_coarse = self._is_coarse or boxes > FEW_BOXES or not self._rough.isEmpty()
        return True

    def _warp(self, painter: QPainter, camera: Camera, size: QSize, background: QColor) -> None:
        """Show the last picture where it would be now: right in place, coarse in its pixels."""
        factor = camera.scale / self._drawn.scale
        x = camera.dx - self._drawn.dx * factor
        y = camera.dy - self._drawn.dy * factor
        painter.fillRect(QRectF(0, 0, size.width(), size.height()), background)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        painter.drawImage(QRectF(x, y, size.width() * factor, size.height() * factor), self._image)
        self._is_coarse = True


def _region(camera: Camera, place: QRect) -> Region:
    """What of the scene is seen in a place of the widget, with a margin for pens."""
    return camera.region(place.x() - 2, place.y() - 2, place.width() + 4, place.height() + 4)


def _raster(image: QImage, camera: Camera, area: QRectF) -> Raster:
    return Raster(image, QTransform(camera.scale, 0, 0, camera.scale, camera.dx, camera.dy), area)
