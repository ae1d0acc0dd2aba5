"""The value of a node above its gradient: large numbers for scalars, pictures and statistics for tensors."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.graph.model import TensorInfo
from engine.graph.numbers import format_bytes

from ..fetching_tiles import LARGE_BYTES, LargeTensor
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, TEXT_TITLE_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from ..widgets.copying import add_copy
from ..widgets.flow_row import FlowRow
from ..widgets.large_view import LargeTensorView
from ..widgets.tensor_view import TensorView, exact_text, number_text
from ..widgets.text import LinkButton, set_text_color, tooltip
from .moment import Moment
from .naming import axis_names
from .rows import MARGIN, paragraph, set_shown, set_text


class BigNumber(QWidget):
    """A scalar in large type, made smaller where the room is narrow; its exact value in the tooltip and by "Copy"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Number")
        self._text = ""
        self._exact = ""
        self._color = QColor("black")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        add_copy(self, lambda: self._exact, "Copy the exact value")

    @property
    def text(self) -> str:
        return self._text

    def show_number(self, name: str, info: TensorInfo, color: QColor) -> None:
        self._text = number_text(info)
        self._exact = exact_text(info.array) if info.array is not None else self._text
        self._color = color
        self.setToolTip(tooltip(self._exact))
        self.setAccessibleName(f"{name} {self._exact}")
        self.update()

    def _font(self, points: float) -> QFont:
        font = mono_font(points)
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def sizeHint(self) -> QSize:
        return QSize(96, QFontMetrics(self._font(TEXT_TITLE_PT)).height())

    def minimumSizeHint(self) -> QSize:
        return QSize(40, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        points = TEXT_TITLE_PT
        while points > TEXT_SMALL_PT and QFontMetrics(self._font(points)).horizontalAdvance(self._text) > self.width():
            points -= 0.5
        painter.setFont(self._font(points))
        painter.setPen(self._color)
        middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(self.rect()), middle, self._text)
        if self.hasFocus():
            painter.fillRect(0, self.height() - 1, self.width(), 1, self._color)
        painter.end()


