"""Fetches whole values that the open trace does not hold, by running its program again in a worker of its own."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from engine.graph.model import TensorInfo
from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.session.messages import FetchValues, ValuesReady
from engine.session.outcome import Outcome
from gui.background import Background
from gui.bridge import SessionBridge
from gui.document import Document
from gui.own_worker import OwnWorker
from gui.widgets.notification import Notification

KEY = "values"
"""Of the notifications that say why values did not come."""


class ValueFetcher(QObject):
    """Answers `document.values_requested`, one request after the other.

    The worker keeps the program between requests, until another trace is shown.
    """

    notified = Signal(object)
    """A `Notification`: why values did not come."""

    def __init__(self, document: Document, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._worker = OwnWorker(background, self._connect, self)
        self._target = ""
        self._arguments: tuple[str, ...] = ()
        self._structure: str | None = None
        self._requests: deque[FetchValues] = deque()
        self._current: FetchValues | None = None
        document.values_requested.connect(self._on_document_values_requested)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_trace_changed)

    def set_program(self, target: str, arguments: tuple[str, ...]) -> None:
        """Say which program makes the traces that are shown from now on."""
        self._target = target
        self._arguments = arguments

    def shut_down(self) -> None:
        """End the worker and every thread of it."""
        self._drop()
        self._worker.shut_down()

    def _drop(self) -> None:
        self._requests.clear()
        self._current = None
        self._structure = None
        self._worker.drop()

    def _connect(self, bridge: SessionBridge) -> None:
        bridge.values_received.connect(self._on_bridge_values_received)
        bridge.exited.connect(self._on_bridge_exited)

    def _start_next(self) -> None:
        if self._current is not None or not self._requests:
            return
        self._current = request = self._requests.popleft()
        try:
            self._worker.bridge().fetch(request)
        except OSError as error:
            self._current = None
            self._refuse(request, f"The values cannot be fetched: no process can be started ({error}).")

    def _refuse(self, request: FetchValues, message: str) -> None:
        self.notified.emit(Notification(message, "warning", key=KEY))
        self._document.settle_values(request.node, request.output, is_gradient=request.is_gradient)

    def _on_document_values_requested(self, node_id: int, output: int, is_gradient: bool) -> None:
        trace = self._document.trace
        if trace is None:
            return
        if self._structure is None:
            self._structure = fingerprint(trace)
        self._requests.append(
            FetchValues(
                target=self._target,
                arguments=self._arguments,
                node=node_id,
                output=output,
                is_gradient=is_gradient,
                structure=self._structure,
            )
        )
        self._start_next()

    def _on_document_trace_changed(self) -> None:
        self._drop()

    def _on_bridge_values_received(self, ready: ValuesReady, array: npt.NDArray[np.generic] | None) -> None:
        request, trace = self._current, self._document.trace
        if request is None or trace is None:
            return
        info = _info(trace, request)
        if array is None or info is None or array.shape != tuple(info.shape):
            self._refuse(request, ready.message or "The values that came do not fit the trace, and were left out.")
        else:
            info.array, info.note = array, None
            self._document.settle_values(request.node, request.output, is_gradient=request.is_gradient)
        self._current = None

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        if self._current is not None:  # no answer came
            request, self._current = self._current, None
            self._refuse(request, f"The values could not be fetched: {outcome.message}")
        self._start_next()


def _info(trace: Trace, request: FetchValues) -> TensorInfo | None:
    if request.is_gradient:
        return trace.grad_info(request.node, request.output)
    outputs = trace.graph.nodes[request.node].outputs
    return outputs[request.output] if request.output < len(outputs) else None
