"""Where the events of a trace lie on the timeline: operations, then backward steps; module bands; zoom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.graph.model import Node, ScopePath
from engine.graph.trace import BackwardStep, Trace

MARGIN_PX = 12.0
GAP_PX = 20.0
SEGMENT_GAP_PX = 8.0
LONGEST_SEGMENT_PX = 160.0


class Band(NamedTuple):
    """Neighbouring events `first` to `last` (both included) of one module."""

    first: int
    last: int
    name: str


class Events:
    """The events of a trace in order: `forward` operations, then `backward` steps; both are counted on from 0."""

    def __init__(self, trace: Trace | None) -> None:
        self.forward: list[Node] = [] if trace is None else [node for node in trace.graph.nodes if node.kind == "op"]
        self.backward: list[BackwardStep] = [] if trace is None else trace.backward
        shared = _common_length([node.scope for node in self.forward])
        scopes = [node.scope for node in self.forward] + [step.node.scope for step in self.backward]
        self.bands = _bands(scopes, shared, len(self.forward))

    def __len__(self) -> int:
        return len(self.forward) + len(self.backward)

    def label(self, event: int) -> str:
        """What a segment says: "matmul", "w.grad +="."""
        if event < len(self.forward):
            return self.forward[event].label
        node = self.backward[event - len(self.forward)].node
        if node.grad_fn == "AccumulateGrad" or node.kind == "leaf":
            return f"{node.name.rsplit('.', 2)[-1] if node.name else 'leaf'}.grad +="
        return node.label


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
    bands: list[Band] = []
    for event, scope in enumerate(scopes):
        name = scope[shared] if len(scope) > shared else ""
        if bands and bands[-1].name == name and event != forward:
            bands[-1] = bands[-1]._replace(last=event)
        else:
            bands.append(Band(event, event, name))
    return bands if any(band.name for band in bands) else []


class Scale:
    """Maps events to pixels; `zoom` 1 fits everything, `scroll_px` is how far the view is moved to the right."""

    def __init__(self) -> None:
        self.forward = 0
        self.count = 0
        self.width = 100.0
        self.zoom = 1.0
        self.scroll_px = 0.0

    @property
    def unit_px(self) -> float:
        """Width of one event with the space after it."""
        room = max(self.width - 2 * MARGIN_PX - GAP_PX, 1.0)
        fitting = room / max(self.count, 1)
        return min(fitting, LONGEST_SEGMENT_PX) * self.zoom

    @property
    def space_px(self) -> float:
        """Space between two segments: none where they are too narrow to be told apart."""
        unit = self.unit_px
        return SEGMENT_GAP_PX if unit >= 48 else max(1.0, unit / 8) if unit >= 5 else 0.0

    @property
    def _gap_px(self) -> float:
        return GAP_PX if 0 < self.forward < self.count else 0.0

    @property
    def content_px(self) -> float:
        return 2 * MARGIN_PX + self._gap_px + self.count * self.unit_px

    @property
    def highest_zoom(self) -> float:
        """At which one segment is as wide as it gets."""
        room = max(self.width - 2 * MARGIN_PX - GAP_PX, 1.0)
        return max(1.0, LONGEST_SEGMENT_PX / min(room / max(self.count, 1), LONGEST_SEGMENT_PX))

    def left(self, event: int) -> float:
        """Left end of an event; `count` gives the right end of the last."""
        gap = self._gap_px if event >= self.forward else 0.0
        return MARGIN_PX + gap + event * self.unit_px - self.scroll_px

    def right(self, event: int) -> float:
        """Right end of an event's segment, without the space after it."""
        return self.left(event) + max(self.unit_px - self.space_px, 1.0)

    def event_at(self, x: float) -> int:
        """The event under x, or the nearest one; -1 where there is none at all."""
        if not self.count:
            return -1
        place = (x + self.scroll_px - MARGIN_PX) / self.unit_px
        if place >= self.forward and self._gap_px:
            boundary = self.left(self.forward)
            if x < boundary:
                middle = boundary - self._gap_px / 2
                return self.forward - 1 if x < middle else self.forward
            place = (x - boundary) / self.unit_px + self.forward
        return max(0, min(int(place), self.count - 1))

    def cursor_x(self, position: int) -> float:
        """Where the cursor stands after `position` backward steps."""
        if self.count == self.forward:
            return self.right(self.count - 1) if self.count else MARGIN_PX
        if position <= 0:
            return self.left(self.forward) - min(4.0, self._gap_px / 2)
        return self.right(self.forward + position - 1) + min(2.0, self.space_px)

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
