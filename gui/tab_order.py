"""Where Tab goes: from one thing that can be seen to the next; a panel behind another tab is passed over."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QScrollArea, QWidget

from gui.widgets.focus_ring import FocusRing


class TabOrderWindow(QMainWindow):
    """A main window whose docks share tabs.

    A panel behind another tab counts as visible for Qt: Tab would lead into it, and the focus would be lost to the eye.
    """

    def __init__(self) -> None:
        super().__init__()
        self.focus_ring = FocusRing(self)

    def focusNextPrevChild(self, is_forward: bool) -> bool:
        start = self.focusWidget() or self
        for widget in around(start, is_forward=is_forward):
            if takes_tab(widget, self):
                reason = Qt.FocusReason.TabFocusReason if is_forward else Qt.FocusReason.BacktabFocusReason
                widget.setFocus(reason)
                show(widget)
                self.focus_ring.show_around(widget)
                return True
        return False


def around(start: QWidget, *, is_forward: bool) -> Iterator[QWidget]:
    """Every other widget of the window once, in the order of Tab or of Shift+Tab."""
    widget = start.nextInFocusChain() if is_forward else start.previousInFocusChain()
    while widget is not None and widget is not start:
        yield widget
        widget = widget.nextInFocusChain() if is_forward else widget.previousInFocusChain()


def takes_tab(widget: QWidget, window: QWidget) -> bool:
    """Whether Tab may stop at a widget: it wants it, can be used, and is seen."""
    wants = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus) and widget.focusProxy() is None
    is_usable = widget.isEnabled() and widget.isVisibleTo(window) and widget.window() is window
    return widget is not window and wants and is_usable and _is_in_front(widget)


def _is_in_front(widget: QWidget) -> bool:
    """Whether the panel around a widget, if there is one, is the one that its tab shows."""
    parent: QWidget | None = widget
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    if parent is None or parent.isFloating():
        return True
    return parent.geometry().intersects(parent.window().rect())  # Qt keeps those behind a tab outside the window


def show(widget: QWidget) -> None:
    """Scroll whatever a widget is in until it is in view."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea):
            parent.ensureWidgetVisible(widget, 8, 8)
        parent = parent.parentWidget()
