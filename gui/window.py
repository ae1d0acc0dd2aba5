"""The main window: puts toolbar, graph and panels together, and asks what has to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QResizeEvent,
    QSessionManager,
)
from PySide6.QtWidgets import QDialog, QLabel, QStackedWidget, QVBoxLayout, QWidget

from gui import finding
from gui.actions import ActionSet
from gui.breakpoints import BreakpointKeeper
from gui.closing import Closing
from gui.commands import Commands
from gui.crash import CrashReporter
from gui.docks import Docks
from gui.document import Document
from gui.enabling import conditions
from gui.front_tab import FrontTab
from gui.icons import application_icon
from gui.node_edits import NodeEdits
from gui.opening import Target
from gui.panel_builder import PanelBuilder
from gui.playback import Playback
from gui.reloading import Reloading
from gui.saving import TraceSaving
from gui.settings import Settings
from gui.tab_order import TabOrderWindow
from gui.target_menus import TargetMenus
from gui.theme import Theme, ThemeManager
from gui.waiting import waiting_text
from gui.widgets.busy import BusyLine
from gui.widgets.command_palette import CommandPalette
from gui.widgets.notification import Notification, NotificationArea
from gui.widgets.questions import may_run
from gui.widgets.toolbar import StepToolBar
from gui.widgets.welcome import WelcomePage
from gui.workspace import Workspace

if TYPE_CHECKING:
    from gui.canvas.widget import GraphCanvas
    from gui.panel_set import PanelSet

DEFAULT_SIZE = (1440, 900)
MINIMUM_SIZE = (900, 560)


class MainWindow(TabOrderWindow):
    """One window with one open target.

    The panels come after the window is first shown: their libraries take longer to load than it may take to appear.
    """

    closed = Signal()
    new_window_requested = Signal()
    """The user wants another window beside this one."""
    open_elsewhere_requested = Signal(str, object)
    """A target and its arguments, to be opened in another window."""

    def __init__(
        self, settings: Settings, themes: ThemeManager, crash: CrashReporter | None = None, *, warm_up: bool = True
    ) -> None:
        super().__init__()
        self.settings = settings
        self.themes = themes
        self._builder = PanelBuilder(self)
        self.canvas: GraphCanvas | None = None
        self.panels: PanelSet | None = None
        self.has_siblings = False
        """Whether other windows of this process are open: closing this one must not hold them up."""
        self._warm_up = warm_up
        self._is_session_ending = False
        self.setWindowIcon(application_icon())
        self.setMinimumSize(*MINIMUM_SIZE)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.document = Document(self)
        self.playback = Playback(self.document, self)
        self.playback.set_speed(settings.values.steps_per_second)
        self.workspace = Workspace(self.document, settings, self)
        self.breakpoints = BreakpointKeeper(self.document.breakpoints, self.workspace, settings, self)
        self.node_edits = NodeEdits(self.workspace.editing, self)
        self.commands = Commands(self)
        self.actions_ = ActionSet(self, self.commands)
        self._menus = self.actions_.fill(self.menuBar())
        self.toolbar = StepToolBar(self.document, self.playback, self.actions_, themes, self)
        self.addToolBar(self.toolbar)
        self._build_center()
        self.resize(*DEFAULT_SIZE)
        self.docks = Docks(self, themes)
        self.front_tab = FrontTab(self, self.docks, self.workspace, settings)
        self.palette_ = CommandPalette(themes, self)
        self.closing = Closing(self)
        self.saving = TraceSaving(self)
        self.reloading = Reloading(self)
        self._connect(crash)
        self._restore()
        self._fill_menus()
        self._on_themes_changed(themes.theme)
        self._refresh()
        self.setFocus()  # not on the first button: the space bar would press it

    # Building

    def _build_center(self) -> None:
        center = QWidget(self)
        self.notifications = NotificationArea(self.themes, center)
        self.busy = BusyLine(center)
        self.stack = QStackedWidget(center)
        self.welcome = WelcomePage(self.themes, self.stack)
        self.stack.addWidget(self.welcome)
        self.waiting = QLabel(self.stack)
        self.waiting.setObjectName("waiting")
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.waiting.setTextFormat(Qt.TextFormat.PlainText)
        self.waiting.setWordWrap(True)
        self.stack.addWidget(self.waiting)
        box = QVBoxLayout(center)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        for widget in (self.notifications, self.busy):
            box.addWidget(widget)
        box.addWidget(self.stack, 1)
        self.setCentralWidget(center)

    def _connect(self, crash: CrashReporter | None) -> None:
        workspace = self.workspace
        workspace.changed.connect(self._refresh)
        workspace.busy_changed.connect(self._on_workspace_busy_changed)
        workspace.notified.connect(self.notify)
        workspace.settled.connect(self.notifications.dismiss)
        workspace.replaced.connect(self.notifications.forget_target)
        workspace.consent_needed.connect(self._on_workspace_consent_needed)
        workspace.log_opened.connect(self._on_workspace_log_opened)
        self.document.trace_changed.connect(self._show_page)
        for signal in (self.document.trace_changed, self.document.cursor_changed, self.document.selection_changed):
            signal.connect(self.refresh_actions)
        stack = self.document.undo_stack
        stack.canUndoChanged.connect(self.refresh_actions)
        stack.canRedoChanged.connect(self.refresh_actions)
        self.document.breakpoints.changed.connect(self.refresh_actions)
        self.document.updates_changed.connect(self.refresh_actions)
        self.document.numbers_changed.connect(self.refresh_actions)
        workspace.editing.changed.connect(self.refresh_actions)
        self.playback.changed.connect(self._on_playback_changed)
        self.toolbar.speed_chosen.connect(self.playback.set_speed)
        self.busy.cancelled.connect(workspace.stop)
        self.welcome.target_chosen.connect(self.open_target)
        self.welcome.open_requested.connect(self.commands.open_file)
        self.welcome.folder_requested.connect(self.commands.open_folder)
        self.themes.changed.connect(self._on_themes_changed)
        self.settings.noticed.connect(self._on_settings_noticed)
        QGuiApplication.instance().commitDataRequest.connect(self._on_application_commit_data_request)  # type: ignore[union-attr] # there is one wherever there is a widget
        if crash is not None:
            crash.reported.connect(self._on_crash_reported)
            crash.widget_failed.connect(self._on_crash_widget_failed)

    def _restore(self) -> None:
        values = self.settings.values
        geometry = QByteArray.fromBase64(values.window_geometry.encode())
        state = QByteArray.fromBase64(values.window_state.encode())
        if not (geometry and self.restoreGeometry(geometry)):
            screen = self.screen().availableSize()
            self.resize(min(DEFAULT_SIZE[0], screen.width()), min(DEFAULT_SIZE[1], screen.height()))
        self._has_own_sizes = bool(state) and self.docks.restore(state)
        for text in self.settings.notices:
            self._on_settings_noticed(text)

    def _fill_menus(self) -> None:
        menus = TargetMenus(self._menus["Open a demo"], self._menus["Open recent"], self.settings, self)
        menus.chosen.connect(self.open_target)
        for dock in self.docks.docks.values():
            self._menus["Panels"].addAction(dock.toggleViewAction())

    def build_panels(self) -> PanelSet:
        """Load the graph and the panels, once; the window is usable for everything else before."""
        return self._builder.finish()

    def take_panels(self, panels: PanelSet) -> None:
        """Show the graph and the panels, which are there now."""
        self.panels = panels
        self.canvas = panels.canvas
        self.stack.addWidget(self.canvas)
        self.palette_.home = self.canvas
        for title in ("Layout", "Depth", "Overlay"):
            panels.fill_menu(title, self._menus[title])
        self.refresh_actions()
        self._show_page()

    def finish_start(self) -> None:
        """What is done after the window is first shown, bit by bit: panels, then a worker that loads torch."""
        self._builder.start(warm_up=self._warm_up)

    # What others call

    def open_after_start(self, target: str, arguments: Sequence[str] = ()) -> None:
        """Open a target as soon as the panels are there."""
        self._builder.finished.connect(lambda: self.open_target(target, arguments))

    def open_target(self, target: str, arguments: Sequence[str] = ()) -> None:
        """Open whatever `target` names: a demo, a script, a callable, a trace, a log."""
        self._builder.hurry()  # what panels do when a program starts must not be missed
        if self.closing.may_open(target, arguments):
            self.workspace.open(target, arguments)

    def notify(self, notification: Notification) -> None:
        """Show a message above the graph."""
        self.notifications.show_notification(notification)

    def show_palette(self) -> None:
        """Let the user find a command, a node, a variable or a module."""
        self.palette_.top_px = self.toolbar.geometry().bottom() + 8
        self.palette_.popup(*finding.everything(self))

    def go_to_node(self, node_id: int) -> None:
        """Select a node and bring it to the middle, opening the modules around it."""
        self.document.select(node_id)
        if self.canvas is not None:
            self.canvas.center_on(node_id)

    def reset_docks(self) -> None:
        """Every panel at its first place."""
        if self.docks.are_hidden:
            self.docks.show_all()
            self.docks.reset()
            self.docks.hide_all()
        else:
            self.docks.reset()
        self._has_own_sizes = False

    def export_graph(self, path: Path, *, is_view: bool = False) -> None:
        """Save the graph, or what of it is in view, as the name's suffix says; raises OSError or RetrogradError."""
        from gui.exporting import export_graph

        if self.document.trace is not None and self.canvas is not None:
            export_graph(self.canvas, self.document.trace, path, is_view=is_view)

    def open_dialog(self, dialog: QDialog) -> None:
        """Show a dialog of this window without blocking it; it is deleted when it is closed."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    # State

    def refresh_actions(self) -> None:
        """Enable what can be done now."""
        trace = self.document.trace
        self.actions_.set_conditions(conditions(self))
        chosen = {None: "theme_system", "light": "theme_light", "dark": "theme_dark"}[self.themes.chosen]
        self.actions_[chosen].setChecked(True)
        self.actions_["rerun_when_saved"].setChecked(self.settings.values.rerun_when_saved)
        for button in (self.toolbar.layout_menu, self.toolbar.depth_menu, self.toolbar.overlay_menu):
            button.setEnabled(trace is not None)
        if self.panels is not None:
            self.panels.set_enabled(trace is not None)

    def _refresh(self) -> None:
        title = self.workspace.title
        self.setWindowTitle(f"{title} – Retrograd" if title else "Retrograd")
        self.welcome.set_recent(self.settings.values.recent)
        self.toolbar.set_notice("" if not title else self.workspace.busy.rstrip("…"))
        self.refresh_actions()
        self._show_page()

    def _show_page(self) -> None:
        is_empty = self.workspace.target is None or self.canvas is None
        page: QWidget = self.welcome
        if self.canvas is not None and not is_empty:
            page = self.waiting if self.document.trace is None else self.canvas
        self.waiting.setText(waiting_text(self.workspace))
        if page is not self.stack.currentWidget():
            focus = self.focusWidget()
            is_free = focus is None or focus is self or self.stack.isAncestorOf(focus)
            self.stack.setCurrentWidget(page)
            if is_free:  # never out of a field in which somebody writes
                (self.canvas if page is self.canvas and self.canvas is not None else self).setFocus()
        if is_empty:
            self.docks.hide_all()
        elif self.docks.are_hidden:
            self.docks.show_all()
            if not self._has_own_sizes:
                self.docks.fit_sizes()

    # Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.palette_.isVisible():
            self.palette_.place()
        if not self._has_own_sizes and not self.docks.are_hidden and not event.spontaneous():
            self.docks.fit_sizes()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange:
            if self.isActiveWindow():
                self.reloading.check()  # of what no system tells: files on another machine
            else:
                self.palette_.dismiss()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            event.acceptProposedAction()
            # After the drop is answered: the other program would wait for a question that is asked here.
            QTimer.singleShot(0, self, lambda: self.open_target(files[0]))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.workspace.is_training and not self._is_session_ending:
            event.ignore()
            self.closing.ask()
            return
        self._save_state()
        self._builder.stop()
        self.hide()  # at once: ending a stubborn program takes a few seconds
        self.playback.stop()
        self.workspace.shut_down(is_last=not self.has_siblings)
        if self.panels is not None:
            self.panels.shut_down()
        event.accept()
        self.closed.emit()

    def close_now(self) -> None:
        """Close without asking, whatever runs."""
        self._is_session_ending = True
        self.close()

    def _save_state(self) -> None:
        self.settings.update(
            window_geometry=bytes(self.saveGeometry().toBase64().data()).decode(),
            window_state=bytes(self.docks.save().toBase64().data()).decode(),
        )

    # Slots

    def _on_application_commit_data_request(self, manager: QSessionManager) -> None:
        self._is_session_ending = True  # whoever logs out must not be held up by a question

    def _on_workspace_busy_changed(self, text: str) -> None:
        if text:
            self.busy.start(text)
        else:
            self.busy.finish()
        self._refresh()

    def _on_workspace_consent_needed(self, target: Target, arguments: tuple[str, ...]) -> None:
        box = may_run(target, self)

        def accept() -> None:
            if target.path is not None:
                self.settings.trust(target.path)
            self.workspace.run(target, arguments)

        box.accepted.connect(accept)
        self.open_dialog(box)

    def _on_workspace_log_opened(self, path: str) -> None:
        panels = self.build_panels()
        self._show_page()
        panels.open_log(path)

    def _on_playback_changed(self) -> None:
        action = self.actions_["toggle_play"]
        action.setText("Pause" if self.playback.is_playing else "Play")
        action.setIconText(action.text())
        self.settings.update(steps_per_second=self.playback.steps_per_second)

    def _on_themes_changed(self, theme: Theme) -> None:
        self.actions_.set_theme(theme)
        self.welcome.set_recent(self.settings.values.recent)
        self.refresh_actions()

    def _on_settings_noticed(self, text: str) -> None:
        self.notify(Notification(text, "warning", is_lasting=True))

    def _on_crash_reported(self, summary: str, details: str) -> None:
        where = "Your data is safe; the log has the details."
        self.notify(Notification(summary, "error", where, details, key="crash", is_lasting=True))

    def _on_crash_widget_failed(self, widget: QWidget) -> None:
        from gui.switching_off import switch_off

        if self.isAncestorOf(widget):
            name = switch_off(widget)
            text = f"{name} failed again and again, so it was switched off."
            self.notify(Notification(text, "error", is_lasting=True))
