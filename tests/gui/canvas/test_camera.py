"""Zooming, fitting and pinning the view."""

from __future__ import annotations

import pytest

from gui.canvas.camera import LEAST_SCALE, MOST_FIT, MOST_SCALE, Camera, fitted


def test_screen_and_scene_are_inverse() -> None:
    camera = Camera(0.5, 30, -7)
    assert camera.to_scene(*camera.to_screen(12, 34)) == pytest.approx((12, 34))


def test_zooming_keeps_what_is_under_the_pointer() -> None:
    camera = Camera(0.8, 10, 20)
    before = camera.to_scene(333, 222)
    for factor in (1.3, 0.2, 7.0):
        camera = camera.zoomed(factor, 333, 222)
        assert camera.to_scene(333, 222) == pytest.approx(before)


def test_zooming_is_bounded() -> None:
    assert Camera().zoomed(1e9, 0, 0).scale == MOST_SCALE
    assert Camera().zoomed(1e-9, 0, 0).scale == LEAST_SCALE


def test_fitting_centres_and_never_enlarges_absurdly() -> None:
    camera = fitted((100, 100, 50, 20), 800, 600)
    assert camera.scale == MOST_FIT
    assert camera.to_screen(125, 110) == pytest.approx((400, 300))
    small = fitted((0, 0, 10_000, 100), 800, 600)
    assert small.to_screen(0, 50) == pytest.approx((32, 300))
    assert small.to_screen(10_000, 50) == pytest.approx((768, 300))


@pytest.mark.parametrize("bounds", [(0.0, 0.0, 0.0, 0.0), (5.0, 5.0, 1e9, 1e9)])
def test_fitting_nothing_and_very_much(bounds: tuple[float, float, float, float]) -> None:
    camera = fitted(bounds, 10, 10)
    assert LEAST_SCALE <= camera.scale <= MOST_FIT


def test_pinning_and_snapping() -> None:
    camera = Camera(2.0).pinned(10, 10, 100, 50)
    assert camera.to_screen(10, 10) == (100, 50)
    assert Camera(1.0, 0.3, 0.3).snapped(2.0) == Camera(1.0, 0.5, 0.5)
