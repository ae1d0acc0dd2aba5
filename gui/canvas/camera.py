"""Where the view stands over the scene: scale and offset, and every way to move it."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_SCALE = 0.002
MOST_SCALE = 4.0
MOST_FIT = 1.5
"""Fitting never enlarges beyond this: three nodes on a big screen should not look like a poster."""


@dataclass(frozen=True)
class Camera:
    """Screen position = scene position × `scale` + (`dx`, `dy`); pixels of the widget, not of the device."""

    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        return x * self.scale + self.dx, y * self.scale + self.dy

    def to_scene(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.dx) / self.scale, (y - self.dy) / self.scale

    def region(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """The part of the scene behind a rectangle of the screen, as x, y, right, bottom."""
        return (*self.to_scene(x, y), *self.to_scene(x + width, y + height))

    def moved(self, dx: float, dy: float) -> Camera:
        return Camera(self.scale, self.dx + dx, self.dy + dy)

    def zoomed(self, factor: float, x: float, y: float) -> Camera:
        """Zoomed about a screen position, which keeps what is under it; bounded."""
        scale = min(max(self.scale * factor, LEAST_SCALE), MOST_SCALE)
        factor = scale / self.scale
        return Camera(scale, x - (x - self.dx) * factor, y - (y - self.dy) * factor)

    def centred(self, x: float, y: float, width: float, height: float) -> Camera:
        """The same scale with a scene position in the middle of a view of this size."""
        return Camera(self.scale, width / 2 - x * self.scale, height / 2 - y * self.scale)

    def pinned(self, x: float, y: float, screen_x: float, screen_y: float) -> Camera:
        """The same scale with a scene position at a screen position."""
        return Camera(self.scale, screen_x - x * self.scale, screen_y - y * self.scale)

    def snapped(self, ratio: float) -> Camera:
        """Offsets on whole device pixels, so that a shifted picture stays exact."""
        return Camera(self.scale, round(self.dx * ratio) / ratio, round(self.dy * ratio) / ratio)


def fitted(
    bounds: tuple[float, float, float, float], width: float, height: float, margin: float = 32.0, top: float = 0.0
) -> Camera:
    """Everything in view, centred; `bounds` = x, y, width, height of the scene, `top` pixels are covered above."""
    x, y, w, h = bounds
    return fitted_in((x, y, x + w, y + h), (0.0, top, width, height), margin)


def fitted_in(
    rect: tuple[float, float, float, float],
    area: tuple[float, float, float, float],
    margin: float,
    most: float = MOST_FIT,
) -> Camera:
    """A rectangle of the scene in the middle of a part of the view, at no more than a scale; x, y, right, bottom."""
    w, h = rect[2] - rect[0], rect[3] - rect[1]
    room_x, room_y = max(area[2] - area[0] - 2 * margin, 16.0), max(area[3] - area[1] - 2 * margin, 16.0)
    scale = max(min(room_x / max(w, 1.0), room_y / max(h, 1.0), most), LEAST_SCALE)
    return Camera(scale).pinned(
        (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2, (area[0] + area[2]) / 2, (area[1] + area[3]) / 2
    )
