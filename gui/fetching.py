"""Fetches values that the open trace does not hold, by running its program again in a worker of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from engine.graph.model import TensorInfo
from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.session.messages import FetchTile, FetchValues, TileReady, ValuesReady
from engine.session.outcome import Outcome
from engine.session.snapshot import digests
from gui.background import Background
from gui.bridge import SessionBridge
from gui.document import Document
from gui.fetching_tiles import LargeTensor, Tile, decode_tile
from gui.own_worker import OwnWorker
from gui.widgets.notification import Notification

KEY = "values"
"""Of the notifications that say why values did not come."""
Place = tuple[int, int, bool]
_UNFIT = "The values that came do not fit the trace, and were left out."


class ValueFetcher(QObject):
    """Answers `document.values_requested`, one request after the other, and hands out parts of large tensors.

    The worker keeps the program between requests, and what it fetched last, until another trace is shown. Whole tensors
    that are asked for come first, then the part that was wanted last; a part that nobody wants any more by the time
    that it would be asked for is left out.
    """

    notified = Signal(object)
    """A `Notification`: why values did not come."""

    def __init__(self, document: Document, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._worker = OwnWorker(background, self._connect, self, interval_ms=0)
        self._target = ""
        self._arguments: tuple[str, ...] = ()
        self._structure: str | None = None
        self._requests: deque[FetchValues] = deque()
        self._current: FetchValues | None = None
        self._large: dict[Place, LargeTensor] = {}
        self._tile: tuple[LargeTensor, Tile] | None = None
        self._is_busy = False
        document.large_tensors = self.large_tensor
        document.values_requested.connect(self._on_document_values_requested)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_trace_changed)

    def set_program(self, target: str, arguments: tuple[str, ...]) -> None:
        """Say which program makes the traces that are shown from now on."""
        self._target = target
        self._arguments = arguments

    def large_tensor(self, node: int, output: int, is_gradient: bool) -> LargeTensor | None:
        """The tensor at a place, of which parts can be had, until another trace is shown; None where there is none."""
        place, trace = (node, output, is_gradient), self._document.trace
        if place not in self._large:
            info = None if trace is None else _info(trace, place)
            if info is None:
                return None
            self._large[place] = made = LargeTensor(place, info, self)
            made.wanted.connect(self._start_next)
        return self._large[place]

    def shut_down(self) -> None:
        """End the worker and every thread of it."""
        self._drop()
        self._worker.shut_down()

    def _drop(self) -> None:
        self._requests.clear()
        self._current = self._tile = None
        self._structure = None
        self._is_busy = False
        for tensor in self._large.values():
            tensor.setParent(None)  # whoever still shows it may hold it
        self._large.clear()
        self._worker.drop()

    def _connect(self, bridge: SessionBridge) -> None:
        bridge.values_received.connect(self._on_bridge_values_received)
        bridge.tile_received.connect(self._on_bridge_tile_received)
        bridge.exited.connect(self._on_bridge_exited)

    def _start_next(self) -> None:
        """Ask for the next, once the worker has ended what it does: another request would end the worker itself."""
        request = None if self._is_busy else self._next()
        if request is None:
            return
        try:
            self._worker.bridge().fetch(request)
            self._is_busy = True
        except OSError as error:
            self._fail(f"The values cannot be fetched: no process can be started ({error}).")

    def _next(self) -> FetchValues | FetchTile | None:
        if self._requests:
            self._current = self._requests.popleft()
            return self._current
        tensor = next((found for found in reversed(self._large.values()) if found.wish is not None), None)
        if tensor is None or tensor.wish is None:
            return None
        self._tile = tensor, tensor.wish
        node, output, is_gradient = tensor.place
        return FetchTile(
            target=self._target,
            arguments=self._arguments,
            sources=digests(self._document.sources),
            node=node,
            output=output,
            is_gradient=is_gradient,
            structure=self._fingerprint(),
            **asdict(tensor.wish),
        )

    def _fingerprint(self) -> str:
        if self._structure is None and self._document.trace is not None:
            self._structure = fingerprint(self._document.trace)
        return self._structure or ""

    def _fail(self, message: str) -> None:
        """What was asked for does not come."""
        if self._current is not None:
            request, self._current = self._current, None
            self.notified.emit(Notification(message, "warning", key=KEY))
            self._document.settle_values(request.node, request.output, is_gradient=request.is_gradient)
        elif self._tile is not None:
            (tensor, tile), self._tile = self._tile, None
            tensor.refuse(tile, message)

    def _on_document_values_requested(self, node_id: int, output: int, is_gradient: bool) -> None:
        if self._document.trace is None:
            return
        self._requests.append(
            FetchValues(
                target=self._target,
                arguments=self._arguments,
                sources=digests(self._document.sources),
                node=node_id,
                output=output,
                is_gradient=is_gradient,
                structure=self._fingerprint(),
            )
        )
        self._start_next()

    def _on_document_trace_changed(self) -> None:
        self._drop()

    def _on_bridge_values_received(self, ready: ValuesReady, array: npt.NDArray[np.generic] | None) -> None:
        request, trace = self._current, self._document.trace
        if request is None or trace is None:
            return
        info = _info(trace, (request.node, request.output, request.is_gradient))
        if array is None or info is None or array.shape != tuple(info.shape):
            self._fail(ready.message or _UNFIT)
            return
        self._current = None
        info.array, info.note = array, None
        self._document.settle_values(request.node, request.output, is_gradient=request.is_gradient)

    def _on_bridge_tile_received(self, ready: TileReady, body: bytes) -> None:
        if self._tile is None:
            return
        values = None if ready.message else decode_tile(ready, body)
        if values is None:
            self._fail(ready.message or _UNFIT)
            return
        (tensor, tile), self._tile = self._tile, None
        tensor.receive(tile, values)

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        self._is_busy = False
        self._fail(f"The values could not be fetched: {outcome.message}")  # if no answer came
        self._start_next()


def _info(trace: Trace, place: Place) -> TensorInfo | None:
    node, output, is_gradient = place
    if is_gradient:
        return trace.grad_info(node, output)
    outputs = trace.graph.nodes[node].outputs
    return outputs[output] if output < len(outputs) else None
