"""The texts of cards, pills, chips and groups: what they say, where each text stands, and the size a box needs."""

from __future__ import annotations

from engine.graph.drawing import Item
from engine.graph.model import Node, ScopePath
from engine.graph.numbers import format_number, format_shape
from engine.graph.stepper import NodeState, Stepper
from engine.graph.timeline import Update
from engine.graph.trace import Trace

from .fonts import Face, Fonts, plain
from .group_labels import COLUMN_GAP, GAP, PADDING, GroupLabels, Run, snapped
from .wording import name_inside, norm_text, scalar_text

CARD_HEIGHT = 52.0
PILL_HEIGHT = 48.0
CHIP_HEIGHT = 28.0
LEAST_WIDTH = 136.0
MOST_WIDTH = 304.0
_ROOMY = "-0.88888 · grad -0.88888"
"""A scalar leaf has room for other numbers than it has now: they can be edited."""
STATE_WORDS = {
    NodeState.WAITING: "waiting",
    NodeState.READY: "ready",
    NodeState.CURRENT: "here",
    NodeState.DONE: "done",
    NodeState.ABSENT: "to run",
    NodeState.COMPUTED: "here",
    NodeState.UPDATED: "updated",
}


class Labels:
    """Texts of the items of one trace."""

    def __init__(self, trace: Trace, fonts: Fonts) -> None:
        self.trace = trace
        self.fonts = fonts
        self._groups = GroupLabels(trace, fonts)
        self._roots = {node for node, _ in trace.roots}
        name = trace.graph.nodes[trace.roots[0][0]].name if trace.roots else None
        self._loss = name if name is not None and name.isidentifier() and len(name) <= 4 else "L"

    # ----- sizes

    def sizes(self, item: Item) -> tuple[float, float]:
        """Width and height of an item's box in scene units, wide enough for every text it will ever show."""
        if item.kind == "group" or item.node is None:
            return self._groups.size(item)
        node = self.trace.graph.nodes[item.node]
        if item.kind == "chip":
            rows = [self._chip_row(node, item.scope, is_reached=final) for final in (False, True)]
            return snapped(max(map(self._row_width, rows)) + 2 * PADDING, 64, 240), CHIP_HEIGHT
        if node.kind != "op":
            first = self.fonts.width(self.title(node, item.scope), Face.TITLE)
            second = max(self._row_width(self._pill_row(node, final)) for final in (False, True))
            if node.kind == "leaf" and self._is_scalar(node):
                second = max(second, self.fonts.width(_ROOMY, Face.MONO_SMALL))
            return snapped(max(first, second) + 2 * PADDING + 8, 112, MOST_WIDTH), PILL_HEIGHT
        width = self.fonts.width
        title, label = self._names(node, item.scope)
        value = self._value(node)
        first = width(title, Face.TITLE) + (GAP + width(label, Face.LABEL) if label else 0)
        left = width(value or "", Face.MONO) if self._is_loss(node) else self._second_width(node)
        if value and not self._is_loss(node):
            first += COLUMN_GAP + width(value, Face.MONO)
        second = left + COLUMN_GAP + width(self._gradient(node), Face.MONO_SMALL)
        return snapped(max(first, second) + 2 * PADDING, LEAST_WIDTH, MOST_WIDTH), CARD_HEIGHT

    def _second_width(self, node: Node) -> float:
        if self._is_scalar(node):
            return self.fonts.width("waiting", Face.SMALL)
        return self.fonts.width(self._shape(node), Face.MONO_SMALL)

    def _row_width(self, row: list[tuple[str, Face, str]]) -> float:
        return sum(self.fonts.width(text, face) for text, face, _ in row)

    # ----- texts at a position

    def runs(self, item: Item, width: float, height: float, stepper: Stepper) -> tuple[Run, ...]:
        """The texts of an item in a box of this size, at the stepper's position."""
        if item.kind == "group" or item.node is None:
            return self._groups.runs(item, width, stepper)
        node = self.trace.graph.nodes[item.node]
        state = NodeState(int(stepper.states[node.id]))
        is_reached = state in {NodeState.CURRENT, NodeState.DONE, NodeState.UPDATED}
        update = next(iter(stepper.updates(node)[-1:]), None) if node.kind == "leaf" else None
        if item.kind == "chip":
            row = self._chip_row(node, item.scope, is_reached=is_reached, update=update)
            return self._centred(row, width, height / 2 + 4.5)
        if node.kind != "op":
            title = self.fonts.elide(self.title(node, item.scope), Face.TITLE, width - 2 * PADDING, is_left=True)
            first = self._centred([(title, Face.TITLE, "text")], width, height / 2 - 3)
            return first + self._centred(self._pill_row(node, is_reached, update), width, height / 2 + 15)
        return self._op_runs(node, item.scope, state, is_reached, width)

    def _op_runs(
        self, node: Node, scope: ScopePath, state: NodeState, is_reached: bool, width: float
    ) -> tuple[Run, ...]:
        fonts, right = self.fonts, width - PADDING
        runs: list[Run] = []
        value = self._value(node) if state is not NodeState.ABSENT else None
        first, second = 22.0, 41.0
        limit = right
        if value and not self._is_loss(node):
            limit = self._push_right(runs, value, right, first, Face.MONO, "data") - 8
        title, label = self._names(node, scope)
        title = fonts.elide(title, Face.TITLE, limit - PADDING, is_left="." in title)
        runs.append(Run(title, PADDING, first, Face.TITLE, "muted" if state is NodeState.ABSENT else "text"))
        x = PADDING + fonts.width(title, Face.TITLE) + GAP
        label = fonts.elide(label, Face.LABEL, limit - x)
        if label:
            runs.append(Run(label, x, first, Face.LABEL, "muted"))
        limit = right
        if is_reached:
            limit = self._push_right(runs, self._gradient(node), right, second, Face.MONO_SMALL, "accent") - 8
        if self._is_loss(node) and value:
            runs.append(Run(fonts.elide(value, Face.MONO, limit - PADDING), PADDING, second, Face.MONO, "data"))
        elif self._is_scalar(node) and state != NodeState.IDLE:
            word = STATE_WORDS[state]
            here = {NodeState.CURRENT: "accent", NodeState.COMPUTED: "data"}.get(state)
            face, colour = (Face.SMALL_BOLD, here) if here is not None else (Face.SMALL, "muted")
            runs.append(Run(fonts.elide(word, face, limit - PADDING), PADDING, second, face, colour))
        else:
            shape = fonts.elide(self._shape(node), Face.MONO_SMALL, limit - PADDING)
            runs.append(Run(shape, PADDING, second, Face.MONO_SMALL, "muted"))
        return tuple(run for run in runs if run.text)

    def _push_right(self, runs: list[Run], text: str, right: float, y: float, face: Face, colour: str) -> float:
        """Append a text that ends at `right`; returns where it begins."""
        text = self.fonts.elide(text, face, right - PADDING)
        x = right - self.fonts.width(text, face)
        runs.append(Run(text, x, y, face, colour))
        return x

    def _centred(self, row: list[tuple[str, Face, str]], width: float, y: float) -> tuple[Run, ...]:
        """A row of texts in the middle of the box; what does not fit loses its end."""
        room = width - 2 * PADDING
        x = max(PADDING, (width - self._row_width(row)) / 2)
        runs: list[Run] = []
        for text, face, colour in row:
            shown = self.fonts.elide(text, face, PADDING + room - x + 0.5)
            if shown:
                runs.append(Run(shown, x, y, face, colour))
            x += self.fonts.width(shown, face)
        return tuple(runs)

    # ----- words

    def title(self, node: Node, scope: ScopePath = ()) -> str:
        """The variable's name, else the operation or the kind of tensor; inside a module without the module's path."""
        return plain(name_inside(node.name or node.label, scope))

    def _names(self, node: Node, scope: ScopePath) -> tuple[str, str]:
        return (self.title(node, scope), plain(node.label)) if node.name else (plain(node.label), "")

    def group_names(self, item: Item) -> tuple[str, str, str]:
        """Last part of a group's path, its class, and how often it repeats."""
        return self._groups.names(item)

    def _is_loss(self, node: Node) -> bool:
        return node.id in self._roots

    def _is_scalar(self, node: Node) -> bool:
        return bool(node.outputs) and node.outputs[0].numel == 1

    def _shape(self, node: Node) -> str:
        if not node.outputs:
            return "no output"
        text = format_shape(node.outputs[0].shape)
        return text if len(node.outputs) == 1 else f"{text}  +{len(node.outputs) - 1}"

    def _value(self, node: Node) -> str | None:
        return scalar_text(node.outputs[0]) if self._is_scalar(node) else None

    def _gradient(self, node: Node) -> str:
        """The gradient that the whole backward pass brings to a node, in a few characters."""
        for output in range(len(node.outputs)):
            info = self.trace.grad_info(node.id, output)
            if info is None:
                continue
            if info.numel != 1:
                return norm_text("‖∂‖", info)
            what = f"∂{self._loss}/∂{node.name}" if node.name and len(node.name) <= 8 else "grad"
            number = scalar_text(info)
            return f"{plain(what)} {number}" if number else ""
        return ""

    def _leaf_grad(self, node: Node, is_reached: bool) -> tuple[str, str]:
        """What a leaf's `.grad` holds, and its colour."""
        step = self.trace.step_of(node.id)
        info = None
        if step is not None:
            after = step.grad_after or (step.grad_outputs[0] if step.grad_outputs else None)
            info = after if is_reached else step.grad_before
        if info is None:
            return "grad None", "leaf"
        colour = "accent" if is_reached else "leaf"
        number = scalar_text(info)
        text = norm_text("‖grad‖", info) if info.numel != 1 else f"grad {number}" if number else ""
        return text or "has grad", colour

    def _pill_row(self, node: Node, is_reached: bool, update: Update | None = None) -> list[tuple[str, Face, str]]:
        value = self._value(node) if update is None else self._value_after(update)
        form = (value, Face.MONO_SMALL, "data") if value else (self._shape(node), Face.MONO_SMALL, "muted")
        if update is not None:
            return [form, (" · ", Face.SMALL, "muted"), (_change(update), Face.MONO_SMALL, "leaf")]
        if node.kind == "leaf":
            grad, colour = self._leaf_grad(node, is_reached)
            return [form, (" · ", Face.SMALL, "muted"), (grad, Face.MONO_SMALL, colour)]
        return [form, (" · ", Face.SMALL, "muted"), (node.kind, Face.SMALL, "muted")] if node.name else [form]

    def _value_after(self, update: Update) -> str | None:
        """The number that an update left, of a leaf that is a number."""
        return scalar_text(update.after) if self._is_scalar(update.node) else None

    def _chip_row(
        self, node: Node, scope: ScopePath, *, is_reached: bool, update: Update | None = None
    ) -> list[tuple[str, Face, str]]:
        value = self._value(node)
        detail, colour = (value, "data") if value else (self._shape(node), "muted")
        if update is not None:
            value = self._value_after(update)
            detail, colour = (value, "data") if value else (_change(update), "leaf")
        elif node.kind == "leaf" and is_reached:
            detail, colour = self._leaf_grad(node, is_reached)
        name = self.fonts.elide(self.title(node, scope), Face.SMALL_BOLD, 136.0, is_left=True)
        return [(name, Face.SMALL_BOLD, "text"), ("  ", Face.SMALL, "muted"), (detail, Face.MONO_SMALL, colour)]


def _change(update: Update) -> str:
    """By how much an optimizer changed a leaf, in a few characters."""
    return "updated" if update.amount is None else f"Δ {format_number(update.amount, 3)}"
