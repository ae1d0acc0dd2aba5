"""The questions that the window asks: may this run, and how; where is a training held, may it be ended; whose file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.opening import Target

MOST_STEPS = 2**31 - 1
"""What a spin box can hold."""


def may_run(target: Target, parent: QWidget) -> QMessageBox:
    """A question that is accepted where the user allows the program to run; not shown yet."""
    return _question(
        parent,
        "Run this program?",
        f"Run {target.title}?",
        f"{target.path}\n\nRunning a program executes it with your rights: it can read and change whatever you can. "
        "Run only what you trust. You will not be asked again for this file.",
        "Run",
    )


class ArgumentsQuestion(QDialog):
    """Asks for a script's arguments, written as in a terminal; what cannot be split says why, and nothing runs."""

    answered = Signal(object)
    """A tuple of the arguments: the script is to run with them."""

    def __init__(self, title: str, arguments: Sequence[str], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run with arguments")
        self._title = QLabel(f"Arguments of {title}, as after its name in a terminal:", self)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self.field = QLineEdit(shlex.join(arguments), self)
        self.field.setAccessibleName("Arguments")
        self.field.setPlaceholderText("--lr 0.1 --epochs 20")
        self.field.setMinimumWidth(420)
        self.field.selectAll()
        self.fault = QLabel(self)
        self.fault.setTextFormat(Qt.TextFormat.PlainText)
        self.fault.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.run = buttons.addButton("Run", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        for widget in (self._title, self.field, self.fault, buttons):
            box.addWidget(widget)

    def accept(self) -> None:
        try:
            arguments = tuple(shlex.split(self.field.text()))
        except ValueError as error:  # a quotation mark without its other half
            self.fault.setText(f"These cannot be read: {str(error).lower()}.")
            self.fault.show()
            return
        super().accept()
        self.answered.emit(arguments)


class StepQuestion(QDialog):
    """Asks at which step a training is to be held next."""

    answered = Signal(int)

    def __init__(self, title: str, step: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run on to a step")
        self._title = QLabel(
            f"{title} is at step {step:,}. It runs on to this step, which is recorded, and is held there:", self
        )
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setWordWrap(True)
        self.field = QSpinBox(self)
        self.field.setAccessibleName("Step")
        self.field.setRange(step + 1, MOST_STEPS)
        self.field.setGroupSeparatorShown(True)
        self.field.setValue(next_round(step))
        self.field.setMinimumWidth(160)
        self.field.selectAll()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.run = buttons.addButton("Run on", QDialogButtonBox.ButtonRole.AcceptRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        box = QVBoxLayout(self)
        for widget in (self._title, self.field, buttons):
            box.addWidget(widget)
        self.setMinimumWidth(420)
        self.field.setFocus()

    def accept(self) -> None:
        super().accept()
        self.answered.emit(self.field.value())


def next_round(step: int) -> int:
    """The round number of steps after `step`: 10, 100, then 200, 300 … 1,000, 2,000 …"""
    power = int("1".ljust(len(str(step)), "0"))
    return 10 * power if power < 100 else (step // power + 1) * power


class CloseQuestion(QMessageBox):
    """The window of a training is to be closed: `stop` ends it, `keep` lets it run, Esc does nothing.

    Enter lets it run: of the buttons that accept, Qt makes the first one the default again with every other style.
    """

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Stop the training?")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(f"{title} is still training.")
        self.setInformativeText(
            "Every loss recorded so far is kept in the run's journal. If it keeps running, the window is minimised, "
            "and closes once the training is over."
        )
        self.keep = self.addButton("Keep running", QMessageBox.ButtonRole.AcceptRole)
        self.stop = self.addButton("Stop and close", QMessageBox.ButtonRole.DestructiveRole)
        self.addButton(QMessageBox.StandardButton.Cancel)
        self.setDefaultButton(self.keep)


class ConflictQuestion(QMessageBox):
    """Another program wrote a file that is to be saved: asks which is kept. Esc keeps theirs, and writes nothing."""

    def __init__(self, path: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.NoIcon)
        self.setWindowTitle("Whose file is kept?")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(f"Another program has changed {path.name}.")
        self.setInformativeText(
            f"{path.parent}\n\nIt is no longer the file that was opened or saved here. Keep mine puts what is shown "
            "here in its place, and theirs beside it under another name. Keep theirs writes nothing."
        )
        self.mine = self.addButton("Keep mine", QMessageBox.ButtonRole.DestructiveRole)
        self.theirs = self.addButton("Keep theirs", QMessageBox.ButtonRole.RejectRole)
        self.elsewhere = self.addButton("Save elsewhere…", QMessageBox.ButtonRole.AcceptRole)
        self.setDefaultButton(self.elsewhere)
        self.setEscapeButton(self.theirs)


def _question(parent: QWidget, title: str, text: str, more: str, yes: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.setInformativeText(more)
    button = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(button)
    return box
