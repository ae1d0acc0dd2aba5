"""The bar at the top: stepping, playing, where the backward pass stands, search, and how the graph is drawn."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from engine.graph.timeline import Phase
from gui.actions import ActionSet
from gui.document import Document
from gui.icons import icon
from gui.playback import SPEEDS, Playback, speed_text
from gui.style import on_accent_color
from gui.theme import Theme, ThemeManager
from gui.widgets.text import plain, tooltip

ICON_PX = 16
HEIGHT_PX = 44
MAX_NAME = 28
BETWEEN = " · "


class ActionButton(QToolButton):
    """A button for an action, with an icon of its own colour; follows the action's state."""

    def __init__(
        self, action: QAction, icon_name: str, parent: QWidget, *, kind: str = "pill", text: bool = True
    ) -> None:
        super().__init__(parent)
        self._action = action
        self._has_text = text
        self.icon_name = icon_name
        self.setProperty("kind", kind)
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if text else Qt.ToolButtonStyle.ToolButtonIconOnly
        self.setToolButtonStyle(style)
        self.setProperty("beside", text)
        self.clicked.connect(action.trigger)
        action.changed.connect(self._on_action_changed)
        self._on_action_changed()

    def set_color(self, color: QColor, disabled: QColor | None = None) -> None:
        """Draw the icon in `color`; where the button cannot be used in `disabled`, or faded."""
        self.setIcon(icon(self.icon_name, color, disabled))

    def _on_action_changed(self) -> None:
        self.setEnabled(self._action.isEnabled())
        self.setToolTip(self._action.toolTip())
        self.setAccessibleName(self._action.text())
        if self._has_text:
            self.setText(self._action.iconText())


class MenuButton(QToolButton):
    """A button that opens a menu, with the present choice as its text."""

    def __init__(self, title: str, icon_name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._title = title
        self._choice = ""
        self._is_compact = False
        self.icon_name = icon_name
        self.setProperty("kind", "pill")
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setProperty("beside", bool(icon_name))
        self.setAccessibleName(title)
        self.menu_ = QMenu(self)
        self.menu_.setToolTipsVisible(True)
        self.setMenu(self.menu_)
        self._refresh()

    def set_choice(self, choice: str) -> None:
        self._choice = choice
        self._refresh()

    def set_compact(self, is_compact: bool) -> None:
        self._is_compact = is_compact
        self._refresh()

    def _refresh(self) -> None:
        text = f"{self._title}: {self._choice}" if self._choice and not self._is_compact else self._title
        self.setText(text)
        self.setToolTip(f"{self._title}: {self._choice}" if self._choice else self._title)


class PositionText(QWidget):
    """A text that may change with every step: unlike a label it never makes the window lay itself out anew.

    Where it is too long for one line it takes two, divided where the sentence is.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._text = ""
        self._color = QColor()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        """Show another text; a screen reader finds it as the name."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.setToolTip(tooltip(text))
            self.update()

    def set_color(self, color: QColor) -> None:
        self._color = color
        self.update()

    def lines(self) -> list[str]:
        """What is written, line by line; what does not fit even so ends in an ellipsis."""
        metrics, room = self.fontMetrics(), self.width()
        parts = self._text.split(BETWEEN)
        if len(parts) < 2 or metrics.horizontalAdvance(self._text) <= room:
            return [metrics.elidedText(self._text, Qt.TextElideMode.ElideRight, room)]
        halves = [(BETWEEN.join(parts[:at]), BETWEEN.join(parts[at:])) for at in range(1, len(parts))]
        best = min(halves, key=lambda pair: max(metrics.horizontalAdvance(half) for half in pair))
        return [metrics.elidedText(half, Qt.TextElideMode.ElideRight, room) for half in best]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._color)
        lines, high = self.lines(), self.fontMetrics().height()
        top = (self.height() - high * len(lines)) // 2
        for number, line in enumerate(lines):
            place = QRect(0, top + high * number, self.width(), high)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, line)
        painter.end()