class QuantityView(QWidget):
    """A heading, and below it a number, a tensor's picture, or a sentence that says why there is neither.

    `links` takes what can be done about it; `editor` is an empty column at the bottom, for a widget that changes it.
    """

    pin_requested = Signal()
    """The user asks to pin it to the watch list, or to take it away."""
    fetch_requested = Signal()
    """The user asks for its whole values."""
    look_requested = Signal()
    """The user wants to look at parts of it."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._heading = QLabel(name, self)
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self._heading.setFont(ui_font(TEXT_SMALL_PT, bold=True))
        self.pin = LinkButton("Pin", QColor("gray"), self, font=ui_font(TEXT_SMALL_PT))
        self.pin.setAccessibleDescription(f"Pin the {name.lower()} to the watch list")
        self.pin.set_hint("Keep it in view in the watch list, or take it away from there")
        self.pin.clicked.connect(self.pin_requested)
        self.pin.hide()
        self.number = BigNumber(self)
        self.tensor = TensorView(self)
        self.note = paragraph("", QColor("gray"), self)
        self.large = LargeTensorView(self)
        self.large.hide()
        self._large: LargeTensor | None = None
        self._looked_at: LargeTensor | None = None
        self.look_link = LinkButton("Look at its values", QColor("gray"), self, font=ui_font(TEXT_NORMAL_PT))
        self.look_link.clicked.connect(self._on_look_link_clicked)
        self.fetch_link = LinkButton("Fetch whole values", QColor("gray"), self, font=ui_font(TEXT_NORMAL_PT))
        self.fetch_link.clicked.connect(self.fetch_requested)
        top = QHBoxLayout()
        top.addWidget(self._heading, 1)
        top.addWidget(self.pin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        layout.addLayout(top)
        for widget in (self.number, self.large, self.tensor, self.note):
            layout.addWidget(widget)
        self.links = FlowRow(self, spacing=4 * UNIT)
        for link in (self.look_link, self.fetch_link):
            self.links.add(link)
            link.hide()
        self.editor = QVBoxLayout()
        layout.addWidget(self.links)
        layout.addLayout(self.editor)
        layout.addStretch(1)

    def show_info(
        self, info: TensorInfo | None, note: str, theme: Theme, *, is_gradient: bool, axes: tuple[str, ...] = ()
    ) -> None:
        """Show `info`, or `note` where there is none; `axes` names its axes where their meaning is known."""
        for label, color in ((self._heading, theme.muted), (self.note, theme.muted)):
            set_text_color(label, color)
        is_number = info is not None and info.numel == 1 and info.summary is not None
        set_shown(self.number, is_number)
        set_shown(self.tensor, info is not None and not is_number)
        set_text(self.note, note if info is None else "")
        if info is not None and is_number:
            self.number.show_number(self._name, info, theme.accent_text if is_gradient else theme.data_text)
        self.tensor.set_tensor(None if is_number else info, theme, is_gradient=is_gradient, axes=axes)

    def set_heading(self, text: str) -> None:
        """Say what is shown in more than its name."""
        if text != self._heading.text():
            self._heading.setText(text)

    def show_pin(self, *, is_watched: bool, color: QColor) -> None:
        """Say whether it is on the watch list."""
        self.pin.set_text("Unpin" if is_watched else "Pin")
        self.pin.set_color(color)
        set_shown(self.pin, True)

    def show_fetching(self, *, is_offered: bool, is_awaited: bool, color: QColor, nbytes: int = 0) -> None:
        """Offer to fetch the whole values, with their size where that is large, or say that they are on their way."""
        text = f"Fetch all {format_bytes(nbytes)}" if nbytes >= LARGE_BYTES else "Fetch whole values"
        self.fetch_link.set_text("Fetching: the program runs again…" if is_awaited else text)
        self.fetch_link.setEnabled(not is_awaited)
        self.fetch_link.set_color(color)
        set_shown(self.fetch_link, is_offered)

    def show_large(
        self, tensor: LargeTensor | None, theme: Theme, *, is_gradient: bool, axes: tuple[str, ...] = ()
    ) -> None:
        """Offer to look at parts of a tensor that stays where it is; once looked at, it is shown."""
        self._large = tensor
        is_looked_at = tensor is not None and tensor is self._looked_at
        self.look_link.set_color(theme.accent_text if is_gradient else theme.data_text)
        set_shown(self.look_link, tensor is not None and not is_looked_at)
        self.large.set_tensor(tensor if is_looked_at else None, theme, is_gradient=is_gradient, axes=axes)
        set_shown(self.large, is_looked_at)

    def _on_look_link_clicked(self) -> None:
        self._looked_at = self._large
        self.look_requested.emit()


class Fetching(NamedTuple):
    """Whether the whole value and the whole gradient are on their way; those that can be looked at in parts."""

    value: bool
    gradient: bool
    large_value: LargeTensor | None = None
    large_gradient: LargeTensor | None = None


class ValueSection(QWidget):
    """Value and gradient: side by side for scalars, one above the other for tensors."""

    run_requested = Signal()
    """The user asks to move to the step that brings the gradient."""
    fetch_requested = Signal(bool)
    """The user asks for the whole value, or (True) for the whole gradient."""
    look_requested = Signal()
    """The user wants to look at parts of a large tensor."""
    pin_requested = Signal(bool)
    """The user asks to pin the value, or (True) the gradient, or to unpin it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme | None = None
        self.value = QuantityView("Value", self)
        self.gradient = QuantityView("Gradient", self)
        self.run_link = LinkButton("Run to it", QColor("gray"), self, font=ui_font(TEXT_NORMAL_PT))
        self.run_link.clicked.connect(self.run_requested)
        self.gradient.links.add(self.run_link)
        self.run_link.hide()
        self._layout = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._layout.setContentsMargins(MARGIN, 3 * UNIT, MARGIN, 3 * UNIT)
        self._layout.setSpacing(4 * UNIT)
        self._layout.addWidget(self.value, 1)
        self._layout.addWidget(self.gradient, 1)
        self.value.look_requested.connect(self.look_requested)
        self.gradient.look_requested.connect(self.look_requested)
        self.value.fetch_requested.connect(self._on_value_fetch_requested)
        self.gradient.fetch_requested.connect(self._on_gradient_fetch_requested)
        self.value.pin_requested.connect(self._on_value_pin_requested)
        self.gradient.pin_requested.connect(self._on_gradient_pin_requested)

    def show_moment(self, moment: Moment, fetching: Fetching | None = None) -> None:
        """`fetching` says what is on its way where values can be fetched; None where they cannot."""
        set_shown(self, True)
        self._theme = theme = moment.theme
        value, gradient = moment.value, moment.gradient
        is_small = (value is None or value.numel == 1) and (gradient is None or gradient.numel == 1)
        direction = QBoxLayout.Direction.LeftToRight if is_small else QBoxLayout.Direction.TopToBottom
        if self._layout.direction() != direction:
            self._layout.setDirection(direction)
        axes = axis_names(moment.trace.graph, moment.node, moment.output)
        self.value.set_heading("Value after the update" if moment.is_updated else "Value")
        self.value.show_info(value, "No output was recorded.", theme, is_gradient=False, axes=axes)
        self.gradient.show_info(gradient, _why_no_gradient(moment), theme, is_gradient=True, axes=axes)
        self._show_run_link(moment, gradient)
        is_offered = fetching is not None
        self.value.show_fetching(
            is_offered=is_offered and _is_fetchable(value) and not moment.is_updated,
            is_awaited=fetching is not None and fetching.value,
            color=theme.data_text,
            nbytes=0 if value is None else _nbytes(value),
        )
        self.gradient.show_fetching(
            is_offered=is_offered and _is_fetchable(gradient) and moment.step is not None,
            is_awaited=fetching is not None and fetching.gradient,
            color=theme.accent_text,
            nbytes=0 if gradient is None else _nbytes(gradient),
        )
        for view, info, is_gradient in ((self.value, value, False), (self.gradient, gradient, True)):
            tensor = None if fetching is None else fetching.large_gradient if is_gradient else fetching.large_value
            is_shown = tensor is not None and info is tensor.info and not (moment.is_updated and not is_gradient)
            view.show_large(tensor if is_shown else None, theme, is_gradient=is_gradient, axes=axes)

    def _show_run_link(self, moment: Moment, gradient: TensorInfo | None) -> None:
        is_ahead = gradient is None and moment.step is not None and not moment.has_gradient
        if is_ahead and moment.step is not None:
            self.run_link.set_text(f"Run to step {moment.step.index + 1}")
            self.run_link.set_color(moment.theme.accent_text)
        set_shown(self.run_link, is_ahead)

    def _on_value_fetch_requested(self) -> None:
        self.fetch_requested.emit(False)

    def _on_gradient_fetch_requested(self) -> None:
        self.fetch_requested.emit(True)

    def _on_value_pin_requested(self) -> None:
        self.pin_requested.emit(False)

    def _on_gradient_pin_requested(self) -> None:
        self.pin_requested.emit(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is not None:
            painter = QPainter(self)
            painter.fillRect(0, 0, self.width(), 1, self._theme.line)
            painter.end()


def _is_fetchable(info: TensorInfo | None) -> bool:
    """Whether a tensor has values that were not kept; some, on the meta device for one, have none at all."""
    return info is not None and info.array is None and info.numel > 1 and not (info.note or "").startswith("no values")


def is_large(info: TensorInfo | None) -> bool:
    """Whether a tensor is looked at in parts: it is large, and was not kept."""
    return info is not None and _is_fetchable(info) and _nbytes(info) >= LARGE_BYTES


def _nbytes(info: TensorInfo) -> int:
    """The size of a tensor's elements."""
    digits = "".join(character for character in info.dtype if character.isdigit())
    return info.numel * max(int(digits or 8) // 8, 1)


def _why_no_gradient(moment: Moment) -> str:
    trace, step = moment.trace, moment.step
    if not trace.backward:
        return "No backward pass was recorded."
    if step is None:
        value = moment.value
        if value is not None and not value.requires_grad and moment.node.grad_fn is None:
            return "None: it needs no gradient."
        return "None: the backward pass never reaches it."
    if not moment.has_gradient:
        return f"Not reached yet: step {step.index + 1} of {len(trace.backward)}."
    return "None flows to this output."
