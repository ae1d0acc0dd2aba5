"""The watch list of the open document: pinned values and gradients, edited with undo, following the cursor."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QObject

from engine.graph.model import Node, TensorInfo
from gui.document import Document
from gui.undo_list import UndoList

Form = tuple[str, str | None, str | None, tuple[int, ...]]


class Watch(NamedTuple):
    """A pinned tensor: an output of a node, or (`is_gradient`) the gradient of one."""

    node: int
    output: int = 0
    is_gradient: bool = False


class Reading(NamedTuple):
    """What a watch shows at the cursor: the tensor, or a few words that say why there is none."""

    info: TensorInfo | None
    note: str = ""


class WatchModel(UndoList[Watch]):
    """A list of watches. Every edit can be undone; another trace of the same form keeps the list."""

    def __init__(self, document: Document, parent: QObject | None = None) -> None:
        super().__init__(document.undo_stack, parent)
        self._document = document
        self._forms: dict[Watch, Form] = {}
        document.trace_changed.connect(self._on_document_trace_changed)

    def is_watched(self, watch: Watch) -> bool:
        return watch in self._items

    def toggle(self, watch: Watch) -> None:
        """Pin a tensor at the end of the list, or take it away."""
        if watch in self._items:
            self.remove(watch)
        else:
            self._push((*self._items, watch), "Watch a gradient" if watch.is_gradient else "Watch a value")

    def remove(self, watch: Watch) -> None:
        self._push(tuple(item for item in self._items if item != watch), "Stop watching")

    def clear(self) -> None:
        self._push((), "Stop watching everything")

    def move(self, watch: Watch, place: int) -> None:
        """Bring a watch to another place of the list, counted without itself."""
        others = [item for item in self._items if item != watch]
        place = max(0, min(place, len(others)))
        self._push((*others[:place], watch, *others[place:]), "Reorder the watch list")

    def _settle(self) -> None:
        trace = self._document.trace
        if trace is not None:
            self._forms = {item: _form(trace.graph.nodes[item.node], item) for item in self._items}

    def reading(self, watch: Watch) -> Reading:
        """What a watch shows at the cursor."""
        trace, stepper = self._document.trace, self._document.stepper
        if trace is None or stepper is None or watch.node >= len(trace.graph.nodes):
            return Reading(None, "not in this trace")
        node = trace.graph.nodes[watch.node]
        if not watch.is_gradient:
            info = stepper.value(node, watch.output)
            return Reading(info) if stepper.has_value(node) else Reading(None, "still to come")
        if trace.step_of(node) is None:
            return Reading(None, "none")
        if not stepper.has_gradient(node):
            return Reading(None, "still to come")
        info = trace.grad_info(node, watch.output)
        return Reading(info, "" if info is not None else "none")

    def _on_document_trace_changed(self) -> None:
        trace = self._document.trace
        nodes = [] if trace is None else trace.graph.nodes
        kept = tuple(
            item
            for item in self._items
            if item.node < len(nodes) and _form(nodes[item.node], item) == self._forms.get(item)
        )
        if trace is not None:  # between two traces of one program there may be none for a moment
            self.set_items(kept)


def _form(node: Node, watch: Watch) -> Form:
    """What must be the same for a watch to mean the same tensor in another trace."""
    shape = node.outputs[watch.output].shape if watch.output < len(node.outputs) else ()
    return node.kind, node.op, node.name, tuple(shape)
