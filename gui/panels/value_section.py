"""The value of a node above its gradient: large numbers for scalars, pictures and statistics for tensors."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QFont, QFontMetrics, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from engine.graph.model import TensorInfo

from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT, TEXT_TITLE_PT
from ..theme import UNIT, Theme, mono_font, ui_font
from ..widgets.tensor_view import TensorView, exact_text, number_text
from ..widgets.text import LinkButton, set_text_color, tooltip
from .moment import Moment
from .rows import MARGIN, paragraph


class BigNumber(QWidget):
    """A scalar in large type, made smaller where the room is narrow; its exact value in the tooltip and by "Copy"."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._exact = ""
        self._color = QColor("black")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = QAction("Copy the exact value", self)
        copy.setShortcut("Ctrl+C")
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self._on_copy_triggered)
        self.addAction(copy)

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

    def _on_copy_triggered(self) -> None:
        QGuiApplication.clipboard().setText(self._exact)


class QuantityView(QWidget):
    """A heading, and below it a number, a tensor's picture, or a sentence that says why there is neither."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._heading = QLabel(name, self)
        self._heading.setTextFormat(Qt.TextFormat.PlainText)
        self._heading.setFont(ui_font(TEXT_SMALL_PT, bold=True))
        self.number = BigNumber(self)
        self.tensor = TensorView(self)
        self.note = paragraph("", QColor("gray"), self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(UNIT)
        for widget in (self._heading, self.number, self.tensor, self.note):
            layout.addWidget(widget)
        self.links = QHBoxLayout()
        layout.addLayout(self.links)
        layout.addStretch(1)

    def show_info(self, info: TensorInfo | None, note: str, theme: Theme, *, is_gradient: bool) -> None:
        """Show `info`, or `note` where there is none."""
        for label, color in ((self._heading, theme.muted), (self.note, theme.muted)):
            set_text_color(label, color)
        is_number = info is not None and info.numel == 1 and info.summary is not None
        self.number.setVisible(is_number)
        self.tensor.setVisible(info is not None and not is_number)
        self.note.setVisible(info is None)
        self.note.setText(note if info is None else "")
        if info is not None and is_number:
            self.number.show_number(self._name, info, theme.accent if is_gradient else theme.data)
        self.tensor.set_tensor(None if is_number else info, theme, is_gradient=is_gradient)


class Fetching(NamedTuple):
    """Whether the whole value and the whole gradient are on their way."""

    value: bool
    gradient: bool


class ValueSection(QWidget):
    """Value and gradient: side by side for scalars, one above the other for tensors."""

    run_requested = Signal()
    """The user asks to move to the step that brings the gradient."""
    fetch_requested = Signal(bool)
    """The user asks for the whole value, or (True) for the whole gradient."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme | None = None
        self.value = QuantityView("Value", self)
        self.gradient = QuantityView("Gradient", self)
        self._side = QHBoxLayout()
        self._side.setSpacing(3 * UNIT)
        self._stack = QVBoxLayout()
        self._stack.setSpacing(4 * UNIT)
        self.run_link: LinkButton | None = None
        self.value_link: LinkButton | None = None
        self.gradient_link: LinkButton | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(MARGIN, 3 * UNIT, MARGIN, 3 * UNIT)
        layout.setSpacing(UNIT)
        layout.addLayout(self._side)
        layout.addLayout(self._stack)

    def show_moment(self, moment: Moment, fetching: Fetching | None = None) -> None:
        """`fetching` says what is on its way where values can be fetched; None where they cannot."""
        self.show()
        self._theme = theme = moment.theme
        value, gradient = moment.value, moment.gradient
        is_small = (value is None or value.numel == 1) and (gradient is None or gradient.numel == 1)
        target = self._side if is_small else self._stack
        for view in (self.value, self.gradient):
            self._side.removeWidget(view)
            self._stack.removeWidget(view)
            target.addWidget(view, 1)
        self.value.show_info(value, "No output was recorded.", theme, is_gradient=False)
        self.gradient.show_info(gradient, _why_no_gradient(moment), theme, is_gradient=True)
        for known in (self.run_link, self.value_link, self.gradient_link):
            if known is not None:
                known.hide()
                known.deleteLater()
        self.run_link = self.value_link = self.gradient_link = None
        self._show_run_link(moment, gradient)
        if fetching is not None:
            if _is_fetchable(value):
                self.value_link = self._fetch_link(self.value, theme.data, is_awaited=fetching.value)
                self.value_link.clicked.connect(self._on_value_link_clicked)
            if _is_fetchable(gradient) and moment.step is not None:
                self.gradient_link = self._fetch_link(self.gradient, theme.accent, is_awaited=fetching.gradient)
                self.gradient_link.clicked.connect(self._on_gradient_link_clicked)

    def _fetch_link(self, view: QuantityView, color: QColor, *, is_awaited: bool) -> LinkButton:
        text = "Fetching: the program runs again…" if is_awaited else "Fetch whole values"
        link = LinkButton(text, color, self, font=ui_font(TEXT_NORMAL_PT))
        link.setEnabled(not is_awaited)
        view.links.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        return link

    def _show_run_link(self, moment: Moment, gradient: TensorInfo | None) -> None:
        if gradient is None and moment.step is not None and not moment.has_gradient:
            link = LinkButton(
                f"Run to step {moment.step.index + 1}", moment.theme.accent, self, font=ui_font(TEXT_NORMAL_PT)
            )
            link.clicked.connect(self._on_run_link_clicked)
            self.gradient.links.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
            self.run_link = link

    def _on_run_link_clicked(self) -> None:
        self.run_requested.emit()

    def _on_value_link_clicked(self) -> None:
        self.fetch_requested.emit(False)

    def _on_gradient_link_clicked(self) -> None:
        self.fetch_requested.emit(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._theme is not None:
            painter = QPainter(self)
            painter.fillRect(0, 0, self.width(), 1, self._theme.line)
            painter.end()


def _is_fetchable(info: TensorInfo | None) -> bool:
    """Whether a tensor has values that were not kept; some, on the meta device for one, have none at all."""
    return info is not None and info.array is None and info.numel > 1 and not (info.note or "").startswith("no values")


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
