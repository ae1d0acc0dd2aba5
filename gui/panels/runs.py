"""The runs panel: logs of trainings in a folder, followed while they are written, their curves beside each other."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QIcon, QPixmap, QShowEvent
from PySide6.QtWidgets import (
    QLabel,
    QSplitter,
    QStackedWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QTreeWidgetItemIterator,
    QVBoxLayout,
    QWidget,
)

from engine.graph.numbers import format_count, format_number
from engine.runs import Points, RunLog, find_logs, open_log
from engine.series import LossSeries

from ..background import Background
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, tokens
from ..theme import Theme, ThemeManager, mono_font, ui_font
from ..widgets.text import plain, tooltip
from .runs_plot import Key, RunsPlot, run_color

POLL_MS = 1000
MAX_CHECKED_AT_FIRST = 4
_EMPTY = "Open a folder of training logs (Ctrl+Shift+O): TensorBoard events, CSV, JSON lines or trainer_state.json."
_NUMBERS = (1, 2)
"""Columns of the newest value and its step."""
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_KEY_ROLE = Qt.ItemDataRole.UserRole
_Found = tuple[list[RunLog], dict[str, dict[str, Points]], list[str]]


class RunsPanel(QWidget):
    """Lists the runs of a folder with their tags; those that are checked are drawn.

    While the panel is seen, the logs are read again once a second, on another thread.
    """

    updated = Signal()
    """The logs have been read again."""

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._background = Background(self)
        self._cancel: Callable[[], None] | None = None
        self._path: Path | None = None
        self._logs: list[RunLog] = []
        self._series: dict[Key, LossSeries] = {}
        self._items: dict[Key, QTreeWidgetItem] = {}
        self._numbers: dict[Key, int] = {}
        self._is_filling = False
        self.plot: RunsPlot | None = None
        self.setAccessibleName("Runs")
        self.tree = QTreeWidget(self)
        self.tree.setObjectName("roomyList")
        self.tree.setHeaderLabels(["", "last value", "step"])
        self.tree.setFont(ui_font(TEXT_NORMAL_PT))
        self.tree.setAccessibleName("Runs and their tags")
        self.tree.setIndentation(14)
        self.tree.header().setStretchLastSection(False)
        self.tree.header().setSectionResizeMode(0, self.tree.header().ResizeMode.Stretch)
        for column in _NUMBERS:
            self.tree.header().setSectionResizeMode(column, self.tree.header().ResizeMode.ResizeToContents)
            self.tree.headerItem().setTextAlignment(column, _RIGHT)
        self._message = QLabel(_EMPTY, self)
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setWordWrap(True)
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setFont(ui_font(TEXT_NORMAL_PT))
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.addWidget(self.tree)
        self._note = QLabel(self)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._note.setFont(ui_font(TEXT_SMALL_PT))
        self._note.hide()
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._message)
        self._stack.addWidget(self._splitter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self._note)
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self.poll)
        self.tree.itemChanged.connect(self._on_tree_item_changed)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)

    # --- public ---

    @property
    def runs(self) -> dict[str, list[str]]:
        """Tags by the name of their run."""
        result: dict[str, list[str]] = {}
        for run, tag in self._series:
            result.setdefault(run, []).append(tag)
        return result

    @property
    def message(self) -> str:
        """What is said instead of a list; empty while there is one."""
        return "" if self._stack.currentWidget() is self._splitter else self._message.text()

    @property
    def has_opened(self) -> bool:
        """Whether logs, or a folder for them, have been opened."""
        return self._path is not None

    @property
    def is_reading(self) -> bool:
        """Whether the logs are being read just now."""
        return self._cancel is not None

    def series(self, run: str, tag: str) -> LossSeries:
        """The points of one curve; raises KeyError where there is none."""
        return self._series[run, tag]

    def open_folder(self, path: str | os.PathLike[str]) -> None:
        """Show the runs of a folder, or of one log file. What cannot be read is said in the panel."""
        self._drop_job()
        self._path = Path(path)
        self._logs = []
        self._series.clear()
        self._items.clear()
        self._numbers.clear()
        self.tree.clear()
        self._draw()
        self._message.setText("Looking for logs…")
        self._stack.setCurrentWidget(self._message)
        self._note.hide()
        self.poll()
        if self.isVisible():
            self._timer.start()

    def poll(self) -> None:
        """Read what is new, unless that is being done."""
        if self._path is None or self._cancel is not None:
            return
        path, logs = self._path, list(self._logs)
        self._cancel = self._background.run(lambda: _read(path, logs), self._on_logs_read, self._on_reading_failed)

    def set_checked(self, run: str, tag: str, is_checked: bool) -> None:
        """Draw a curve or not; raises KeyError where there is none."""
        self._items[run, tag].setCheckState(0, Qt.CheckState.Checked if is_checked else Qt.CheckState.Unchecked)

    def checked(self) -> list[Key]:
        """Run and tag of everything that is drawn."""
        return [key for key, item in self._items.items() if item.checkState(0) == Qt.CheckState.Checked]

    def shut_down(self) -> None:
        """End reading, and take the plot apart."""
        self._timer.stop()
        self._path = None
        self._drop_job()
        if self.plot is not None:
            self.plot.shut_down()

    def sizeHint(self) -> QSize:
        return QSize(640, 190)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 80)

    # --- reading ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._path is not None:
            self.poll()
            self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _drop_job(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None
        self._background.shut_down()

    def _on_logs_read(self, found: _Found) -> None:
        self._drop_job()
        self._logs, points, problems = found
        self._is_filling = True
        for run, by_tag in points.items():
            for tag, (steps, values) in by_tag.items():
                self._add(run, tag).append(steps, values)
        for key, series in self._series.items():
            last = series.last
            if last is not None:
                for column, text in zip(_NUMBERS, (format_number(last[1]), format_count(last[0])), strict=True):
                    self._items[key].setText(column, text)
        self._is_filling = False
        if self._series:
            self._stack.setCurrentWidget(self._splitter)
        elif self._path is not None:
            name = self._path.name or str(self._path)
            self._message.setText(problems[0] if problems else f"There are no logs of a training in {name!r} yet.")
        self._note.setVisible(bool(problems and self._series))
        self._note.setText(plain(problems[0]) if problems else "")
        self._note.setToolTip(tooltip("\n".join(problems[:20])))
        self._draw()
        self.updated.emit()

    def _on_reading_failed(self, error: Exception) -> None:
        self._drop_job()
        if self._series:
            self._note.setText(plain(str(error)))
            self._note.show()
        else:
            self._message.setText(plain(str(error)))
            self._stack.setCurrentWidget(self._message)
        self.updated.emit()

    def _add(self, run: str, tag: str) -> LossSeries:
        """The series of a tag; a new one gets a row in the tree. Losses are drawn from the start."""
        key = run, tag
        if key not in self._series:
            self._series[key] = LossSeries()
            self._numbers[key] = len(self._numbers)
            item = QTreeWidgetItem(self._run_item(run), [plain(tag)])
            is_drawn = "loss" in tag.lower() and len(self.checked()) < MAX_CHECKED_AT_FIRST
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Checked if is_drawn else Qt.CheckState.Unchecked)
            item.setData(0, _KEY_ROLE, key)
            item.setToolTip(0, tooltip(f"{run} · {tag}"))
            for column in _NUMBERS:
                item.setTextAlignment(column, _RIGHT)
                item.setFont(column, mono_font(TEXT_SMALL_PT))
            self._items[key] = item
            self._color(key)
        return self._series[key]

    def _run_item(self, run: str) -> QTreeWidgetItem:
        for number in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(number)
            if item is not None and item.data(0, _KEY_ROLE) == run:
                return item
        item = QTreeWidgetItem(self.tree, [plain(run)])
        item.setData(0, _KEY_ROLE, run)
        item.setExpanded(True)
        item.setFont(0, ui_font(TEXT_NORMAL_PT, bold=True))
        return item

    # --- drawing ---

    def _color(self, key: Key) -> None:
        swatch = QPixmap(10, 10)
        swatch.fill(run_color(self._numbers[key], self._themes.theme))
        self._items[key].setIcon(0, QIcon(swatch))

    def _draw(self) -> None:
        wanted = {key: (self._series[key], self._numbers[key]) for key in self.checked()}
        if self.plot is None:
            if not self._series:
                return
            self.plot = RunsPlot(self._themes, self._splitter)
            self._splitter.addWidget(self.plot)
            self._splitter.setStretchFactor(1, 1)
            self._splitter.setSizes([280, max(self.width() - 280, 300)])
        self.plot.set_curves(wanted)

    def _on_tree_item_changed(self, item: QTreeWidgetItem, column: int) -> None:
        if not self._is_filling and column == 0:
            self._draw()

    def _on_themes_changed(self, theme: Theme) -> None:
        for label in (self._message, self._note):
            label.setStyleSheet(
                f"QLabel {{ color: {theme.muted.name()}; background: transparent; padding: 4px 12px; }}"
            )
        self.tree.setStyleSheet(_tree_style(theme))
        self._is_filling = True
        for key in self._items:
            self._color(key)
        rows = QTreeWidgetItemIterator(self.tree)
        while (row := rows.value()) is not None:
            row.setForeground(1, theme.muted)
            rows += 1
        self._is_filling = False


def _tree_style(theme: Theme) -> str:
    """Check boxes as elsewhere in the window; the base style's are hardly seen on a dark surface."""
    mark = f"{tokens(theme)['themes']}/check-{theme.name}.svg"
    return (
        f"QTreeView::indicator {{ width: 12px; height: 12px; border: 1px solid {theme.edge.name()}; border-radius: 3px;"
        f" background: {theme.surface.name()}; }}"
        f" QTreeView::indicator:checked {{ background: {theme.accent.name()}; border-color: {theme.accent.name()};"
        f' image: url("{mark}"); }}'
    )


def _read(path: Path, logs: list[RunLog]) -> _Found:
    """New points by run and tag; runs that appeared meanwhile are added to `logs`."""
    known = {log.path for log in logs}
    found = find_logs(path) if path.is_dir() else [] if logs else [open_log(path)]
    logs = logs + [log for log in found if log.path not in known]
    points = {log.name: log.poll() for log in logs}
    return logs, points, [problem for log in logs for problem in log.problems]
