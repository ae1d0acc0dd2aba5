"""The panels around the graph: where they stand at first, their titles, and their remembered places."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QTabBar, QTabWidget, QToolButton, QWidget

from gui.icons import icon
from gui.theme import Theme, ThemeManager

STATE_VERSION = 7
"""Raise it whenever a dock is added, removed or renamed: older states are then left alone."""
TITLE_HEIGHT_PX = 34
SMALL_CURVE_PX = 104
CURVES_SHARE = 0.55
"""Of the window's height for the curves of logs, where no program is open."""
CHOSEN_BEYOND_PX = 40
"""A height that differs more from ours was dragged by the user."""
_LEFT = Qt.DockWidgetArea.LeftDockWidgetArea
_RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
_BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea


class Place(NamedTuple):
    """A panel's first place: its area, and the panel that it shares tabs with or stands below."""

    name: str
    title: str
    area: Qt.DockWidgetArea
    tab_with: str = ""
    below: str = ""


PLACES = (
    Place("code", "Code", _LEFT),
    Place("lesson", "Lesson", _LEFT, tab_with="code"),
    Place("tree", "Tree", _LEFT, tab_with="code"),
    Place("engine", "Engine", _LEFT, tab_with="code"),
    Place("inspector", "Inspector", _RIGHT),
    Place("watch", "Watch", _RIGHT, tab_with="inspector"),
    Place("problems", "Problems", _RIGHT, tab_with="inspector"),
    Place("compare", "Compare", _RIGHT, tab_with="inspector"),
    Place("timeline", "Timeline", _BOTTOM),
    Place("loss", "Loss", _BOTTOM, below="timeline"),
    Place("console", "Console", _BOTTOM, tab_with="loss"),
    Place("runs", "Runs", _BOTTOM, tab_with="loss"),
    Place("flow", "Gradient flow", _BOTTOM, tab_with="loss"),
    Place("breakpoints", "Breakpoints", _BOTTOM, tab_with="loss"),
    Place("edits", "What if", _BOTTOM, tab_with="loss"),
)
IN_FRONT = ("code", "inspector", "loss")


