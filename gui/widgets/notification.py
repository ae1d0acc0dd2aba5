"""Messages that do not interrupt: a bar above the graph with what happened, where, and what can be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gui.icons import icon, pixmap
from gui.theme import Theme, ThemeManager, mono_font

Level = Literal["info", "warning", "error"]
MAX_SHOWN = 2
"""So many bars stand above the graph at once."""
MAX_KEPT = 50
"""So many are kept behind the others; what is older goes."""
REST_SHARE = 0.25
DETAILS_SHARE = 0.16
"""Of the window's height, at most: the graph stays in view."""
MAX_MESSAGE = 600
MAX_DETAILS = 200_000
PASSING_MS = 8_000
"""How long a passing message stays, unless the mouse is over it."""


@dataclass(frozen=True)
class Notification:
    """A sentence, where it happened, a longer text behind a button, and (title, function) of more buttons."""

    message: str
    level: Level = "info"
    where: str = ""
    details: str = ""
    buttons: Sequence[tuple[str, Callable[[], None]]] = field(default_factory=tuple)
    key: str = ""
    """A notification with the key of one that is shown replaces it."""
    is_passing: bool = False
    """It confirms what the user did just now, and leaves by itself."""
    is_lasting: bool = False
    """It is not about what is open: it stays when something else is opened."""


class NotificationArea(QWidget):
    """The bars that are shown, newest first; has no height without any.

    The newest two stand above the graph; the others wait behind a button that lists them in a part that scrolls.
    """

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._themes = themes
        self._bars: list[NotificationBar] = []
        self._front = QVBoxLayout()
        self._front.setSpacing(0)
        self.rest = _Rest(self)
        self.more = QPushButton(self)
        self.more.setObjectName("moreNotifications")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._arrange)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(self._front)
        box.addWidget(self.rest)
        box.addWidget(self.more)
        self._arrange()

    @property
    def shown(self) -> list[Notification]:
        """What is told now, newest first, with what waits behind the button."""
        return [bar.notification for bar in self._bars]

    @property
    def bars(self) -> list[NotificationBar]:
        return list(self._bars)

    def show_notification(self, notification: Notification) -> None:
        """Show it above the others; the same text is never shown twice."""
        for bar in list(self._bars):
            same = bar.notification.message == notification.message and bar.notification.where == notification.where
            if same or (notification.key and bar.notification.key == notification.key):
                self._drop(bar)
        while len(self._bars) >= MAX_KEPT:
            self._drop(self._bars[-1])
        bar = NotificationBar(notification, self._themes, self)
        bar.dismissed.connect(self._on_bar_dismissed)
        self._bars.insert(0, bar)
        self._arrange()

    def dismiss(self, key: str) -> None:
        """Take away the notification with this key, if it is shown."""
        self._remove([bar for bar in self._bars if bar.notification.key == key])

    def clear(self) -> None:
        self._remove(list(self._bars))

    def forget_target(self) -> None:
        """Something else is open now: take away what was said of the target before."""
        self._remove([bar for bar in self._bars if not bar.notification.is_lasting])

    def _remove(self, bars: Sequence[NotificationBar]) -> None:
        for bar in bars:
            self._drop(bar)
        if bars:
            self._arrange()

    def _drop(self, bar: NotificationBar) -> None:
        self._bars.remove(bar)
        bar.end()
        bar.hide()
        bar.setParent(None)
        bar.deleteLater()

    def _arrange(self) -> None:
        """Put each bar into its part: the newest in front, and one in which the keyboard is, so that it stays there."""
        focus = QApplication.focusWidget()
        behind = self._bars[MAX_SHOWN:]
        used = next((bar for bar in behind if focus is not None and bar.isAncestorOf(focus)), None)
        front = self._bars[:MAX_SHOWN] if used is None else [*self._bars[: MAX_SHOWN - 1], used]
        rest = [bar for bar in self._bars if bar not in front]
        if not rest and self.more.isChecked():
            with QSignalBlocker(self.more):
                self.more.setChecked(False)
        for box, bars in ((self._front, front), (self.rest.column, rest)):
            for place, bar in enumerate(bars):
                if box.indexOf(bar) != place:
                    box.insertWidget(place, bar)  # takes it out of the other part
                bar.show()
        self.more.setVisible(bool(rest))
        self.more.setText(f"Only the newest {MAX_SHOWN}" if self.more.isChecked() else f"{len(rest)} more")
        self.rest.setVisible(self.more.isChecked())
        self.rest.fit()

    def _on_bar_dismissed(self, bar: NotificationBar) -> None:
        if bar in self._bars:
            self._remove([bar])


