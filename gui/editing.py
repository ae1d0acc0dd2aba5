"""What if: the edits of the open trace, the worker that runs the program with them, and which of the two is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand

from engine.graph.edits import AnyEdit, SetValue, has_same_shape, key_of
from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.session.messages import EditsRefused, RunEdited
from engine.session.outcome import Outcome
from engine.session.snapshot import digests
from gui.background import Background
from gui.bridge import SessionBridge
from gui.document import Document
from gui.edit_doubts import doubt
from gui.edit_words import describe
from gui.opening import place_text
from gui.own_worker import OwnWorker
from gui.widgets.notification import Notification

KEY = "edits"
"""Of the notifications about edits."""
_MERGED = 0x6564
"""Id of undo commands that may become one: a slider that is dragged is one change."""
WHY_NOT_FILE = "This trace was opened from a file: open its program to edit what it computes."
WHY_NOT_YET = "Run a program to edit what it computes."
WHY_NOT_FAILED = "The program did not get through, so there is nothing to compare an edit with."


@dataclass(frozen=True)
class Entry:
    """One edit of the list."""

    edit: AnyEdit
    is_enabled: bool = True


class Editing(QObject):
    """Keeps the list of edits in the document's undo stack, and the trace that is shown in step with it.

    While a run with edits is going on, only the newest list of edits waits: whatever was in between is left out.
    """

    changed = Signal()
    """The list, what is shown, or whether anything can be edited."""
    running_changed = Signal()
    """The program begins to run with edits, or no longer does."""
    notified = Signal(object)
    """A `Notification`: what an edit made the program do."""
    refused = Signal(int)
    """With the edits the program raises at this node of the original, or an edit of it cannot be applied."""
    settled = Signal(str)
    """The notification with this key is no longer true."""
    original_changed = Signal(object)
    """The unedited `Trace` while an edited one stands beside it, else None."""

    def __init__(self, document: Document, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: tuple[Entry, ...] = ()
        self.failure: EditsRefused | None = None
        self.doubt = ""
        """Why not every difference between the two traces is due to the edits, in a sentence; mostly empty."""
        self.original: Trace | None = None
        self.edited: Trace | None = None
        self._document = document
        self._worker = OwnWorker(background, self._connect, self, interval_ms=0)
        self._target: tuple[str, tuple[str, ...]] | None = None
        self._next_target: tuple[str, tuple[str, ...]] | None = None
        self._structure: str | None = None
        self._was_replayable = False
        self._is_exchanging = False
        self._is_running = False
        self._is_stale = False
        self._told: set[str] = set()
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_settled.connect(self._look_for_doubts)

    # What can be edited

    def set_program(self, target: str, arguments: tuple[str, ...]) -> None:
        """Say which program makes the trace that is shown next."""
        self._next_target = (target, arguments)

    @property
    def why_not(self) -> str:
        """Why nothing can be edited; "" where it can."""
        if self.original is None:
            return WHY_NOT_YET
        if self._target is None:
            return WHY_NOT_FILE
        return WHY_NOT_FAILED if self.original.error else ""

    @property
    def is_shown(self) -> bool:
        """Whether the edited trace is what the document shows."""
        return self.edited is not None and self._document.trace is self.edited

    @property
    def is_running(self) -> bool:
        return self._is_running

    def prepare(self) -> None:
        """Start the worker, so that the first edit is answered at once. Harmless where nothing can be edited."""
        if not self.why_not and not self._worker.is_there:
            try:
                self._worker.bridge().prepare()
            except OSError:  # the first edit will say so
                return

    def value(self, node: int) -> npt.NDArray[np.generic] | None:
        """The value that a leaf or input has with the edits, as far as it is known."""
        for entry in self.entries:
            if isinstance(entry.edit, SetValue) and entry.edit.node == node and entry.is_enabled:
                return entry.edit.values.array
        return None if self.original is None else self.original.value(node)

    def find(self, edit: AnyEdit) -> Entry | None:
        """The entry about the same place as `edit`."""
        key = key_of(edit)
        return next((entry for entry in self.entries if key_of(entry.edit) == key), None)

    # Editing

    def apply(self, edit: AnyEdit, *, is_dragging: bool = False) -> None:
        """Add an edit, or put it in the place of that about the same. One that is dragged is undone as a whole."""
        if self.why_not or self.original is None:
            if self.original is not None:
                self.notified.emit(Notification(self.why_not, "info", key=KEY))
            return
        key, entry = key_of(edit), Entry(edit)
        is_known = any(key_of(known.edit) == key for known in self.entries)
        if is_known:
            entries = tuple(entry if key_of(known.edit) == key else known for known in self.entries)
        else:
            entries = (*self.entries, entry)
        self._push(entries, describe(edit, self.original), key if is_dragging else None)

    def remove(self, index: int) -> None:
        words = self._words(index)
        self._push(self.entries[:index] + self.entries[index + 1 :], f"Remove {words}")

    def set_enabled(self, index: int, is_enabled: bool) -> None:
        entry = replace(self.entries[index], is_enabled=is_enabled)
        words = f"{'Apply' if is_enabled else 'Leave out'} {self._words(index)}"
        self._push((*self.entries[:index], entry, *self.entries[index + 1 :]), words)

    def reset(self) -> None:
        """Take every edit back (which can be undone)."""
        if self.entries:
            self._push((), "Reset all edits")

    def show_original(self, is_original: bool) -> None:
        """Show the unedited trace, or the edited one."""
        trace = self.original if is_original else self.edited
        if trace is not None and trace is not self._document.trace:
            self._show(trace)
            self.changed.emit()

    def toggle(self) -> None:
        """Change between the original and the edited trace."""
        self.show_original(self.is_shown)

    def _words(self, index: int) -> str:
        return "" if self.original is None else describe(self.entries[index].edit, self.original)

    def _push(self, entries: tuple[Entry, ...], words: str, key: tuple[object, ...] | None = None) -> None:
        if entries != self.entries:
            self._document.undo_stack.push(_Change(self, self.entries, entries, words, key))

    def set_entries(self, entries: tuple[Entry, ...]) -> None:
        """Have exactly these edits, without a way back: for undo commands."""
        self.entries = entries
        self.failure = None
        self.settled.emit(KEY)
        self._run()
        self.changed.emit()

    # The worker

    def shut_down(self) -> None:
        """End the worker and every thread of it."""
        self._drop()
        self._worker.shut_down()

    def _run(self) -> None:
        edits = tuple(entry.edit for entry in self.entries if entry.is_enabled)
        if self._is_running:
            self._is_stale = True
            return
        self._is_stale = False
        if not edits:
            self._forget_edited()
            return
        if self._target is None or self.original is None:
            return
        if self._structure is None:
            self._structure = fingerprint(self.original)
        target, arguments = self._target
        request = RunEdited(
            target=target,
            arguments=arguments,
            sources=digests(self._document.sources),
            structure=self._structure,
            edits=edits,
            step=self.original.step,
        )
        try:
            self._worker.bridge().run_edited(request)
        except OSError as error:
            text = f"The program cannot be run with edits: no process can be started ({error})."
            self.notified.emit(Notification(text, "error", key=KEY))
            return
        self._set_running(is_running=True)

    def _set_running(self, *, is_running: bool) -> None:
        if is_running != self._is_running:
            self._is_running = is_running
            self.running_changed.emit()

    def _connect(self, bridge: SessionBridge) -> None:
        bridge.trace_received.connect(self._on_bridge_trace_received)
        bridge.edits_refused.connect(self._on_bridge_edits_refused)
        bridge.decode_failed.connect(self._on_bridge_decode_failed)
        bridge.exited.connect(self._on_bridge_exited)

    def _drop(self) -> None:
        self._is_stale = False
        self._set_running(is_running=False)
        self._worker.drop()

    # What is shown

    def _forget_edited(self) -> None:
        edited, self.edited = self.edited, None
        if edited is not None and self.original is not None and self._document.trace is edited:
            self._show(self.original)
        if edited is not None:
            self.original_changed.emit(None)

    def _show(self, trace: Trace) -> bool:
        """Show a trace in the place of the other; whether it has the form of what was shown."""
        shown = self._document.trace
        is_same = shown is not None and has_same_shape(shown, trace)
        is_replayable = self._was_replayable and trace is self.original
        self._is_exchanging = True
        try:
            self._document.exchange_trace(trace, has_same_form=is_same, is_replayable=is_replayable)
        finally:
            self._is_exchanging = False
        return is_same

    def _on_document_trace_changed(self) -> None:
        if self._is_exchanging:
            return
        self._drop()
        had_edited = self.edited is not None
        self.entries, self.edited, self.failure, self._structure = (), None, None, None
        self.doubt = ""
        self._told.clear()
        self.original = self._document.trace
        self._was_replayable = self._document.is_replayable
        self._target, self._next_target = self._next_target, None
        self.settled.emit(KEY)
        if had_edited:
            self.original_changed.emit(None)
        self.changed.emit()

    def _on_bridge_trace_received(self, trace: Trace, _step: int | None, _reason: str) -> None:
        if not any(entry.is_enabled for entry in self.entries):
            return  # everything was taken back meanwhile
        is_first, self.edited = self.edited is None, trace
        if is_first:
            self.original_changed.emit(self.original)
        has_same_form = self._show(trace)
        notes = [note for note in trace.notes if self.original is not None and note not in self.original.notes]
        self._tell(notes[0] if notes else "", "info")
        if not has_same_form:  # otherwise once the numbers have settled
            self._look_for_doubts()
        self.changed.emit()

    def _tell(self, text: str, level: Literal["info", "warning"]) -> None:
        """Say something of the edited trace; the same thing only once."""
        if text and text not in self._told:
            self._told.add(text)
            self.notified.emit(Notification(text, level, key=f"{KEY} {level}"))

    def _look_for_doubts(self) -> None:
        """See whether anything differs that no edit reaches."""
        before, self.doubt = self.doubt, ""
        if self.original is not None and self.edited is not None and self.is_shown:
            edits = [entry.edit for entry in self.entries if entry.is_enabled]
            self.doubt = doubt(self.original, self.edited, edits)
        self._tell(self.doubt, "warning")
        if self.doubt != before:
            self.changed.emit()

    def _on_bridge_edits_refused(self, refused: EditsRefused) -> None:
        if self._is_stale:
            return  # another edit has come since, and is about to be tried
        self.failure = refused
        where = place_text(refused.file, refused.line, refused.message)
        text = f"With this edit the program raises: {refused.message}" if refused.traceback else refused.message
        undo = ("Undo the edit", self._document.undo_stack.undo)
        self.notified.emit(Notification(text, "error", where, refused.traceback, (undo,), key=KEY))
        if refused.node is not None:
            self.refused.emit(refused.node)
        self.changed.emit()

    def _on_bridge_decode_failed(self, message: str) -> None:
        self.notified.emit(Notification(message, "error", key=KEY))

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        self._set_running(is_running=False)
        if outcome.kind not in ("finished", "stopped"):
            text = f"The program ended while it ran with edits: {outcome.message}"
            self.notified.emit(Notification(text, "error", details=outcome.stack, key=KEY))
        if self._is_stale:
            self._run()


class _Change(QUndoCommand):
    """Another list of edits."""

    def __init__(
        self,
        editing: Editing,
        before: tuple[Entry, ...],
        after: tuple[Entry, ...],
        words: str,
        key: tuple[object, ...] | None,
    ) -> None:
        super().__init__(words)
        self._editing = editing
        self._before = before
        self._after = after
        self._key = key

    def id(self) -> int:
        return -1 if self._key is None else _MERGED

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, _Change) or other._key is None or other._key != self._key:
            return False
        self._after = other._after
        self.setText(other.text())
        return True

    def redo(self) -> None:
        self._editing.set_entries(self._after)

    def undo(self) -> None:
        self._editing.set_entries(self._before)