class DockTitle(QWidget):
    """A quiet title bar; without any height while the tab bar already says the title."""

    def __init__(self, dock: QDockWidget, themes: ThemeManager) -> None:
        super().__init__(dock)
        self.setObjectName("dockTitle")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._float = QToolButton(self)
        self._float.setToolTip("Take the panel out of the window, or put it back")
        self._float.setAccessibleName("Float")
        self._float.clicked.connect(self._on_float_clicked)
        self._close = QToolButton(self)
        self._close.setToolTip("Hide the panel (View > Panels brings it back)")
        self._close.setAccessibleName("Hide")
        self._close.clicked.connect(dock.close)
        for button in (self._float, self._close):
            button.setIconSize(QSize(14, 14))
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._dock = dock
        self._is_collapsed = False
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 6, 0)
        row.setSpacing(0)
        row.addWidget(QLabel(dock.windowTitle(), self), 1)
        row.addWidget(self._float)
        row.addWidget(self._close)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)
        self.set_collapsed(False)

    def set_collapsed(self, is_collapsed: bool) -> None:
        self._is_collapsed = is_collapsed
        self.setFixedHeight(0 if is_collapsed else TITLE_HEIGHT_PX)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """The dock's layout asks for this alone, and not for the fixed height."""
        return QSize(super().sizeHint().width(), 0 if self._is_collapsed else TITLE_HEIGHT_PX)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def _on_float_clicked(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    def _on_themes_changed(self, theme: Theme) -> None:
        self._float.setIcon(icon("float", theme.muted))
        self._close.setIcon(icon("close", theme.muted))


class Docks(QObject):
    """All docks of one main window."""

    shown = Signal()
    """They are there again, after the welcome page."""
    settled = Signal()
    """Docks were moved, and their tab bars are as they will be."""

    def __init__(self, window: QMainWindow, themes: ThemeManager) -> None:
        super().__init__(window)
        self._window = window
        self.docks: dict[str, QDockWidget] = {}
        self._titles: dict[str, DockTitle] = {}
        self._hidden_state: QByteArray | None = None
        self._has_training = self._has_curves_only = False
        self._curve_height = 0
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDocumentMode(True)
        window.setDockOptions(
            QMainWindow.DockOption.AnimatedDocks
            | QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.GroupedDragging
        )
        self._refresh = QTimer(self)
        self._refresh.setSingleShot(True)
        self._refresh.setInterval(0)
        self._refresh.timeout.connect(self._on_refresh_timeout)
        for place in PLACES:
            dock = QDockWidget(place.title, window)
            dock.setObjectName(f"dock-{place.name}")
            self.docks[place.name] = dock
            if place.name == "timeline":  # its bars say what it is: a title would only take room from the graph
                dock.setTitleBarWidget(QWidget(dock))
                dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
            else:
                self._titles[place.name] = DockTitle(dock, themes)
                dock.setTitleBarWidget(self._titles[place.name])
            dock.visibilityChanged.connect(self._on_dock_changed)
            dock.dockLocationChanged.connect(self._on_dock_changed)
            dock.topLevelChanged.connect(self._on_dock_changed)
            dock.hide()
        self.reset()
        self.hide_all()

    def set_widget(self, name: str, widget: QWidget) -> None:
        """Put a panel into its dock. One that has a slot `catch_up(is_seen)` is told when its tab comes in front.

        A widget behind another tab counts as visible for Qt, so it cannot tell by itself.
        """
        self.docks[name].setWidget(widget)
        catch_up = getattr(widget, "catch_up", None)
        if catch_up is not None:
            self.docks[name].visibilityChanged.connect(catch_up)

    def raise_(self, name: str) -> None:
        """Show a panel, in front of those it shares tabs with."""
        self.docks[name].show()
        self.docks[name].raise_()

    def tab_bars(self) -> list[QTabBar]:
        """The bars in which panels share a place."""
        return self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)

    def names_in(self, bar: QTabBar) -> list[str]:
        """The names of the panels in a tab bar, from left to right; "" for what is none."""
        names = {dock.windowTitle(): name for name, dock in self.docks.items()}
        return [names.get(bar.tabText(index), "") for index in range(bar.count())]

    def front_beside(self, name: str) -> str:
        """The panel that is in front where `name` shares a place with others; "" where it does not."""
        for bar in self.tab_bars():
            names = self.names_in(bar)
            if name in names and bar.currentIndex() >= 0:
                return names[bar.currentIndex()]
        return ""

    def set_title(self, name: str, title: str) -> None:
        """What the panel's tab says, such as "Problems 2"."""
        self.docks[name].setWindowTitle(title)

    def reset(self) -> None:
        """Every panel at its first place and at a size that suits the window."""
        for place in PLACES:
            dock = self.docks[place.name]
            dock.setFloating(False)
            self._window.addDockWidget(place.area, dock)
            if place.tab_with:
                self._window.tabifyDockWidget(self.docks[place.tab_with], dock)
            elif place.below:
                self._window.splitDockWidget(self.docks[place.below], dock, Qt.Orientation.Vertical)
            dock.show()
        for name in IN_FRONT:
            self.docks[name].raise_()
        self.fit_sizes()

    def fit_sizes(self) -> None:
        """Give the panels their first sizes for the window's present size."""
        width, height = self._window.width(), self._window.height()
        left = max(300, min(round(width * 0.22), 460))
        right = max(320, min(round(width * 0.23), 480))
        horizontal, vertical = Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self._window.resizeDocks([self.docks["code"], self.docks["inspector"]], [left, right], horizontal)
        self._curve_height = self._wanted_height(height)
        track = 96 if height < 1100 else 132
        self._window.resizeDocks([self.docks["timeline"], self.docks["loss"]], [track, self._curve_height], vertical)

    def _wanted_height(self, height: int) -> int:
        if self._has_curves_only:
            return round(height * CURVES_SHARE)
        return max(150, min(round(height * 0.21), 300)) if self._has_training else SMALL_CURVE_PX

    def set_has_curves_only(self, has_curves_only: bool) -> None:
        """Give curves of logs the room that no graph needs; and the graph its room again once there is one."""
        if has_curves_only != self._has_curves_only:
            self._has_curves_only = has_curves_only
            if not self.are_hidden:
                self.fit_sizes()

    def set_has_training(self, has_training: bool) -> None:
        """Give the loss curve its room where there is a training, and the graph that room where there is none.

        Heights that the user has chosen stay.
        """
        if has_training == self._has_training:
            return
        self._has_training = has_training
        is_ours = self._curve_height and abs(self._visible_height() - self._curve_height) <= CHOSEN_BEYOND_PX
        if is_ours and not self.are_hidden:
            self.fit_sizes()

    def _visible_height(self) -> int:
        """Height of the tabs in which the loss curve is, whichever of them is in front."""
        shown = [
            self.docks[name] for name in ("loss", "console", "runs", "breakpoints") if self.docks[name].isVisible()
        ]
        return max((dock.height() for dock in shown), default=0)

    @property
    def are_hidden(self) -> bool:
        return self._hidden_state is not None

    def hide_all(self) -> None:
        """Leave the whole window to the welcome page; `show_all` brings the panels back as they were."""
        if self._hidden_state is None:
            self._hidden_state = self._window.saveState(STATE_VERSION)
            for dock in self.docks.values():
                dock.hide()

    def show_all(self) -> None:
        if self._hidden_state is not None:
            state, self._hidden_state = self._hidden_state, None
            if not self._window.restoreState(state, STATE_VERSION):
                self.reset()
            self.shown.emit()

    def save(self) -> QByteArray:
        """The places of all panels, as Qt writes them."""
        return self._window.saveState(STATE_VERSION) if self._hidden_state is None else self._hidden_state

    def restore(self, state: QByteArray) -> bool:
        """Put the panels where `state` says; False, and nothing changes, where it is not one of ours."""
        hidden = self._hidden_state
        if not self._window.restoreState(state, STATE_VERSION):
            return False
        if hidden is not None:
            self._hidden_state = None
            self.hide_all()
        return True

    def _on_dock_changed(self) -> None:
        self._refresh.start()  # later, once the layout has settled

    def _on_refresh_timeout(self) -> None:
        self._hide_stray_tabs()
        self._name_tabs()
        for name, title in self._titles.items():
            dock = self.docks[name]
            beside = [other for other in self._window.tabifiedDockWidgets(dock) if other.toggleViewAction().isChecked()]
            title.set_collapsed(bool(beside) and not dock.isFloating())
        self.settled.emit()

    def _name_tabs(self) -> None:
        """Say which panels a tab bar leads to, for screen readers."""
        for bar in self.tab_bars():
            bar.setAccessibleName(f"Panels: {', '.join(bar.tabText(index) for index in range(bar.count()))}")

    def _hide_stray_tabs(self) -> None:
        """Hide tab bars that a restored state leaves behind: Qt parks them in the corner, on top of the menu."""
        menu = self._window.menuWidget()
        top = 0 if menu is None else menu.height()
        for bar in self.tab_bars():
            if bar.isVisible() and 0 <= bar.y() < top:
                bar.hide()
