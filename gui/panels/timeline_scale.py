"""Where the events of a trace lie on the timeline: operations, backward steps, updates; module bands; zoom."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.graph.model import Node, ScopePath
from engine.graph.timeline import Phase, Timeline, Update, why_no_update
from engine.graph.trace import BackwardStep, Trace

MARGIN_PX = 12.0
GAP_PX = 20.0
SEGMENT_GAP_PX = 8.0
LONGEST_SEGMENT_PX = 160.0
TAIL_PX = 84.0
"""Room for the words that stand where updates would be."""


class Band(NamedTuple):
    """Neighbouring events `first` to `last` (both included) of one module."""

    first: int
    last: int
    name: str


class Events:
    """The events of a trace in order: `forward` operations, `backward` steps, `updates`; counted on from 0."""

    def __init__(self, trace: Trace | None, timeline: Timeline | None = None) -> None:
        self.timeline = timeline or (None if trace is None else Timeline(trace))
        found = self.timeline
        self.forward: list[Node] = [] if found is None else found.forward
        self.backward: list[BackwardStep] = [] if found is None else found.backward
        self.updates: list[Update] = [] if found is None else found.updates
        self.why_no_update = "" if trace is None or found is None else why_no_update(trace)
        shared = _common_length([node.scope for node in self.forward])
        scopes = [node.scope for node in self.forward] + [step.node.scope for step in self.backward]
        self.bands = _bands(scopes, shared, len(self.forward))
        self.band_ends = np.array([band[:2] for band in self.bands], dtype=np.int64).reshape(-1, 2)
        """(bands, 2) first and last event of each band."""
        places = [len(self.forward) + step.index for step in self.backward if is_accumulation(step.node)]
        self.accumulations = np.array(places, dtype=np.int64)

    def __len__(self) -> int:
        return 0 if self.timeline is None else len(self.timeline)

    def position_after(self, event: int) -> int:
        """The position at which an event has just happened."""
        return event - len(self.forward) + 1

    def event_at(self, position: int) -> int:
        """The event that happened last at a position; -1 before the first."""
        return position + len(self.forward) - 1

    def phase(self, event: int) -> Phase:
        if event < len(self.forward):
            return Phase.FORWARD
        return Phase.BACKWARD if event < len(self.forward) + len(self.backward) else Phase.UPDATE

    def label(self, event: int) -> str:
        """What a segment says: "matmul", "w.grad +=", "w −="."""
        phase = self.phase(event)
        if phase is Phase.FORWARD:
            return self.forward[event].label
        event -= len(self.forward)
        if phase is Phase.UPDATE:
            return f"{_leaf_name(self.updates[event - len(self.backward)].node)} updated"
        node = self.backward[event].node
        return f"{_leaf_name(node)}.grad +=" if is_accumulation(node) else node.label


def shorter(label: str) -> str:
    """The same with less: a leaf's name alone, which the segment's colour tells from an operation's."""
    return label.removesuffix(".grad +=").removesuffix(" updated")


def is_accumulation(node: Node) -> bool:
    """Whether a node's backward step adds to a leaf's `.grad`."""
    return node.grad_fn == "AccumulateGrad" or node.kind == "leaf"


def _leaf_name(node: Node) -> str:
    return node.name.rsplit(".", 2)[-1] if node.name else "leaf"


def _common_length(scopes: Sequence[ScopePath]) -> int:
    """How many outer modules all operations inside modules share: they would make one band over everything."""
    inside = [scope for scope in scopes if scope]
    if not inside:
        return 0
    length = min(len(scope) for scope in inside)
    for level in range(length):
        if len({scope[level] for scope in inside}) > 1:
            return level
    return length


def _bands(scopes: Sequence[ScopePath], shared: int, forward: int) -> list[Band]:
    names = [scope[shared] if len(scope) > shared else "" for scope in scopes]
    if not any(names):
        return []
    starts = [event for event, name in enumerate(names) if event in (0, forward) or name != names[event - 1]]
    return [Band(first, end - 1, names[first]) for first, end in pairwise([*starts, len(names)])]