class _Rest(QScrollArea):
    """The bars behind the button: as high as they are, up to a share of the window's height."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its buttons have the keyboard, and come into view with it
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        self.column = QVBoxLayout(content)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.setWidget(content)
        content.installEventFilter(self)

    def fit(self) -> None:
        """Take the height of what is in it, up to the bound."""
        wanted = max(self.column.heightForWidth(max(self.viewport().width(), 1)), self.column.minimumSize().height())
        self.setFixedHeight(max(1, min(wanted, round(self.window().height() * REST_SHARE))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # details are opened, or closed
            self.fit()
        return super().eventFilter(watched, event)


class NotificationBar(QFrame):
    """One message with its buttons."""

    dismissed = Signal(object)

    def __init__(self, notification: Notification, themes: ThemeManager, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("notification")
        self.setProperty("level", notification.level)
        self.notification = notification
        self._sign = QLabel(self)
        self._close = QToolButton(self)
        self._close.setToolTip("Dismiss")
        self._close.setAccessibleName("Dismiss")
        self._close.clicked.connect(self._on_close_clicked)
        text = QVBoxLayout()
        text.setSpacing(2)
        text.addWidget(_text(notification.message, "message", self))
        if notification.where:
            text.addWidget(_text(notification.where, "where", self))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._sign, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(text, 1)
        self._callbacks: dict[QPushButton, Callable[[], None]] = {}
        self.details: QPlainTextEdit | None = None
        if notification.details:
            self.details_button = QPushButton("Show details", self)
            self.details_button.clicked.connect(self._on_details_clicked)
            row.addWidget(self.details_button, 0, Qt.AlignmentFlag.AlignTop)
        for title, callback in notification.buttons:
            button = QPushButton(title, self)
            self._callbacks[button] = callback
            button.clicked.connect(self._on_button_clicked)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(12, 8, 8, 8)
        self._box.addLayout(row)
        self._on_themes_changed(themes.theme)
        themes.changed.connect(self._on_themes_changed)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PASSING_MS)
        self._timer.timeout.connect(self._on_close_clicked)
        if notification.is_passing:
            self._timer.start()

    def end(self) -> None:
        """It is taken away: nothing is due any more."""
        self._timer.stop()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._timer.stop()  # it is being read

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self.notification.is_passing:
            self._timer.start()

    @property
    def buttons(self) -> dict[str, QPushButton]:
        """The buttons by their titles, the one for the details included."""
        return {button.text(): button for button in self.findChildren(QPushButton)}

    def _on_details_clicked(self) -> None:
        if self.details is None:
            self.details = QPlainTextEdit(self.notification.details[:MAX_DETAILS].rstrip(), self)
            self.details.setReadOnly(True)
            self.details.setFont(mono_font(9))
            self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
            lines = self.notification.details.count("\n") + 2
            wanted = lines * self.details.fontMetrics().lineSpacing() + 16
            self.details.setFixedHeight(min(wanted, round(self.window().height() * DETAILS_SHARE)))
            self._box.addWidget(self.details)
            self.details.show()
            bar = self.details.verticalScrollBar()
            bar.setValue(bar.maximum())
        else:
            self.details.setVisible(self.details.isHidden())
        self.details_button.setText("Show details" if self.details.isHidden() else "Hide details")

    def _on_button_clicked(self) -> None:
        callback = next(call for button, call in self._callbacks.items() if button is self.sender())
        self.dismissed.emit(self)
        callback()

    def _on_close_clicked(self) -> None:
        self.dismissed.emit(self)

    def _on_themes_changed(self, theme: Theme) -> None:
        level = self.notification.level
        color = theme.data if level == "info" else theme.accent
        self._sign.setPixmap(pixmap(level, color, 18, self.devicePixelRatioF()))
        self._close.setIcon(icon("close", theme.muted))


def _text(text: str, name: str, parent: QWidget) -> QLabel:
    """A label that never reads markup out of a message, and never grows without bound."""
    label = QLabel(text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…", parent)
    label.setObjectName(name)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setWordWrap(True)
    return label
