"""What each command does: one method for each `Command.callback` of gui.actions."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, qVersion
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QAbstractSpinBox, QFileDialog, QLineEdit, QMessageBox

from engine.errors import RetrogradError
from gui.canvas.fonts import plain
from gui.canvas.spotlight import Spotlight
from gui.edit_commands import EditCommands
from gui.folders import log_folder
from gui.opening import FILE_FILTER, TRACE_SUFFIX
from gui.run_on import RunOn
from gui.saving import not_saved
from gui.theme import ThemeName
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from engine.graph.trace import Trace
    from gui.window import MainWindow


ZOOM_STEP = 1.25
MAX_CHANGE = 60
PICTURE_FILTERS = ("SVG picture (*.svg)", "PNG picture (*.png)", "PDF document (*.pdf)")
TEXT_FILTERS = ("Graphviz DOT (*.dot)", "GraphML (*.graphml)", "Mermaid (*.mmd)", "JSON (*.json)")


class Commands(EditCommands):
    """The commands of one window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.run_on = RunOn(window)
        stack = window.document.undo_stack
        stack.undoTextChanged.connect(partial(self._name, "undo", "Undo"))
        stack.redoTextChanged.connect(partial(self._name, "redo", "Redo"))

    def _name(self, command: str, title: str, change: str) -> None:
        """Let the menu say which change would be taken back or made again."""
        short = change if len(change) <= MAX_CHANGE else f"{change[:MAX_CHANGE]}…"
        self._window.actions_[command].setText(f"{title}: {plain(short).replace('&', '&&')}" if change else title)

    # File

    def new_window(self) -> None:
        self._window.new_window_requested.emit()

    def open_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._window, "Open", self._folder(), FILE_FILTER)
        if name:
            self._window.settings.update(folder=str(Path(name).parent))
            self._window.open_target(name)

    def open_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self._window, "Open a folder of training logs", self._folder())
        if name:
            self._window.settings.update(folder=name)
            self._window.open_target(name)

    def save_trace(self) -> None:
        self._window.saving.choose(str(Path(self._folder(), f"{self._stem()}{TRACE_SUFFIX}")))

    def export_graph(self) -> None:
        self._export("Export graph", PICTURE_FILTERS + TEXT_FILTERS, self.export_graph, is_view=False)

    def export_view(self) -> None:
        self._export("Export view", PICTURE_FILTERS, self.export_view, is_view=True)

    def _export(self, title: str, filters: tuple[str, ...], again: Callable[[], None], *, is_view: bool) -> None:
        window = self._window
        if window.document.trace is None or window.canvas is None:
            return
        suggestion = str(Path(self._folder(), f"{self._stem()}{'-view' if is_view else ''}.svg"))
        name, chosen = QFileDialog.getSaveFileName(window, title, suggestion, ";;".join(filters))
        if not name:
            return
        path = Path(name) if Path(name).suffix else Path(name + chosen[chosen.rfind("*") + 1 : -1])
        window.settings.update(folder=str(path.parent))
        try:
            window.export_graph(path, is_view=is_view)
        except (OSError, RetrogradError) as error:
            window.notify(not_saved(path, error, again))
        else:
            text = f"The graph is saved as {path.name}."
            window.notify(Notification(text, "info", str(path.parent), key="saved", is_passing=True))

    def run_again(self) -> None:
        self._window.workspace.run_again()

    def rerun_when_saved(self) -> None:
        self._window.reloading.set_automatic(not self._window.reloading.is_automatic)

    def stop(self) -> None:
        self._window.workspace.stop()

    def close_target(self) -> None:
        if self._window.closing.may_close_target():
            self._window.workspace.close_target()

    def run_with_arguments(self) -> None:
        from gui.widgets.questions import ArgumentsQuestion

        workspace = self._window.workspace
        if workspace.target is None:
            return
        target = workspace.target
        question = ArgumentsQuestion(target.title, workspace.arguments, self._window)
        question.answered.connect(lambda arguments: workspace.run(target, arguments))
        self._window.open_dialog(question)

    def quit(self) -> None:
        self._window.close()

    # Edit

    def undo(self) -> None:
        self._window.document.undo_stack.undo()

    def redo(self) -> None:
        self._window.document.undo_stack.redo()

    def show_palette(self) -> None:
        self._window.show_palette()

    def deselect(self) -> None:
        canvas = self._window.canvas
        if canvas is not None and isinstance(self._window.focusWidget(), QLineEdit | QAbstractSpinBox):
            canvas.setFocus(Qt.FocusReason.OtherFocusReason)  # out of a field, back to where keys step
        elif canvas is not None:
            canvas.escape()
        else:
            self._window.document.select(None)

    # Go

    def go_back(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.travel.back()

    def go_forward(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.travel.forward()

    def find_next(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.travel.next_hit()

    def find_previous(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.travel.previous_hit()

    def show_dependencies(self) -> None:
        self._ask(Spotlight.show_dependencies)

    def show_dependents(self) -> None:
        self._ask(Spotlight.show_dependents)

    def show_path_to_loss(self) -> None:
        self._ask(Spotlight.show_path_to_loss)

    def explain_gradient(self) -> None:
        """In the problems panel: why the picked node's value or gradient is as it is."""
        window = self._window
        nodes = window.canvas.picked_nodes if window.canvas is not None else []
        if nodes and window.panels is not None:
            window.docks.raise_("problems")
            window.panels.problems.explain(nodes[-1])

    def start_path(self) -> None:
        self._ask(Spotlight.start_path)

    def show_paths(self) -> None:
        self._ask(Spotlight.show_paths)

    def _ask(self, question: Callable[[Spotlight, Trace, list[int]], None]) -> None:
        """Mark on the canvas what the graph answers for the picked box."""
        canvas, trace = self._window.canvas, self._window.document.trace
        nodes = canvas.picked_nodes if canvas is not None else []
        if canvas is not None and trace is not None and nodes:
            question(canvas.spotlight, trace, nodes)

    # Training

    def pause_training(self) -> None:
        self._window.workspace.bridge.supervisor.pause()

    def resume_training(self) -> None:
        self._window.workspace.bridge.supervisor.resume()

    def step_training(self) -> None:
        self._window.workspace.bridge.supervisor.step_once()

    def run_on_to_step(self) -> None:
        self.run_on.ask()

    # View

    def fit(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.fit()

    def zoom_in(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.zoom_by(ZOOM_STEP)

    def zoom_out(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.zoom_by(1 / ZOOM_STEP)

    def toggle_legend(self) -> None:
        if self._window.canvas is not None:
            chrome = self._window.canvas.chrome
            chrome.open_legend(is_open=not chrome.legend.is_shown)

    def toggle_map(self) -> None:
        if self._window.canvas is not None:
            chrome = self._window.canvas.chrome
            chrome.open_map(is_open=not chrome.minimap.is_open)

    def center_focus(self) -> None:
        focus = self._window.document.focus
        if self._window.canvas is not None and focus is not None:
            self._window.canvas.center_on(focus)

    def reset_positions(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.carrier.reset()

    def fold_all(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.fold_all()

    def unfold_all(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.unfold_all()

    def show_modules(self) -> None:
        self._show_depth("modules")

    def show_functions(self) -> None:
        self._show_depth("functions")

    def show_operations(self) -> None:
        self._show_depth("operations")

    def _show_depth(self, depth: str) -> None:
        if self._window.canvas is not None:
            self._window.canvas.folding.show(depth)

    def unfold_only(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.folding.unfold_only_picked()

    def unfold_others(self) -> None:
        if self._window.canvas is not None:
            self._window.canvas.folding.unfold_others_picked()

    def theme_system(self) -> None:
        self._choose_theme(None)

    def theme_light(self) -> None:
        self._choose_theme("light")

    def theme_dark(self) -> None:
        self._choose_theme("dark")

    def toggle_theme(self) -> None:
        self._choose_theme("light" if self._window.themes.theme.is_dark else "dark")

    def reset_layout(self) -> None:
        self._window.reset_docks()

    # Help

    def show_shortcuts(self) -> None:
        from gui.widgets.shortcut_sheet import ShortcutSheet

        self._window.open_dialog(ShortcutSheet(self._window))

    def show_log(self) -> None:
        folder = log_folder()
        if not folder.exists() or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            text = f"The log is kept in {folder}; nothing has been written to it yet."
            if folder.exists():
                text = f"The log is kept in {folder}."
            self._window.notify(Notification(text, "info", key="log", is_lasting=True))

    def about(self) -> None:
        box = QMessageBox(self._window)
        box.setWindowTitle("About Retrograd")
        box.setText("Retrograd: a desktop debugger for backpropagation")
        box.setInformativeText(
            f"Version {version()} · Python {platform.python_version()} · Qt {qVersion()} · {sys.platform}\n"
            "MIT licence. Opening a file never executes it; running a script does, with your rights. "
            "Nothing is ever sent over the network."
        )
        self._window.open_dialog(box)

    def _choose_theme(self, name: ThemeName | None) -> None:
        self._window.themes.choose(name)
        self._window.settings.update(theme=name)
        self._window.refresh_actions()

    def _folder(self) -> str:
        folder = self._window.settings.values.folder
        return folder if folder and Path(folder).is_dir() else str(Path.cwd())

    def _stem(self) -> str:
        target = self._window.workspace.target
        stem = "trace" if target is None else Path(target.title).stem if target.path else target.text.split(":")[-1]
        step = None if self._window.document.trace is None else self._window.document.trace.step
        return stem if step is None else f"{stem}-step-{step}"


def version() -> str:
    """The installed version, or that of the source tree."""
    try:
        return metadata.version("retrograd")
    except metadata.PackageNotFoundError:
        return "0.1.0 (source tree)"
