"""Windows with real workers behind them."""

from __future__ import annotations

from tests.gui.conftest import _no_qt_left_behind, window

__all__ = ["_no_qt_left_behind", "window"]
