"""What the window shows while nothing is open: the demos, opening a file, and what was open before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from engine.catalogue import DEMOS, DemoEntry, find_demo
from gui.icons import icon, pixmap
from gui.style import TEXT_LARGE_PT, TEXT_TITLE_PT
from gui.theme import Theme, ThemeManager, ui_font
from gui.widgets.text import tooltip

CARD_WIDTH_PX = 252
CARD_HEIGHT_PX = 138
MAX_RECENT_SHOWN = 6


class DemoCard(QPushButton):
    """One demo: a drawing, its title, one sentence."""

    def __init__(self, demo: DemoEntry, themes: ThemeManager, parent: QWidget) -> None:
        super().__init__(parent)
        self.demo = demo
        self.setObjectName("demoCard")
        self.setFixedSize(CARD_WIDTH_PX, CARD_HEIGHT_PX)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(demo.title)
        self.setAccessibleDescription(demo.summary)
        self._drawing = _through(QLabel(self))
        title = _through(QLabel(demo.title, self))
        title.setObjectName("cardTitle")
        title.setWordWrap(True)
        text = _through(QLabel(demo.summary, self))
        text.setObjectName("cardText")
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignTop)
        box = QVBoxLayout(self)
        box.setContentsMargins(16, 14, 16, 12)
        box.setSpacing(6)
        for widget in (self._drawing, title):
            box.addWidget(widget)
        box.addWidget(text, 1)
        themes.changed.connect(self._on_themes_changed)
        self._on_themes_changed(themes.theme)

    def _on_themes_changed(self, theme: Theme) -> None:
        self._drawing.setPixmap(pixmap(f"demo-{self.demo.name}", theme.accent, 26, self.devicePixelRatioF()))


class WelcomePage(QScrollArea):
    """Cards for the demos, buttons for files, the recent targets."""

    target_chosen = Signal(str)
    open_requested = Signal()
    folder_requested = Signal()

    def __init__(self, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("welcome")
        self.setAccessibleName("Welcome")
        self.setWidgetResizable(True)
        self._themes = themes
        page = QWidget(self)
        page.setObjectName("welcomePage")
        title = QLabel("Retrograd", page)
        title.setObjectName("welcomeTitle")
        title.setFont(ui_font(TEXT_TITLE_PT, bold=True))
        text = QLabel(
            "See the graph that PyTorch really ran, and step its backward pass node by node, both ways.", page
        )
        text.setObjectName("welcomeText")
        text.setFont(ui_font(TEXT_LARGE_PT))
        text.setWordWrap(True)
        self.cards = [DemoCard(demo, themes, page) for demo in DEMOS]
        cards = QGridLayout()
        cards.setSpacing(12)
        for column, card in enumerate(self.cards):
            cards.addWidget(card, 0, column)
            card.clicked.connect(self._on_card_clicked)
        self.open_button = QPushButton("Open file…", page)
        self.open_button.setProperty("kind", "primary")
        self.open_button.clicked.connect(self.open_requested)
        self.folder_button = QPushButton("Open log folder…", page)
        self.folder_button.clicked.connect(self.folder_requested)
        drop = QLabel("or drop a script, a trace or a log anywhere on this window", page)
        drop.setObjectName("muted")
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for widget in (self.open_button, self.folder_button, drop):
            buttons.addWidget(widget)
        buttons.addStretch(1)
        self._recent_title = _section("Recent", page)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        column_box = QVBoxLayout()
        column_box.setSpacing(6)
        column_box.addStretch(2)
        column_box.addWidget(title)
        column_box.addWidget(text)
        column_box.addSpacing(20)
        column_box.addWidget(_section("Start with a demo", page))
        column_box.addLayout(cards)
        column_box.addSpacing(20)
        column_box.addWidget(_section("Open your own", page))
        column_box.addLayout(buttons)
        column_box.addSpacing(20)
        column_box.addWidget(self._recent_title)
        column_box.addLayout(self._recent)
        column_box.addStretch(3)
        frame = QHBoxLayout(page)
        frame.setContentsMargins(24, 24, 24, 24)
        frame.addStretch(1)
        frame.addLayout(column_box)
        frame.addStretch(1)
        self.setWidget(page)
        self.set_recent(())

    def set_recent(self, targets: Sequence[str]) -> None:
        """List what was open before."""
        while (item := self._recent.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        shown = list(targets)[:MAX_RECENT_SHOWN]
        self._recent_title.setVisible(bool(shown))
        for target in shown:
            button = QPushButton(recent_text(target), self.widget())
            button.setObjectName("recentFile")
            button.setFont(QFont(self.font()))
            button.setIcon(icon("file", self._themes.theme.muted))
            button.setIconSize(QSize(16, 16))
            button.setToolTip(tooltip(target))
            button.setProperty("target", target)
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            button.clicked.connect(self._on_recent_clicked)
            self._recent.addWidget(button)

    def _on_card_clicked(self) -> None:
        card = self.sender()
        if isinstance(card, DemoCard):
            self.target_chosen.emit(card.demo.target)

    def _on_recent_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self.target_chosen.emit(str(button.property("target")))


def recent_text(target: str) -> str:
    """A recent target in one short line: the demo's title, or the file's name and folder."""
    demo = find_demo(target) if target.startswith("demo:") else None
    if demo is not None:
        return f"{demo.title}  ·  demo"
    path = Path(target)
    folder = str(path.parent).replace(str(Path.home()), "~", 1)
    folder = folder if len(folder) <= 60 else f"…{folder[-59:]}"
    name = path.name if len(path.name) <= 60 else f"{path.name[:59]}…"
    return f"{name}  ·  {folder}".replace("&", "&&")


def _section(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setObjectName("sectionTitle")
    return label


def _through(label: QLabel) -> QLabel:
    """A label that lets clicks through to the button it lies on."""
    label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return label
