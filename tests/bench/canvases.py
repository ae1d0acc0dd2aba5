"""What the benchmarks of the canvas have in common."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QApplication

from gui.canvas.widget import GraphCanvas


def settle(canvas: GraphCanvas) -> None:
    """Wait for the layout, and show all of it, at rest."""
    while canvas.is_laying_out:
        QApplication.processEvents()
        time.sleep(0.005)
    canvas.fit()
    canvas.view.rest()