class Scale:
    """Maps events to pixels; `zoom` 1 fits everything, `scroll_px` is how far the view is moved to the right.

    Of `count` events the first `forward` are of the forward pass and the last `updates` are updates; there is a gap
    before each phase. `has_tail` leaves room behind the last one.
    """

    def __init__(self) -> None:
        self.forward = 0
        self.updates = 0
        self.count = 0
        self.has_tail = False
        self.width = 100.0
        self.zoom = 1.0
        self.scroll_px = 0.0

    @property
    def _phases(self) -> list[tuple[int, int]]:
        """First event of each phase that has any, and the one after its last."""
        borders = (0, self.forward, self.count - self.updates, self.count)
        return [(first, end) for first, end in pairwise(borders) if first < end]

    @property
    def _room_px(self) -> float:
        gaps = GAP_PX * (2 if self.updates else 1)
        return max(self.width - 2 * MARGIN_PX - gaps - self._tail_px, 1.0)

    @property
    def _tail_px(self) -> float:
        return TAIL_PX + GAP_PX if self.has_tail else 0.0

    @property
    def unit_px(self) -> float:
        """Width of one event with the space after it."""
        fitting = self._room_px / max(self.count, 1)
        return min(fitting, LONGEST_SEGMENT_PX) * self.zoom

    @property
    def space_px(self) -> float:
        """Space between two segments: none where they are too narrow to be told apart."""
        unit = self.unit_px
        return SEGMENT_GAP_PX if unit >= 48 else max(1.0, unit / 8) if unit >= 5 else 0.0

    def _gap_px(self, event: int) -> float:
        """Space that the borders between phases take before an event."""
        gap = GAP_PX if 0 < self.forward < self.count and event >= self.forward else 0.0
        border = self.count - self.updates
        return gap + (GAP_PX if self.updates and 0 < border <= event and border != self.forward else 0.0)

    @property
    def content_px(self) -> float:
        return 2 * MARGIN_PX + self._gap_px(self.count) + self.count * self.unit_px + self._tail_px

    @property
    def highest_zoom(self) -> float:
        """At which one segment is as wide as it gets."""
        return max(1.0, LONGEST_SEGMENT_PX / min(self._room_px / max(self.count, 1), LONGEST_SEGMENT_PX))

    def left(self, event: int) -> float:
        """Left end of an event; `count` gives the right end of the last."""
        return MARGIN_PX + self._gap_px(event) + event * self.unit_px - self.scroll_px

    def lefts(self, events: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """`left` of many events at once."""
        places = np.asarray(MARGIN_PX - self.scroll_px + events * self.unit_px, dtype=np.float64)
        for border in {self.forward, self.count - self.updates}:
            if 0 < border < self.count:
                places[events >= border] += GAP_PX
        return places

    def right(self, event: int) -> float:
        """Right end of an event's segment, without the space after it."""
        return self.left(event) + max(self.unit_px - self.space_px, 1.0)

    def event_at(self, x: float) -> int:
        """The event under x, or the nearest one; -1 where there is none at all."""
        found = -1
        for first, end in self._phases:
            left = self.left(first)
            if found >= 0 and x < left - GAP_PX / 2:
                break
            found = max(first, min(first + int((x - left) / self.unit_px), end - 1))
        return found

    def cursor_x(self, position: int) -> float:
        """Where the cursor stands after `position` backward steps (below zero: before the end of the forward pass)."""
        if not self.count:
            return MARGIN_PX
        event = position + self.forward - 1
        if event < 0:
            return self.left(0) - 4.0
        if position == 0 and self.forward < self.count - self.updates:
            return self.left(self.forward) - 4.0
        return self.right(min(event, self.count - 1)) + min(2.0, self.space_px)

    def zoom_about(self, x: float, factor: float) -> None:
        """Zoom so that what is at x stays there."""
        event = max(self.event_at(x), 0)
        part = (x - self.left(event)) / self.unit_px
        self.zoom = max(1.0, min(self.zoom * factor, self.highest_zoom))
        self.scroll_px += self.left(event) + part * self.unit_px - x
        self.clamp()

    def clamp(self) -> None:
        """Bring zoom and scroll back to where there is something to see."""
        self.zoom = max(1.0, min(self.zoom, self.highest_zoom))
        self.scroll_px = max(0.0, min(self.scroll_px, self.content_px - self.width))

    def reset(self) -> None:
        self.zoom, self.scroll_px = 1.0, 0.0

    def visible(self) -> range:
        """Events of which something can be seen."""
        if not self.count:
            return range(0)
        return range(self.event_at(0.0), self.event_at(self.width) + 1)
