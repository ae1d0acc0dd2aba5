"""The texts of module and function calls, folded or open: what is inside, what comes out, what gradient passes."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.graph.drawing import Item
from engine.graph.model import ScopePath
from engine.graph.numbers import format_number, format_shape
from engine.graph.stepper import NodeState, Stepper
from engine.graph.trace import Trace

from .fonts import Face, Fonts, plain
from .wording import is_function, own_name, short_count

PADDING = 12.0
GAP = 6.0
COLUMN_GAP = 16.0
GROUP_HEIGHT = 80.0
FUNCTION_HEIGHT = 56.0
TITLE_BAR = 32.0
STACK = 8.0
"""Of a run of repeated calls the card in front is so much smaller: the others show behind it."""
CHEVRON = 20.0
"""Room for the chevron, or for a function's mark, and the gap behind it."""
LONGEST_FLOW = "‖∂‖ 0.0012 → 0.0012"
_STILL_TO_COME = (NodeState.WAITING, NodeState.READY, NodeState.ABSENT, NodeState.COMPUTED)


class Run(NamedTuple):
    """One text at its place: `x` and baseline `y` relative to the box; `colour` names a field of the theme."""

    text: str
    x: float
    y: float
    face: Face
    colour: str


class GroupLabels:
    """Texts of the groups of one trace."""

    def __init__(self, trace: Trace, fonts: Fonts) -> None:
        self._trace = trace
        self._fonts = fonts
        self._is_op = np.array([node.kind == "op" for node in trace.graph.nodes], dtype=bool)

    def size(self, item: Item) -> tuple[float, float]:
        """Width and height of a folded group's box; of an open one the least width and its title bar's height."""
        width = self._fonts.width
        name, module, note = self.names(item)
        first = CHEVRON + width(name, Face.TITLE) + (GAP + width(module, Face.LABEL) if module else 0)
        first += COLUMN_GAP + width(note, Face.SMALL_BOLD) if note else 0
        if not item.is_folded:
            return snapped(first + 2 * PADDING, 96, 320), TITLE_BAR
        shape = width(self._shape(item), Face.MONO_SMALL)
        flow = width(LONGEST_FLOW, Face.MONO_SMALL)
        if is_function(item.scope):
            return snapped(max(first, shape + COLUMN_GAP + flow) + 2 * PADDING, 168, 344), FUNCTION_HEIGHT
        second = width(self._contents(item), Face.SMALL) + COLUMN_GAP + shape
        stack = STACK if item.repeats > 1 else 0.0
        return snapped(max(first, second, flow) + 2 * PADDING + stack, 168, 344), GROUP_HEIGHT + stack

    def runs(self, item: Item, width: float, stepper: Stepper) -> tuple[Run, ...]:
        """The texts of a group in a box of this width, at the stepper's position."""
        stack = STACK if item.repeats > 1 else 0.0
        fonts, right = self._fonts, width - PADDING - stack
        first = (23.0 + stack) if item.is_folded else 21.0
        runs: list[Run] = []
        name, module, note = self.names(item)
        limit = right
        if note:
            limit = self._push_right(runs, note, right, first, Face.SMALL_BOLD, "muted") - 8
        x = PADDING + CHEVRON
        name = fonts.elide(name, Face.TITLE, limit - x)
        runs.append(Run(name, x, first, Face.TITLE, "text"))
        x += fonts.width(name, Face.TITLE) + GAP
        runs.append(Run(fonts.elide(module, Face.LABEL, limit - x), x, first, Face.LABEL, "muted"))
        if item.is_folded and is_function(item.scope):
            self._add_shape_and_flow(runs, item, right, stepper)
        elif item.is_folded:
            second, third = 43.0 + stack, 62.0 + stack
            limit = right
            shape = self._shape(item)
            if shape:
                limit = self._push_right(runs, shape, right, second, Face.MONO_SMALL, "muted") - 8
            contents = fonts.elide(self._contents(item), Face.SMALL, limit - PADDING)
            runs.append(Run(contents, PADDING, second, Face.SMALL, "muted"))
            flow = fonts.elide(self._flow(item, stepper), Face.MONO_SMALL, right - PADDING)
            runs.append(Run(flow, PADDING, third, Face.MONO_SMALL, "accent"))
        return tuple(run for run in runs if run.text)

    def _add_shape_and_flow(self, runs: list[Run], item: Item, right: float, stepper: Stepper) -> None:
        limit, second = right, 43.0
        flow = self._flow(item, stepper)
        if flow:
            limit = self._push_right(runs, flow, right, second, Face.MONO_SMALL, "accent") - 8
        shape = self._fonts.elide(self._shape(item), Face.MONO_SMALL, limit - PADDING)
        runs.append(Run(shape, PADDING, second, Face.MONO_SMALL, "muted"))

    def _push_right(self, runs: list[Run], text: str, right: float, y: float, face: Face, colour: str) -> float:
        """Append a text that ends at `right`; returns where it begins."""
        text = self._fonts.elide(text, face, right - PADDING)
        x = right - self._fonts.width(text, face)
        runs.append(Run(text, x, y, face, colour))
        return x

    # ----- words

    def names(self, item: Item) -> tuple[str, str, str]:
        """Last part of a group's path, its class, how often it repeats; all classes where different calls repeat."""
        name = own_name(item.scope) or "model"
        if is_function(item.scope):
            return name, "", self._contents(item) if item.is_folded else ""
        if item.repeats == 1 or not item.members:
            return name, self._class(item.scope), ""
        depth, nodes = len(item.scope), self._trace.graph.nodes
        calls = list(dict.fromkeys(nodes[member].scope[:depth] for member in item.members))
        classes = dict.fromkeys(self._class(path) for path in calls[: item.period])
        last = own_name(nodes[item.members[-1]].scope[:depth])
        span = name if last == name else f"{name} – {last}"
        return span, ", ".join(filter(None, classes)), f"×{item.repeats}"

    def _class(self, path: ScopePath) -> str:
        scope = self._trace.graph.scopes.get(path)
        return "" if scope is None else plain(scope.module.rsplit(".", 1)[-1])

    def _contents(self, item: Item) -> str:
        ops = int(self._is_op[np.array(item.members, dtype=np.int64)].sum())
        text = f"{ops} op" if ops == 1 else f"{ops} ops"
        parameters = self._parameters(item)
        if parameters:
            text += f" · {short_count(parameters)} parameters"
        return text

    def _parameters(self, item: Item) -> int:
        """How many parameters the calls behind a folded group hold."""
        nodes, scopes = self._trace.graph.nodes, self._trace.graph.scopes
        paths = {item.scope}
        if item.repeats > 1:
            paths = {nodes[member].scope[: len(item.scope)] for member in item.members}
        return sum(scopes[path].parameters for path in paths if path in scopes)

    def _shape(self, item: Item) -> str:
        nodes = self._trace.graph.nodes
        for member in reversed(item.members):
            if nodes[member].kind == "op" and nodes[member].outputs:
                return format_shape(nodes[member].outputs[0].shape)
        return ""

    def _flow(self, item: Item, stepper: Stepper) -> str:
        """Norms of the gradients that came into a group and that it handed on, once it has both."""
        members = np.array(item.members, dtype=np.int64)
        states = stepper.states[members]
        ops = states[self._is_op[members]]
        if not len(ops) or (states == NodeState.CURRENT).any() or np.isin(ops, _STILL_TO_COME).any():
            return ""
        entering, leaving = self._norms(item)
        if entering is None:
            return ""
        text = f"‖∂‖ {format_number(entering, 2)}"
        return text if leaving is None else f"{text} → {format_number(leaving, 2)}"

    def _norms(self, item: Item) -> tuple[float | None, float | None]:
        """Norm of all gradients at outputs that others use, and of all that went to operations outside."""
        trace, members = self._trace, set(item.members)
        entering: list[float] = []
        leaving: list[float] = []
        roots = set(trace.roots)
        for member in item.members:
            step = trace.step_of(member)
            if step is None:
                continue
            used = {edge.output_nr for edge in trace.graph.outgoing(member) if edge.target not in members}
            for output, info in enumerate(step.grad_outputs):
                is_out = output in used or (member, output) in roots
                if is_out and info is not None and info.summary is not None:
                    entering.append(info.summary.norm)
            for edge in trace.graph.incoming(member):
                if edge.source in members or edge.grad_index is None or edge.grad_index >= len(step.grad_inputs):
                    continue
                given = step.grad_inputs[edge.grad_index]
                is_op = trace.graph.nodes[edge.source].kind == "op"
                if is_op and given is not None and given.summary is not None:
                    leaving.append(given.summary.norm)
        return (math.hypot(*entering) if entering else None), (math.hypot(*leaving) if leaving else None)


def snapped(width: float, least: float, most: float) -> float:
    """A width on the 8 px grid: equal widths line up, and share their sprites."""
    return min(max(math.ceil(width / 8) * 8.0, least), most)
