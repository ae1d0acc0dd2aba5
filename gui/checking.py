"""Compares a node's VJP with finite differences, in a worker of its own that runs the program again."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from engine.graph.numbers import format_number
from engine.graph.structure import fingerprint
from engine.session.messages import CheckNode, NodeChecked
from engine.session.outcome import Outcome
from engine.session.snapshot import digests
from gui.background import Background
from gui.bridge import SessionBridge
from gui.document import Document
from gui.own_worker import OwnWorker

RUNNING = "Checking: the program runs again with every value kept…"
NO_PROGRAM = "A check runs the program again, and this trace came without one. Open the program to check its nodes."


class Verdict(NamedTuple):
    """What is known of one node's check."""

    text: str
    is_running: bool = False
    is_bad: bool = False


class NodeChecker(QObject):
    """Runs one check at a time; what it said is remembered until another trace is shown."""

    changed = Signal()

    def __init__(self, document: Document, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._worker = OwnWorker(background, self._connect, self)
        self._target = ""
        self._arguments: tuple[str, ...] = ()
        self._running: int | None = None
        self._verdicts: dict[int, Verdict] = {}
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_trace_changed)

    def set_program(self, target: str, arguments: tuple[str, ...]) -> None:
        """Say which program makes the traces that are shown from now on."""
        self._target, self._arguments = target, arguments

    def verdict(self, node_id: int) -> Verdict | None:
        if node_id == self._running:
            return Verdict(RUNNING, is_running=True)
        return self._verdicts.get(node_id)

    def toggle(self, node_id: int) -> None:
        """Check a node; stop the check where it runs already."""
        if self._running is not None:
            was = self._running
            self._drop()
            self._settle(was, Verdict("The check was stopped."))
            if was == node_id:
                return
        trace = self._document.trace
        if trace is None:
            return
        if not self._document.is_replayable:
            self._settle(node_id, Verdict(NO_PROGRAM))
            return
        request = CheckNode(
            target=self._target,
            arguments=self._arguments,
            sources=digests(self._document.sources),
            node=node_id,
            structure=fingerprint(trace),
        )
        try:
            self._worker.bridge().check(request)
        except OSError as error:
            self._settle(node_id, Verdict(f"The check cannot run: no process can be started ({error}).", is_bad=True))
            return
        self._running = node_id
        self.changed.emit()

    def shut_down(self) -> None:
        """End the worker and every thread of it."""
        self._drop()
        self._worker.shut_down()

    def _settle(self, node_id: int, verdict: Verdict) -> None:
        self._running = None
        self._verdicts[node_id] = verdict
        self.changed.emit()

    def _drop(self) -> None:
        self._running = None
        self._worker.drop()

    def _connect(self, bridge: SessionBridge) -> None:
        bridge.node_checked.connect(self._on_bridge_node_checked)
        bridge.exited.connect(self._on_bridge_exited)

    def _on_document_trace_changed(self) -> None:
        self._verdicts.clear()
        self._drop()

    def _on_bridge_node_checked(self, message: NodeChecked) -> None:
        self._settle(
            message.node, Verdict(sentence(message), is_bad=bool(message.message) or message.verdict == "wrong")
        )

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        if self._running is not None:  # no answer came
            self._settle(self._running, Verdict(f"The check could not be made: {outcome.message}", is_bad=True))


def sentence(message: NodeChecked) -> str:
    """What a check found, in words."""
    if message.message:
        return message.message
    parts = []
    if message.difference_error is not None:
        parts.append(f"finite differences to {format_number(message.difference_error, 2)}")
    if message.rule_error is not None:
        parts.append(f"the rule to {format_number(message.rule_error, 2)}")
    if not parts:
        return (
            "This node cannot be checked: its operation cannot be run again alone, and no rule of it can be evaluated."
        )
    begin = "Differs: the VJP agrees with" if message.verdict == "wrong" else "The VJP agrees with"
    return f"{begin} {' and with '.join(parts)} (relative error)."
