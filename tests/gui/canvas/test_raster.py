"""Pixels written directly, against Qt's painter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QTransform

from gui.canvas import raster as raster_module
from gui.canvas.raster import Raster

RED, WHITE = QColor("#FF0000"), QColor("#FFFFFF")


def blank(width: int = 60, height: int = 40, ratio: float = 1.0) -> QImage:
    image = QImage(round(width * ratio), round(height * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(WHITE)
    return image


def whole(image: QImage, transform: QTransform | None = None) -> Raster:
    size = image.deviceIndependentSize()
    return Raster(image, transform or QTransform(), QRectF(0, 0, size.width(), size.height()))


def is_red(image: QImage) -> npt.NDArray[np.bool_]:
    rows = np.frombuffer(image.constBits(), dtype=np.uint32).reshape(image.height(), -1)
    found: npt.NDArray[np.bool_] = rows[:, : image.width()] == RED.rgba()
    return found


def by_qt(image: QImage, rects: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    painter = QPainter(image)
    for x, y, right, bottom in rects.tolist():
        painter.fillRect(QRectF(x, y, right - x, bottom - y), RED)
    painter.end()
    return is_red(image)


def test_rectangles_are_those_of_qt() -> None:
    rng = np.random.default_rng(0)
    corners = np.floor(rng.uniform((-10, -10), (60, 40), size=(200, 2)))
    rects = np.concatenate([corners, corners + np.floor(rng.uniform(1, 90, size=(200, 2)))], axis=1)[::9]
    image = blank()
    whole(image).fill_rects(rects, RED)
    assert np.array_equal(is_red(image), by_qt(blank(), rects))


def test_the_smallest_rectangle_is_a_pixel() -> None:
    image = blank()
    whole(image, QTransform(0.01, 0, 0, 0.01, 5, 7)).fill_rects(np.array([[0.0, 0.0, 20.0, 20.0]]), RED)
    assert np.argwhere(is_red(image)).tolist() == [[7, 5]]


def test_each_rectangle_has_its_colour() -> None:
    image = blank()
    codes = np.array([RED.rgba(), QColor("#0000FF").rgba()], dtype=np.uint32)
    whole(image).fill_rects(np.array([[0.0, 0.0, 3.0, 2.0], [10.0, 10.0, 30.0, 15.0]]), codes)
    assert image.pixelColor(2, 1) == RED
    assert image.pixelColor(29, 14) == QColor("#0000FF")
    assert image.pixelColor(30, 15) == WHITE


def test_lines_run_across_and_down_both_ends_included() -> None:
    image = blank()
    whole(image).draw_lines(np.array([[2.0, 3.0, 9.0, 3.0], [20.0, 30.0, 20.0, 11.0], [5.0, 8.0, 5.0, 8.0]]), RED)
    found = is_red(image)
    assert found[3, 2:10].all()
    assert found[11:31, 20].all()
    assert found[8, 5]
    assert found.sum() == 8 + 20 + 1


@pytest.mark.parametrize("most", [8_000_000, 7])
def test_what_lies_outside_is_cut(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(raster_module, "MOST_PIXELS", most)
    image = blank()
    raster = Raster(image, QTransform(), QRectF(10, 5, 20, 10))
    raster.draw_lines(np.array([[-1e6, 7.0, 1e6, 7.0], [12.0, -1e6, 12.0, 1e6], [0.0, 30.0, 60.0, 30.0]]), RED)
    raster.fill_rects(np.array([[25.0, -1e6, 1e6, 1e6], [-9.0, -9.0, 3.0, 3.0]]), RED)
    found = is_red(image)
    assert found[7, 10:30].all()
    assert found[5:15, 12].all()
    assert found[5:15, 25:30].all()
    found[5:15, 10:30] = False
    assert not found.any()


def test_lines_are_a_pixel_of_the_widget_thick() -> None:
    image = blank(ratio=2.0)
    whole(image).draw_lines(np.array([[2.0, 3.0, 9.0, 3.0]]), RED)
    found = is_red(image)
    assert found[6:8, 4:19].all()
    assert found.sum() == 2 * 15


def test_borders_go_round() -> None:
    image = blank()
    whole(image).draw_borders(np.array([[2.0, 3.0, 12.0, 9.0]]), RED)
    found = is_red(image)
    assert found.sum() == 2 * 11 + 2 * 5
    assert not found[4:9, 3:12].any()


def test_it_can_be_mixed_with_a_painter_on_the_same_image() -> None:
    image = blank()
    painter = QPainter(image)
    raster = whole(image)
    painter.fillRect(0, 0, 60, 40, QColor("#00FF00"))
    raster.fill_rects(np.array([[0.0, 0.0, 10.0, 10.0]]), RED)
    painter.fillRect(5, 5, 10, 10, QColor("#0000FF"))
    painter.end()
    assert image.pixelColor(2, 2) == RED
    assert image.pixelColor(7, 7) == QColor("#0000FF")
    assert image.pixelColor(30, 30) == QColor("#00FF00")


def test_nothing_is_nothing() -> None:
    image = blank()
    whole(image).fill_rects(np.empty((0, 4)), RED)
    whole(image).draw_lines(np.empty((0, 4)), RED)
    whole(image).draw_borders(np.empty((0, 4)), RED)
    assert not is_red(image).any()
