"""The loss panel: the curve of the training, and what can be done with the training."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, QPointF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeySequence, QPainter, QPixmap, QPolygonF, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from engine.graph.numbers import format_count, format_number

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, disabled_color
from ..theme import Theme, ThemeManager, ui_font
from ..training import TrainingModel
from ..widgets.text import ElidedLabel
from .loss_plot import DEFAULT_SMOOTHING, LossPlot

_EMPTY = "No training yet. Run a script with a training loop: its loss is drawn here while it runs."
_RESUME = "Let the held training run (Ctrl+Shift+R)"
_AGAIN = "Run the program from its beginning (F5)"
_FINEST = 100
_SHAPES: dict[str, list[list[tuple[float, float]]]] = {
    "play": [[(4, 2.5), (13, 8), (4, 13.5)]],
    "pause": [[(4, 3), (6.5, 3), (6.5, 13), (4, 13)], [(9.5, 3), (12, 3), (12, 13), (9.5, 13)]],
    "step": [[(3, 3), (10, 8), (3, 13)], [(11, 3), (13, 3), (13, 13), (11, 13)]],
    "stop": [[(3.5, 3.5), (12.5, 3.5), (12.5, 12.5), (3.5, 12.5)]],
}


class LossPanel(QWidget):
    """Shows a `TrainingModel`. What the user wants done with the training is only announced.

    The plot, and pyqtgraph with it, is made when there are points to show.

    Parameters
    ----------
    training : what is shown.
    themes : whose colours are used.
    """

    play_requested = Signal()
    """Run the program once more, or let a held training go on."""
    pause_requested = Signal()
    step_requested = Signal()
    stop_requested = Signal()
    run_on_requested = Signal()
    """Ask for a step at which the training is to be held."""
    hold_requested = Signal(int)
    """Run on to this step, and hold there."""
    step_through_requested = Signal(int)
    """Step through the backward pass of this training step; if it is not recorded yet, record it first."""

    def __init__(self, training: TrainingModel, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._training = training
        self._themes = themes
        self.plot: LossPlot | None = None
        self.setAccessibleName("Loss")
        self._is_rerunnable = self._is_running = False
        self.play = self._button("Run again", "")
        self.pause = self._button("Pause", "Hold the training and record this step (Ctrl+P)")
        self.step = self._button("One step", "Run and record one more training step (Ctrl+Right)")
        self.stop = self._button("Stop", "End the program")
        self.through = self._button("Step through", "Step through the newest recorded backward pass")
        self.follow = self._button("Follow", "Show all points and follow the newest (A, or a double click)")
        self.log = self._button("Log", "Logarithmic axis (L)")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.log.setCheckable(True)
        self.smoothing = QSlider(Qt.Orientation.Horizontal, self)
        self.smoothing.setRange(0, _FINEST - 1)
        self.smoothing.setValue(round(DEFAULT_SMOOTHING * _FINEST))
        self.smoothing.setFixedWidth(84)
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._smoothing_label = QLabel("smooth", self)
        self._smoothing_label.setFont(ui_font(TEXT_SMALL_PT))
        self.status = ElidedLabel("", self, font=ui_font(TEXT_SMALL_PT), mode=Qt.TextElideMode.ElideLeft)
        self.status.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._empty = QLabel(_EMPTY, self)
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setContentsMargins(16, 8, 16, 8)
        self._empty.setFont(ui_font(TEXT_NORMAL_PT))
        self.menu = QMenu(self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._empty)
        self._lay_out()
        self._connect()
        self._on_themes_changed(themes.theme)
        self._on_training_state_changed()
        self._on_training_points_added()

    def _button(self, text: str, help_text: str) -> QToolButton:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(help_text)
        button.setAccessibleName(text)
        button.setAccessibleDescription(help_text)
        button.setFont(ui_font(TEXT_SMALL_PT))
        button.setIconSize(QSize(14, 14))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 14, 0)
        row.setSpacing(2)
        for button in (self.play, self.pause, self.step, self.stop, self.through):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self.status, 1)
        row.addSpacing(10)
        for widget in (self._smoothing_label, self.smoothing):
            row.addWidget(widget)
        row.addSpacing(4)
        for button in (self.log, self.follow):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(self._stack, 1)

    def _connect(self) -> None:
        self.play.clicked.connect(self._on_play_clicked)
        self.pause.clicked.connect(self._on_pause_clicked)
        self.step.clicked.connect(self._on_step_clicked)
        self.stop.clicked.connect(self._on_stop_clicked)
        self.through.clicked.connect(self._on_through_clicked)
        self.follow.clicked.connect(self._on_follow_clicked)
        self.log.toggled.connect(self._on_log_toggled)
        self.smoothing.valueChanged.connect(self._on_smoothing_value_changed)
        for key, slot in (("A", self._on_follow_clicked), ("L", self.log.toggle)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
        self._training.points_added.connect(self._on_training_points_added)
        self._training.state_changed.connect(self._on_training_state_changed)
        self._training.recorded_changed.connect(self._on_training_state_changed)
        self._training.was_reset.connect(self._on_training_was_reset)
        self._themes.changed.connect(self._on_themes_changed)

    def sizeHint(self) -> QSize:
        return QSize(640, 190)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, 100)

    def shut_down(self) -> None:
        """Take the plot apart; pyqtgraph would keep its items alive."""
        if self.plot is not None:
            self.plot.shut_down()

    def set_program(self, *, is_rerunnable: bool, is_running: bool) -> None:
        """What can be done with the open program, be it a training or not."""
        if (is_rerunnable, is_running) != (self._is_rerunnable, self._is_running):
            self._is_rerunnable, self._is_running = is_rerunnable, is_running
            self._on_training_state_changed()

    # --- the training ---

    def _on_training_points_added(self) -> None:
        if len(self._training.series):
            if self.plot is None:
                self._make_plot()
            assert self.plot is not None
            self._stack.setCurrentWidget(self.plot)
        self._show_status()

    def _make_plot(self) -> None:
        self.plot = LossPlot(self._training, self._themes, self._stack)
        self._stack.addWidget(self.plot)
        self.plot.set_smoothing(self.smoothing.value() / _FINEST)
        self.plot.set_log(self.log.isChecked())
        self.plot.follow_changed.connect(self.follow.setChecked)
        self.plot.step_chosen.connect(self.step_through_requested)
        self.plot.menu_wanted.connect(self._on_plot_menu_wanted)

    def _on_training_was_reset(self) -> None:
        self._stack.setCurrentWidget(self._empty)
        self._on_training_state_changed()

    def _on_training_state_changed(self) -> None:
        state = self._training.state
        is_live = state in {"running", "paused"}
        is_held = state == "paused"
        text, tip = ("Resume", _RESUME) if is_held else ("Run again", _AGAIN)
        self.play.setText(text)
        self.play.setToolTip(tip)
        self.play.setAccessibleName(text)
        self.play.setAccessibleDescription(tip)
        self.play.setEnabled(is_held or (self._is_rerunnable and not self._is_running and not is_live))
        self.pause.setEnabled(state == "running")
        self.step.setEnabled(state == "paused")
        self.stop.setEnabled(is_live or self._is_running)
        self.through.setEnabled(bool(self._training.recorded))
        self._show_status()

    def _show_status(self) -> None:
        self.status.set_text(status_text(self._training))

    # --- the user ---

    def _on_play_clicked(self) -> None:
        self.play_requested.emit()

    def _on_pause_clicked(self) -> None:
        self.pause_requested.emit()

    def _on_step_clicked(self) -> None:
        self.step_requested.emit()

    def _on_stop_clicked(self) -> None:
        self.stop_requested.emit()

    def _on_through_clicked(self) -> None:
        if self._training.recorded:
            self.step_through_requested.emit(max(self._training.recorded))

    def _on_plot_menu_wanted(self, place: float, point: QPoint) -> None:
        """What can be done with the step under the pointer, be it over or still to come."""
        step, training = max(round(place), 0), self._training
        is_live = training.state in {"running", "paused"}
        self.menu.clear()
        if step > training.step:
            hold = self.menu.addAction(f"Hold at step {format_count(step)}")
            hold.setEnabled(is_live)
            hold.triggered.connect(partial(self.hold_requested.emit, step))
        else:
            is_ready = step in training.recorded
            counted = format_count(step)
            text = f"Step through step {counted}" if is_ready else f"Record step {counted}, running again"
            through = self.menu.addAction(text)
            through.setEnabled(is_ready or self._is_rerunnable)
            through.triggered.connect(partial(self.step_through_requested.emit, step))
        run_on = self.menu.addAction("Run on to step…")
        run_on.setEnabled(is_live)
        run_on.triggered.connect(self.run_on_requested)
        self.menu.addSeparator()
        self.menu.addAction("Show all points").triggered.connect(self._on_follow_clicked)
        self.menu.popup(point)

    def _on_follow_clicked(self) -> None:
        self.follow.setChecked(True)
        if self.plot is not None:
            self.plot.follow()

    def _on_log_toggled(self, is_log: bool) -> None:
        if self.plot is not None:
            self.plot.set_log(is_log)

    def _on_smoothing_value_changed(self, value: int) -> None:
        self.smoothing.setToolTip(f"Smoothing {value / _FINEST:g}")
        if self.plot is not None:
            self.plot.set_smoothing(value / _FINEST)

    def _on_themes_changed(self, theme: Theme) -> None:
        for name, button in (("play", self.play), ("pause", self.pause), ("step", self.step), ("stop", self.stop)):
            button.setIcon(_shape_icon(name, theme.text, disabled_color(theme)))
        self.through.setIcon(_shape_icon("step", theme.accent, disabled_color(theme)))
        for label in (self._empty, self._smoothing_label):
            label.setStyleSheet(f"QLabel {{ color: {theme.muted.name()}; background: transparent; }}")
        self.status.set_color(theme.muted)


def status_text(training: TrainingModel) -> str:
    """ "step 212 · 1 240 it/s · lr 0.1 · paused"; empty before the first training."""
    if training.state == "idle" and not len(training.series):
        return ""
    parts = [f"step {format_count(training.step)}"]
    speed = training.steps_per_second
    if speed > 0 and training.state == "running":  # a held training has none
        parts.append(f"{format_count(round(speed)) if speed >= 100 else format_number(speed, 3)} it/s")
    if training.learning_rate is not None:
        parts.append(f"lr {format_number(training.learning_rate)}")
    if training.series.non_finite_count:
        parts.append(f"{format_count(training.series.non_finite_count)} NaN or ∞")
    if training.state != "idle":
        parts.append(training.ending if training.state == "finished" else training.state)
    return " · ".join(parts)


def _shape_icon(name: str, color: QColor, disabled: QColor) -> QIcon:
    """One of the small symbols of a player, drawn as polygons."""
    icon = QIcon()
    for mode, fill in ((QIcon.Mode.Normal, color), (QIcon.Mode.Disabled, disabled)):
        for ratio in (1, 2):
            pixmap = QPixmap(16 * ratio, 16 * ratio)
            pixmap.setDevicePixelRatio(ratio)
            pixmap.fill(Qt.GlobalColor.transparent)
            painter = QPainter(pixmap)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(fill)
            for corners in _SHAPES[name]:
                painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
            painter.end()
            icon.addPixmap(pixmap, mode)
    return icon
