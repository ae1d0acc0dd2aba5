"""The lesson panel: the text that goes with the present step, its numbers taken from the trace, and a prediction."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ..document import Document
from ..style import TEXT_LARGE_PT, TEXT_NORMAL_PT
from ..theme import RADIUS_CARD, UNIT, Theme, ThemeManager, mono_font, ui_font
from ..widgets.text import set_text_color
from ..widgets.vertical_area import VerticalArea
from .lesson_text import Lesson, beat_html, generic_html, load_lesson
from .prediction import Question, Verdict, judge, next_question, parse_guess
from .rows import MARGIN

_EMPTY = "Open a demo, or run a program: each step of its backward pass is explained here."
_MARKS = {Verdict.RIGHT: "✓", Verdict.CLOSE: "≈", Verdict.WRONG: "✗"}


class PredictBox(QFrame):
    """Asks for the next step's number before it is taken, and judges the answer by the recorded one."""

    step_wanted = Signal()
    """Enter was pressed on an answer that is judged already."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._question: Question | None = None
        self._theme: Theme | None = None
        self._key: tuple[int, int] | None = None
        self._judged = ""
        self.prompt = QLabel(self)
        self.prompt.setTextFormat(Qt.TextFormat.PlainText)
        self.prompt.setWordWrap(True)
        self.prompt.setFont(ui_font(TEXT_NORMAL_PT))
        self.heading = QLabel("Before you step", self)
        self.heading.setFont(ui_font(TEXT_NORMAL_PT, bold=True))
        self.entry = QLineEdit(self)
        self.entry.setFont(mono_font(TEXT_NORMAL_PT))
        self.entry.setPlaceholderText("number, formula")
        self.entry.setAccessibleName("Your prediction")
        self.entry.setMinimumWidth(60)
        self.check = QPushButton("Check", self)
        self.check.setAccessibleDescription("Compare your prediction with the recorded number")
        self.check.setProperty("kind", "primary")
        self.answer = QLabel(self)
        self.answer.setTextFormat(Qt.TextFormat.PlainText)
        self.answer.setWordWrap(True)
        self.answer.setFont(ui_font(TEXT_NORMAL_PT))
        self.answer.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout()
        row.setSpacing(2 * UNIT)
        row.addWidget(self.entry, 1)
        row.addWidget(self.check)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * UNIT, 3 * UNIT, 3 * UNIT, 3 * UNIT)
        layout.setSpacing(2 * UNIT)
        for widget in (self.heading, self.prompt):
            layout.addWidget(widget)
        layout.addLayout(row)
        layout.addWidget(self.answer)
        self.check.clicked.connect(self._on_check_clicked)
        self.entry.returnPressed.connect(self._on_return_pressed)
        self.hide()

    def ask(self, question: Question | None, key: tuple[int, int], theme: Theme) -> None:
        """Put a question; the same one again (`key`) keeps what was typed."""
        if theme is not self._theme:
            self._recolor(theme)
        self._question, self._theme = question, theme
        self.setVisible(question is not None)
        if question is not None:
            self.prompt.setText(question.text)
        if key != self._key:
            self._key = key
            self._judged = ""
            self.entry.clear()
            self.answer.clear()
        self.answer.setVisible(bool(self.answer.text()))

    def _recolor(self, theme: Theme) -> None:
        self.setStyleSheet(f"PredictBox {{ background: {theme.background.name()}; border-radius: {RADIUS_CARD}px; }}")
        for label in (self.heading, self.prompt):
            set_text_color(label, theme.text)
        self.answer.clear()  # its colour was the other theme's

    def _on_return_pressed(self) -> None:
        if self._judged and self.entry.text() == self._judged:
            self.step_wanted.emit()
        else:
            self._on_check_clicked()

    def _on_check_clicked(self) -> None:
        if self._question is None or self._theme is None:
            return
        text = self.entry.text()
        if not text.strip():
            return
        try:
            guess = parse_guess(text, self._question.names)
        except ValueError as error:
            self._show_answer(str(error), self._theme.muted)
            return
        verdict, sentence = judge(guess, self._question.answer, text)
        color = {
            Verdict.RIGHT: self._theme.leaf_text,
            Verdict.CLOSE: self._theme.data_text,
            Verdict.WRONG: self._theme.accent_text,
        }
        self._judged = text
        self._show_answer(f"{_MARKS[verdict]} {sentence}\nEnter takes the step.", color[verdict])

    def _show_answer(self, text: str, color: QColor) -> None:
        self.answer.setText(text)
        set_text_color(self.answer, color)
        self.answer.show()


class LessonPanel(QWidget):
    """Explains the present step: a demo's own text where there is one, else what the step's rule does.

    Parameters
    ----------
    document : gives the trace and the position.
    themes : whose colours are used.
    """

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._themes = themes
        self._lesson: Lesson | None = None
        self._is_chosen = False
        self._trace_number = 0
        self.setAccessibleName("Lesson")
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.title.setFont(ui_font(TEXT_LARGE_PT, bold=True))
        self.text = QLabel()
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setWordWrap(True)
        self.text.setFont(ui_font(TEXT_NORMAL_PT))
        self.text.setOpenExternalLinks(False)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.predict = PredictBox()
        self.predict.step_wanted.connect(document.step_forward)
        self.area = VerticalArea(self, margin=MARGIN, spacing=3 * UNIT)
        self.area.setAccessibleName("Text of the lesson")
        for widget in (self.title, self.text, self.predict):
            policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(not isinstance(widget, PredictBox))
            widget.setSizePolicy(policy)
            self.area.column.addWidget(widget)
        self.area.column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.area)
        self.setMinimumWidth(220)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._refresh)
        self._is_behind = False
        document.cursor_changed.connect(self._on_document_cursor_changed)
        themes.changed.connect(self._on_themes_changed)
        self._refresh()

    def set_lesson(self, demo_name: str | None) -> None:
        """Show the text of a demo ("neuron" or "demo:neuron"); None, or a demo without one, explains any program.

        A trace whose target is a demo brings its text along by itself.
        """
        self._is_chosen = demo_name is not None
        self._lesson = None if demo_name is None else load_lesson(demo_name.removeprefix("demo:"))
        self._refresh()

    def _refresh(self) -> None:
        theme = self._themes.theme
        self.area.set_theme(theme)
        for label in (self.title, self.text):
            set_text_color(label, theme.text)
        trace, stepper = self._document.trace, self._document.stepper
        if trace is None or stepper is None:
            self.title.setText("" if self._lesson is None else self._lesson.title)
            self.title.setVisible(self._lesson is not None)
            self.text.setText(_EMPTY)
            self.predict.ask(None, (self._trace_number, 0), theme)
            return
        position = stepper.position
        beat = None if self._lesson is None else self._lesson.beat(trace, position)
        if beat is not None and self._lesson is not None:
            title, html = self._lesson.title, beat_html(beat, trace, stepper, theme)
        else:
            title, html = generic_html(trace, stepper, theme, self._document.sources)
        self.title.setVisible(bool(title))
        self.title.setText(title)
        self.text.setText(html)
        self.predict.ask(next_question(trace, position), (self._trace_number, position), theme)

    def _on_document_trace_changed(self) -> None:
        self._trace_number += 1
        trace = self._document.trace
        if trace is not None and trace.target.startswith("demo:"):
            self._lesson = load_lesson(trace.target.removeprefix("demo:"))
        elif trace is not None and not self._is_chosen:
            self._lesson = None
        self._refresh()
        self.area.scroll_to_top()

    def catch_up(self, is_seen: bool) -> None:
        """The panel comes in front of others, or goes behind them."""
        self._is_behind = not is_seen
        if is_seen:
            self._refresh()

    def _on_document_cursor_changed(self) -> None:
        if self._is_behind:
            return
        self._refresh()
        self.area.scroll_to_top()

    def _on_themes_changed(self, _theme: Theme) -> None:
        self._refresh()
