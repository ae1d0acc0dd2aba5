"""Thousands of repaints: a binding that loses a reference at each call fails here, not in front of a class."""

from __future__ import annotations

import gc
import sys

from PySide6.QtGui import QImage

from . import builders
from .conftest import Show

FRAMES = 5_000


def test_five_thousand_repaints_lose_no_reference(show: Show) -> None:
    canvas = show(builders.neuron(), 240, 180)
    image = QImage(240, 180, QImage.Format.Format_RGB32)
    canvas.render(image)
    gc.collect()
    objects, before = len(gc.get_objects()), sys.getrefcount(None)
    for frame in range(FRAMES):
        if frame % 8 == 0:
            canvas.document.move_to(frame // 8 % 7)
        elif frame % 8 == 4:
            canvas.pan_by(1 if frame % 16 == 4 else -1, 0)
        canvas.render(image)
    gc.collect()
    # None is immortal since Python 3.12; before, a lost reference per call would show as tens of thousands here.
    assert sys.getrefcount(None) > before - FRAMES / 2
    assert len(gc.get_objects()) < objects + FRAMES / 10, "no object is left behind by a frame"
    assert image.pixelColor(2, 2) == canvas.theme.background
