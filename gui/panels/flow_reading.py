"""Reads what the gradient-flow chart shows: at once from small traces, beside the window's thread from large ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal

from engine.graph.trace import Trace

from ..background import Background
from .flow_model import FlowPoint, flow_of

MOST_OTHER_STEPS = 5
LARGE = 500
"""So many nodes are read in a few milliseconds; statistics of the gradients of more would hold up the window."""
READING = "The sizes of the gradients are being read…"


class Flows(NamedTuple):
    """The points of a trace, and sizes by parameter of other recorded steps, the last one first."""

    points: list[FlowPoint]
    others: list[tuple[int, dict[str, float]]]


class FlowReading(QObject):
    """What was read last: `points` and `others`, and `text` where there is something to say instead of them."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(self)
        self.points: list[FlowPoint] = []
        self.others: list[tuple[int, dict[str, float]]] = []
        self.text = ""

    def read(self, trace: Trace | None, recorded: Mapping[int, object]) -> None:
        """Read a trace and the other steps that were recorded; `changed` follows, at once or when it is done.

        Until then the last numbers stay.
        """
        self._background.drop()
        kept = [(step, other) for step, other in sorted(recorded.items(), reverse=True) if other is not trace]
        others = [(step, other) for step, other in kept if isinstance(other, Trace)][:MOST_OTHER_STEPS]
        if trace is None:
            self._take(Flows([], []))
        elif sum(len(each.graph.nodes) for each in (trace, *(other for _, other in others))) <= LARGE:
            self._take(_read(trace, others))
        else:
            if not self.points:
                self._take(Flows([], []), READING)
            self._background.run(partial(_read, trace, others), self._take, self._on_failed)

    def clear(self) -> None:
        """What was read is of no trace that is open."""
        self._background.drop()
        self._take(Flows([], []))

    def shut_down(self) -> None:
        """Wait for what is being read."""
        self._background.shut_down()

    def _take(self, flows: Flows, text: str = "") -> None:
        self.points, self.others, self.text = flows.points, flows.others, text
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self._take(Flows([], []), f"The sizes of the gradients cannot be read: {error}")


def _read(trace: Trace, others: list[tuple[int, Trace]]) -> Flows:
    return Flows(
        flow_of(trace), [(step, {point.name: point.size for point in flow_of(other)}) for step, other in others]
    )
