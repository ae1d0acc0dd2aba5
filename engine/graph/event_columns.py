"""What is known of every event of a training step, as columns, so that a condition is tested on all of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from .model import Node, TensorInfo
from .summary import Summary
from .timeline import Timeline
from .trace import Trace

Numbers = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Subject = Literal["value", "grad", "grad_input", "update", "any"]
Infos = Sequence[TensorInfo | None]


def _least(first: float, second: float) -> float:
    return second if math.isnan(first) else first if math.isnan(second) else min(first, second)


def _largest(first: float, second: float) -> float:
    return second if math.isnan(first) else first if math.isnan(second) else max(first, second)


def _first(first: float, _second: float) -> float:
    return first


STATISTICS: dict[str, tuple[Callable[[Summary], float], Callable[[float, float], float]]] = {
    "norm": (lambda s: _bound(s.norm), _largest),
    "min": (lambda s: s.min, _least),
    "max": (lambda s: s.max, _largest),
    "mean": (lambda s: s.mean, _first),
    "std": (lambda s: s.std, _largest),
    "absmax": (lambda s: max(abs(s.min), abs(s.max)), _largest),
    "zeros": (lambda s: float(s.zeros), _largest),
    "nan": (lambda s: float(s.nan), _largest),
    "inf": (lambda s: float(s.inf), _largest),
    "nonfinite": (lambda s: float(s.nan + s.inf), _largest),
    "vanished": (lambda s: float(0 < s.count == s.zeros), _largest),
}
"""What a number is taken of, and how those of several tensors become one. A norm that is no number counts as infinite,
so that it is larger than any bound; every other NaN means that nothing can be said.
"""


class EventColumns:
    """Columns over the events of a trace, each worked out when it is first asked for, then kept.

    A node's value is known from its forward operation on, its gradient at its backward step and at its update. What is
    not known is NaN in a column of numbers and False in one of truths.
    """

    def __init__(self, trace: Trace, timeline: Timeline | None = None) -> None:
        self.trace = trace
        self.timeline = timeline or Timeline(trace)
        self._nodes = self.timeline.nodes
        self._numbers: dict[tuple[Subject, str], Numbers] = {}
        self._forms: dict[str, Numbers] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def number(self, subject: Subject, statistic: str) -> Numbers:
        """A statistic (see `STATISTICS`) of a tensor at each event; of the largest where there are several.

        "any" is the value in the forward pass, and whatever comes in or goes out in the backward pass.
        """
        found = self._numbers.get((subject, statistic))
        if found is None:
            found = self._numbers[subject, statistic] = self._work_out(subject, statistic)
        return found

    def _work_out(self, subject: Subject, statistic: str) -> Numbers:
        forward, steps = len(self.timeline.forward), self.trace.backward
        column = np.full(len(self), np.nan)
        if subject == "value":
            outputs = [node.outputs for node in self.trace.graph.nodes]
            return _column(outputs, statistic)[self._nodes] if outputs else column
        if subject == "update":
            if statistic == "norm":
                amounts = [math.nan if u.amount is None else _bound(u.amount) for u in self.timeline.updates]
                column[forward + len(steps) :] = amounts
            return column
        if subject == "any":
            column[:forward] = self.number("value", statistic)[:forward]
            both = np.fmax(self.number("grad", statistic), self.number("grad_input", statistic))
            column[forward:] = both[forward:]
            return column
        of_steps = _column([s.grad_outputs if subject == "grad" else s.grad_inputs for s in steps], statistic)
        column[forward : forward + len(steps)] = of_steps
        for place, update in enumerate(self.timeline.updates, start=forward + len(steps)):
            step = self.trace.step_of(update.node)
            if step is not None:
                column[place] = of_steps[step.index]
        return column

    def ratio(self) -> Numbers:
        """The norm of the gradient divided by that of the value."""
        value = self.number("value", "norm")
        with np.errstate(all="ignore"):
            return np.where(np.isfinite(value) & (value > 0), self.number("grad", "norm") / value, np.nan)

    def form(self, name: str) -> Numbers:
        """ "numel", "ndim" or "line" of each event's node; "step" is the position at which the event has happened."""
        found = self._forms.get(name)
        if found is None:
            nodes = self.trace.graph.nodes
            if name == "step":
                found = np.arange(1, len(self) + 1, dtype=np.float64) - len(self.timeline.forward)
            elif name == "line":
                found = self._of_nodes([math.nan if n.source is None else n.source.line for n in nodes])
            elif name == "numel":
                found = self._of_nodes([max((i.numel for i in n.outputs), default=math.nan) for n in nodes])
            else:
                found = self._of_nodes([max((len(i.shape) for i in n.outputs), default=math.nan) for n in nodes])
            self._forms[name] = found
        return found

    def _of_nodes(self, values: Iterable[float]) -> Numbers:
        return np.array([*values, math.nan], dtype=np.float64)[self._nodes]

    def of_nodes(self, test: Callable[[Node], bool]) -> Bools:
        """Whether each event's node passes a test; the test is run once for each node."""
        passed = np.array([*(test(node) for node in self.trace.graph.nodes), False], dtype=bool)
        return passed[self._nodes]

    def phase(self, name: str) -> Bools:
        """Whether an event belongs to the "forward" or "backward" pass, or is an "update"."""
        forward, steps = len(self.timeline.forward), len(self.trace.backward)
        bounds = {
            "forward": (0, forward),
            "backward": (forward, forward + steps),
            "update": (forward + steps, len(self)),
        }
        column = np.zeros(len(self), dtype=bool)
        first, end = bounds[name]
        column[first:end] = True
        return column


def _bound(norm: float) -> float:
    """A norm that is no number is larger than any."""
    return norm if math.isfinite(norm) else math.inf


def _statistic(info: TensorInfo, statistic: str, take: Callable[[Summary], float]) -> float:
    """One number of a tensor; where no summary was recorded, without making a whole one."""
    direct = _DIRECT.get(statistic)
    if direct is not None and info.recorded_summary is None and info.array is not None:
        array = info.array
        values = (np.abs(array) if array.dtype.kind == "c" else array).ravel().astype(np.float64)
        return direct(values)
    summary = info.summary
    return math.nan if summary is None else take(summary)


_DIRECT: dict[str, Callable[[Numbers], float]] = {
    "norm": lambda a: _bound(math.sqrt(float(np.dot(a, a)))),
    "zeros": lambda a: float(a.size - np.count_nonzero(a)),
    "nan": lambda a: float(np.count_nonzero(np.isnan(a))),
    "inf": lambda a: float(np.count_nonzero(np.isinf(a))),
    "nonfinite": lambda a: float(a.size - np.count_nonzero(np.isfinite(a))),
    "vanished": lambda a: float(a.size > 0 and not a.any()),
}


def _column(rows: Sequence[Infos], statistic: str) -> Numbers:
    take, combine = STATISTICS[statistic]
    column = np.full(len(rows), np.nan)
    for place, infos in enumerate(rows):
        found = math.nan
        for info in infos:
            number = math.nan if info is None else _statistic(info, statistic, take)
            found = number if math.isnan(found) else combine(found, number)
        column[place] = found
    return column