class StepToolBar(QToolBar):
    """Everything that is used all the time, in one line."""

    speed_chosen = Signal(float)

    def __init__(
        self, document: Document, playback: Playback, actions: ActionSet, themes: ThemeManager, parent: QWidget
    ) -> None:
        super().__init__("Toolbar", parent)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setFloatable(False)
        self.toggleViewAction().setVisible(False)
        self._document = document
        self._playback = playback
        self._themes = themes
        body = QWidget(self)
        body.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        body.setFixedHeight(HEIGHT_PX)
        self._wordmark = QLabel("Retrograd", body)
        self._wordmark.setObjectName("wordmark")
        self.start = ActionButton(actions["move_to_start"], "move-to-start", body, text=False)
        self.back = ActionButton(actions["step_back"], "step-back", body)
        self.step = ActionButton(actions["step_forward"], "step-forward", body, kind="primary")
        self.step.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow points onwards, so it comes last
        self.end = ActionButton(actions["move_to_end"], "move-to-end", body, text=False)
        self.over = ActionButton(actions["step_over"], "step-over", body, text=False)
        self.out = ActionButton(actions["step_out"], "step-out", body, text=False)
        self.play = ActionButton(actions["toggle_play"], "play", body)
        self.next_breakpoint = ActionButton(actions["next_breakpoint"], "next-breakpoint", body, text=False)
        self.speed = MenuButton("", "", body)
        self.speed.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        self.run_to = ActionButton(actions["run_to_selected"], "run-to", body)
        self.position = PositionText(body)
        self.search = ActionButton(actions["show_palette"], "search", body)
        self.search.setObjectName("searchField")
        self.layout_menu = MenuButton("Layout", "layout", body)
        self.depth_menu = MenuButton("Depth", "depth", body)
        self.overlay_menu = MenuButton("Overlay", "overlay", body)
        self.theme = ActionButton(actions["toggle_theme"], "theme-dark", body, kind="quiet", text=False)
        row = QHBoxLayout(body)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        row.addWidget(self._wordmark)
        row.addSpacing(10)
        for button in (
            *(self.start, self.back, self.step, self.end, self.over, self.out),
            *(self.play, self.speed, self.next_breakpoint, self.run_to),
        ):
            row.addWidget(button)
        row.addSpacing(8)
        row.addWidget(self.position, 1)
        for widget in (self.search, self.layout_menu, self.depth_menu, self.overlay_menu, self.theme):
            row.addWidget(widget)
        self.addWidget(body)
        self._fill_speeds()
        self._colored = (
            *(self.start, self.back, self.end, self.over, self.out, self.play, self.next_breakpoint, self.run_to),
            *(self.search, self.theme),
        )
        themes.changed.connect(self._on_themes_changed)
        playback.changed.connect(self._on_playback_changed)
        for signal in (document.trace_changed, document.cursor_changed, document.breakpoints.changed):
            signal.connect(self._on_document_changed)
        self._on_themes_changed(themes.theme)
        self._on_playback_changed()
        self._on_document_changed()

    def set_notice(self, text: str) -> None:
        """What is written instead of the position while no trace is shown."""
        self._notice = text
        self._on_document_changed()

    _notice = ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width = event.size().width()
        for menu in (self.layout_menu, self.depth_menu, self.overlay_menu):
            menu.set_compact(width < 1500)
            is_narrow = width < 1360  # the place in the pass is worth more than three icons
            text_only, both = Qt.ToolButtonStyle.ToolButtonTextOnly, Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            menu.setToolButtonStyle(text_only if is_narrow else both)
            if menu.property("beside") == is_narrow:  # as far from the right edge as from the left
                menu.setProperty("beside", not is_narrow)
                menu.style().polish(menu)
        self._wordmark.setVisible(width >= 1500)  # the title bar says it too
        self.search.setMinimumWidth(200 if width >= 1700 else 130 if width >= 1400 else 0)

    def _fill_speeds(self) -> None:
        for speed in SPEEDS:
            action = self.speed.menu_.addAction(f"{speed_text(speed)}".replace("/ s", "steps a second"))
            action.setData(speed)
        self.speed.menu_.triggered.connect(self._on_speed_menu_triggered)

    def _on_speed_menu_triggered(self, action: QAction) -> None:
        self.speed_chosen.emit(float(action.data()))

    def _on_playback_changed(self) -> None:
        self.speed.setText(speed_text(self._playback.steps_per_second))
        self.speed.setToolTip("Speed of playing")
        self.speed.setAccessibleName("Speed of playing")
        self.play.icon_name = "pause" if self._playback.is_playing else "play"
        self.play.set_color(self._themes.theme.text)

    def _on_document_changed(self) -> None:
        text = position_text(self._document) or self._notice
        stop = _breakpoint_text(self._document)
        text = f"{text} · {stop}" if stop else text
        self.position.set_text(text)
        self.speed.setEnabled(self._document.first < self._document.last)

    def _on_themes_changed(self, theme: Theme) -> None:
        self.theme.icon_name = "theme-light" if theme.is_dark else "theme-dark"
        for button in self._colored:
            button.set_color(theme.muted if button in (self.search, self.theme) else theme.text)
        faded = QColor(theme.text)
        faded.setAlphaF(0.35)
        self.step.set_color(on_accent_color(theme), faded)  # without its accent it is a button as the others
        self.position.set_color(theme.muted)
        for menu in (self.layout_menu, self.depth_menu, self.overlay_menu):
            menu.setIcon(icon(menu.icon_name, theme.muted))


def position_text(document: Document) -> str:
    """ "backward 3 of 6 · AddBackward0"; what there is to say before the first step, and without any."""
    if document.trace is None or document.stepper is None:
        return ""
    if not document.length and document.cursor == 0:
        return "forward only · no backward pass was recorded"
    event = document.here
    training = "" if document.trace.step is None else f"step {document.trace.step} · "
    if event is None:
        return f"{training}nothing has run · {-document.first} operations ahead"
    if event.phase is Phase.FORWARD and document.cursor == 0:
        return f"{training}forward done · {document.length} backward steps"
    name = event.node.name or event.node.label
    if event.phase is Phase.FORWARD:
        place = f"forward {event.ordinal + 1} of {-document.first}"
    elif event.phase is Phase.BACKWARD:
        place = f"backward {document.cursor} of {document.length}"
        if event.node.kind == "leaf":  # each ends in an AccumulateGrad: of which leaf is the question
            tail = name if len(name) <= MAX_NAME else f"…{name[-MAX_NAME:]}"
            return f"{training}{place} · {plain(tail)} (AccumulateGrad)"
        name = event.node.grad_fn or name
    else:
        place = f"update {event.ordinal + 1} of {document.last - document.length}"
    name = name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}…"
    return f"{training}{place} · {plain(name)}"


def _breakpoint_text(document: Document) -> str:
    """ "at breakpoint: every mul" where the cursor stands at one."""
    if not document.breakpoints.stops_at(document.cursor):
        return ""
    from gui.panels.breakpoint_text import names_at  # the panels' libraries load after the window is there

    return f"at breakpoint: {names_at(document, document.cursor)}"
