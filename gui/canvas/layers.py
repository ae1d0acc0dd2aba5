"""The picture under the highlight: rendered once, shifted when the view pans, refined when it rests."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QRegion, QTransform

from .camera import Camera
from .detail import Quality
from .painter import FEW_BOXES, Moment, ScenePainter
from .raster import Raster

WARP_BOXES = 20_000
"""With more boxes in view, a moving view shows the last picture, moved and scaled."""
MOST_PATCHES, LARGEST_PATCH = 24, 0.4
"""Parts that are painted anew after a step: so many at most, and so much of the picture."""
FRAME_BUDGET_S = 0.009
"""The same where the last fast frame took longer than this."""


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
        self._ground: QImage | None = None
        """The picture without its boxes, as it was drawn for `_drawn` and `_ground_of`; only from afar."""
        self._ground_of: Moment | None = None
        self._recoloured: Moment | None = None

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
        self._moment = self._ground = self._recoloured = None

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
        """Boxes have other colours: from afar the ground under them is still good."""
        self._recoloured = self._moment if self._ground is not None and self._ground_of is self._moment else None
        self._moment = None

    def stamp(self, moment: Moment, camera: Camera, paint: Callable[[QPainter], None]) -> bool:
        """Let `paint` bring the picture up to another moment; False if it was not made for this camera."""
        if self._moment is None or camera != self._drawn or self._image.isNull():
            return False
        painter = QPainter(self._image)
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        paint(painter)
        painter.end()
        self._moment = moment
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
        boxes = self._boxes
        for place in places:
            quality = Quality.FAST if is_moving and self._is_coarse else Quality.FULL
            self._paint(self._image, scenes, moment, camera, QRectF(place), quality)
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
    ) -> None:
        """Paint the picture for this camera, renewing as much of it as is needed."""
        same_form = self._moment is not None and self._image.size() == size * ratio and self._ratio == ratio
        if same_form and self._moment is not None and moment is self._moment:
            if camera == self._camera and (is_moving or not self._is_coarse):
                self._blit(painter, camera)
                return
            if is_moving and self._shift(scenes, camera, size, ratio):
                self._blit(painter, camera)
                return
            is_slow = self._boxes > WARP_BOXES or self._cost_s > FRAME_BUDGET_S
            if is_moving and is_slow and 0.4 < camera.scale / self._drawn.scale < 2.5:
                self._warp(painter, camera, size, scenes.cards.theme.background)
                return
        self._render(scenes, moment, camera, size, ratio, Quality.FAST if is_moving else Quality.FULL)
        self._blit(painter, camera)

    def _blit(self, painter: QPainter, camera: Camera) -> None:
        self._camera = camera
        painter.drawImage(0, 0, self._image)

    def _render(
        self, scenes: ScenePainter, moment: Moment, camera: Camera, size: QSize, ratio: float, quality: Quality
    ) -> None:
        if self._image.size() != size * ratio or self._ratio != ratio:
            self._image = QImage(size * ratio, QImage.Format.Format_RGB32)
            self._image.setDevicePixelRatio(ratio)
            self._ratio = ratio
        if self._repaint_boxes(scenes, moment, camera, size):
            return
        self._ground = self._recoloured = None
        began = time.perf_counter()
        self._paint(
            self._image, scenes, moment, camera, QRectF(0, 0, size.width(), size.height()), quality, self._keep_ground
        )
        if quality is Quality.FAST:
            self._cost_s = time.perf_counter() - began
        self._drawn = self._camera = camera
        self._moment = self._ground_of = moment
        self._is_coarse = quality is Quality.FAST and self._boxes > FEW_BOXES

    def _keep_ground(self) -> None:
        self._ground = self._image.copy()

    def _repaint_boxes(self, scenes: ScenePainter, moment: Moment, camera: Camera, size: QSize) -> bool:
        """Put boxes in new colours onto the ground; False if that is of another moment or camera, or not there."""
        if self._ground is None or moment is not self._recoloured or camera != self._drawn:
            return False
        self._image, self._moment, self._recoloured = self._ground.copy(), moment, None
        area = QRectF(0, 0, size.width(), size.height())
        scenes.repaint_boxes(
            moment, camera.region(0, 0, size.width(), size.height()), _raster(self._image, camera, area)
        )
        return True

    def _paint(
        self,
        image: QImage,
        scenes: ScenePainter,
        moment: Moment,
        camera: Camera,
        area: QRectF,
        quality: Quality,
        keep_ground: Callable[[], None] | None = None,
    ) -> None:
        painter = QPainter(image)
        painter.setClipRect(area)
        raster = _raster(image, camera, area)
        painter.fillRect(area, scenes.cards.theme.background)
        painter.translate(camera.dx, camera.dy)
        painter.scale(camera.scale, camera.scale)
        region = camera.region(area.x() - 2, area.y() - 2, area.width() + 4, area.height() + 4)
        self._boxes = scenes.paint(painter, moment, region, camera.scale, self._ratio, quality, raster, keep_ground)
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
        if dx:
            strip = QRectF(0 if dx > 0 else width + dx, 0, abs(dx), height)
            self._paint(shifted, scenes, self._moment, camera, strip, Quality.FAST)
        if dy:
            strip = QRectF(0, 0 if dy > 0 else height + dy, width, abs(dy))
            self._paint(shifted, scenes, self._moment, camera, strip, Quality.FAST)
        self._boxes = boxes
        self._image, self._drawn = shifted, camera
        self._is_coarse = self._is_coarse or boxes > FEW_BOXES
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


def _raster(image: QImage, camera: Camera, area: QRectF) -> Raster:
    return Raster(image, QTransform(camera.scale, 0, 0, camera.scale, camera.dx, camera.dy), area)
