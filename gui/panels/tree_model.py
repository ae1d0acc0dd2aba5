"""The graph as a tree of module calls and nodes in the order in which they ran; texts are made when asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.graph.model import Node, ScopePath, TensorInfo
from engine.graph.numbers import format_shape
from engine.graph.stepper import NodeState, Stepper
from engine.graph.trace import Trace

from ..canvas.wording import name_inside, norm_text, scalar_text, short_count
from ..style import TEXT_NORMAL_PT, TEXT_SMALL_PT
from ..theme import Theme, mono_font, ui_font
from ..widgets.text import plain, tooltip
from .naming import file_name, node_title

_Index = QModelIndex | QPersistentModelIndex

HEADERS = ("Node", "State", "Value", "Gradient")
NAME, STATE, VALUE, GRADIENT = range(4)
WORDS = {
    NodeState.IDLE: "no grad",
    NodeState.WAITING: "waiting",
    NodeState.READY: "ready",
    NodeState.CURRENT: "here",
    NodeState.DONE: "done",
    NodeState.ABSENT: "to run",
    NodeState.COMPUTED: "here",
    NodeState.UPDATED: "updated",
}
HAS_RUN, IS_GIVEN = "has run", "given"
"""What lies behind the forward pass, whatever the backward pass will do there: operations, and tensors from outside."""
MOST_SIGNALS = 200
"""More changed rows than this are painted anew without being announced one by one."""


class TreeModel(QAbstractItemModel):
    """Rows of one trace at the position of its stepper. Entries are numbered; a node's or a call's never changes."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.theme = theme
        self._trace: Trace | None = None
        self._stepper: Stepper | None = None
        self._is_forward = False
        self._states = np.empty(0, dtype=np.uint8)
        self._bold, self._mono = ui_font(TEXT_NORMAL_PT, bold=True), mono_font(TEXT_SMALL_PT)
        self._clear()

    def _clear(self) -> None:
        self._things: list[int | ScopePath] = []
        """Of each entry: a node's id, or the path of a module call."""
        self._parents: list[int] = []
        self._rows: list[int] = []
        self._children: dict[int, list[int]] = {-1: []}
        self._entry_of_node: list[int] = []
        self._entry_of_scope: dict[ScopePath, int] = {}
        self._members: dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}

    # ----- content

    def set_trace(self, trace: Trace | None, stepper: Stepper | None) -> None:
        """Show another trace."""
        self.beginResetModel()
        self._clear()
        self._trace, self._stepper = trace, stepper
        self._states = np.empty(0, dtype=np.uint8) if stepper is None else stepper.states
        self._is_forward = stepper is not None and stepper.position < 0
        for node in () if trace is None else trace.graph.nodes:
            parent = self._scope_entry(node.scope)
            self._entry_of_node.append(self._add(node.id, parent))
        self.endResetModel()

    def exchange_trace(self, trace: Trace | None, stepper: Stepper | None) -> None:
        """Show another trace of the same form in the same rows."""
        self._trace, self._stepper = trace, stepper
        self._states = np.empty(0, dtype=np.uint8) if stepper is None else stepper.states
        self._is_forward = stepper is not None and stepper.position < 0

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme

    def _scope_entry(self, path: ScopePath) -> int:
        if not path:
            return -1
        found = self._entry_of_scope.get(path)
        if found is not None:
            return found
        parent = -1
        for depth in range(1, len(path) + 1):
            part = path[:depth]
            entry = self._entry_of_scope.get(part)
            if entry is None:
                entry = self._entry_of_scope[part] = self._add(part, parent)
                self._children[entry] = []
            parent = entry
        return parent

    def _add(self, thing: int | ScopePath, parent: int) -> int:
        entry = len(self._things)
        self._things.append(thing)
        self._parents.append(parent)
        self._rows.append(len(self._children[parent]))
        self._children[parent].append(entry)
        return entry

    def refresh(self) -> bool:
        """The stepper has moved: announce what changed. False where that is too much: paint everything again."""
        if self._stepper is None:
            return True
        before, self._states = self._states, self._stepper.states
        was_forward, self._is_forward = self._is_forward, self._stepper.position < 0
        if was_forward != self._is_forward:
            return False  # every state has another word
        changed = np.flatnonzero(before != self._states).tolist()
        if len(changed) > MOST_SIGNALS:
            return False
        entries: dict[int, None] = {}
        for node in changed:
            entry = self._entry_of_node[node]
            while entry >= 0 and entry not in entries:
                entries[entry] = None
                entry = self._parents[entry]
        for entry in entries:
            self.dataChanged.emit(self._index(entry, STATE), self._index(entry, GRADIENT))
        return True

    def node_at(self, index: _Index) -> int | None:
        """Id of the node in a row; None for a module call."""
        thing = self._things[int(index.internalId())] if index.isValid() else None
        return thing if isinstance(thing, int) else None

    def scope_at(self, index: _Index) -> ScopePath | None:
        """Path of the module call in a row; None for a node."""
        thing = self._things[int(index.internalId())] if index.isValid() else None
        return thing if isinstance(thing, tuple) else None

    def index_of_node(self, node: int) -> QModelIndex:
        """The row of a node."""
        return self._index(self._entry_of_node[node]) if 0 <= node < len(self._entry_of_node) else QModelIndex()

    def index_of_scope(self, path: ScopePath) -> QModelIndex:
        """The row of a module call."""
        entry = self._entry_of_scope.get(path)
        return QModelIndex() if entry is None else self._index(entry)

    # ----- what Qt asks

    def _index(self, entry: int, column: int = 0) -> QModelIndex:
        return self.createIndex(self._rows[entry], column, entry)

    def index(self, row: int, column: int, parent: _Index = QModelIndex()) -> QModelIndex:  # noqa: B008 - as Qt has it
        children = self._children.get(int(parent.internalId()) if parent.isValid() else -1, [])
        if not (0 <= row < len(children) and 0 <= column < len(HEADERS)):
            return QModelIndex()
        return self.createIndex(row, column, children[row])

    def parent(self, index: _Index = QModelIndex()) -> Any:  # noqa: B008 - as Qt has it; the overload without is QObject's
        if not index.isValid():
            return QModelIndex()
        parent = self._parents[int(index.internalId())]
        return QModelIndex() if parent < 0 else self._index(parent)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        if parent.isValid() and parent.column() > 0:
            return 0
        return len(self._children.get(int(parent.internalId()) if parent.isValid() else -1, ()))

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        return len(HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | None:
        is_title = orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return HEADERS[section] if is_title and 0 <= section < len(HEADERS) else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        entry, column = int(index.internalId()), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(entry, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._sentence(entry) if column == NAME else self.text(entry, column)
        if role == Qt.ItemDataRole.ToolTipRole and column == NAME:
            return tooltip(f"{self._place(entry)}\n{self.text(entry, STATE)}")
        if role == Qt.ItemDataRole.FontRole:
            if column in (VALUE, GRADIENT):
                return self._mono
            return self._bold if column == STATE and self._is_here(entry) else None
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(entry, column)
        return None

    # ----- texts

    def text(self, entry: int, column: int) -> str:
        """What one cell says."""
        thing = self._things[entry]
        if isinstance(thing, tuple):
            return self._scope_text(entry, thing, column)
        assert self._trace is not None
        node = self._trace.graph.nodes[thing]
        if column == NAME:
            return plain(_short(_title(node)))
        if column == STATE:
            return self._word(node)
        if column == VALUE:
            assert self._stepper is not None
            return _value_text(self._stepper.value(node)) if self._states[node.id] != NodeState.ABSENT else ""
        return self._gradient_text(node)

    def _word(self, node: Node) -> str:
        state = NodeState(int(self._states[node.id]))
        if self._is_forward and state not in (NodeState.ABSENT, NodeState.COMPUTED):
            return HAS_RUN if node.kind == "op" else IS_GIVEN
        return WORDS[state]

    def _scope_text(self, entry: int, path: ScopePath, column: int) -> str:
        if column == NAME:
            module = self._module(path)
            return plain(_short(path[-1]) + (f"  {module}" if module else ""))
        if column == STATE:
            return self._progress(entry)
        return ""

    def _module(self, path: ScopePath) -> str:
        scope = self._trace.graph.scopes.get(path) if self._trace is not None else None
        return "" if scope is None else _short(scope.module.rsplit(".", 1)[-1])

    def _progress(self, entry: int) -> str:
        """How far the pass has come with the nodes of a module call."""
        nodes = self._nodes_in(entry)
        if self._is_forward:
            return self._forward_progress(nodes)
        states = self._states[nodes]
        total = int(np.count_nonzero(states != NodeState.IDLE))
        done = int(np.count_nonzero((states == NodeState.DONE) | (states == NodeState.UPDATED)))
        if (states == NodeState.CURRENT).any():
            return WORDS[NodeState.CURRENT]
        if not total:
            return WORDS[NodeState.IDLE]
        return "done" if done == total else WORDS[NodeState.WAITING] if not done else f"{done} of {total}"

    def _forward_progress(self, nodes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
        assert self._trace is not None
        kinds = self._trace.graph.nodes
        states = self._states[[node for node in nodes.tolist() if kinds[node].kind == "op"]]
        if (states == NodeState.COMPUTED).any():
            return WORDS[NodeState.COMPUTED]
        to_run = int(np.count_nonzero(states == NodeState.ABSENT))
        if not to_run:
            return HAS_RUN
        return WORDS[NodeState.ABSENT] if to_run == len(states) else f"{len(states) - to_run} of {len(states)}"

    def _nodes_in(self, entry: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        found = self._members.get(entry)
        if found is None:
            nodes: list[int] = []
            waiting = [entry]
            while waiting:
                for child in self._children.get(waiting.pop(), ()):
                    thing = self._things[child]
                    if isinstance(thing, int):
                        nodes.append(thing)
                    else:
                        waiting.append(child)
            found = self._members[entry] = np.array(nodes, dtype=np.int64)
        return found

    def _gradient_text(self, node: Node) -> str:
        """The gradient, once the backward pass has brought it."""
        if self._trace is None or int(self._states[node.id]) not in _REACHED:
            return ""
        for output in range(len(node.outputs)):
            info = self._trace.grad_info(node.id, output)
            if info is not None:
                return (scalar_text(info) or "") if info.numel == 1 else norm_text("‖∂‖", info)
        return ""

    def _sentence(self, entry: int) -> str:
        """A whole row for a screen reader."""
        thing = self._things[entry]
        parts = [self.text(entry, NAME)]
        if isinstance(thing, tuple):
            parts.insert(0, "module")
            scope = self._trace.graph.scopes.get(thing) if self._trace is not None else None
            if scope is not None and scope.parameters:
                parts.append(f"{short_count(scope.parameters)} parameters")
        parts.append(self.text(entry, STATE))
        for word, column in (("value", VALUE), ("gradient", GRADIENT)):
            text = self.text(entry, column)
            if text:
                parts.append(f"{word} {text.replace('‖∂‖', 'norm')}")
        return ", ".join(parts)

    def _place(self, entry: int) -> str:
        thing = self._things[entry]
        if isinstance(thing, tuple):
            return " › ".join(_short(part) for part in thing)
        assert self._trace is not None
        node = self._trace.graph.nodes[thing]
        parts = [_short(text) for text in (node.op, node.grad_fn) if text]
        if node.source is not None:
            parts.append(f"{file_name(node.source.file)}, line {node.source.line}")
        return "\n".join(parts)

    def _is_scalar(self, entry: int) -> bool:
        thing = self._things[entry]
        outputs = self._trace.graph.nodes[thing].outputs if self._trace is not None and isinstance(thing, int) else []
        return bool(outputs) and outputs[0].numel == 1 and scalar_text(outputs[0]) is not None

    def _is_here(self, entry: int) -> bool:
        return self.text(entry, STATE) == WORDS[NodeState.CURRENT]

    def _colour(self, entry: int, column: int) -> Any:
        theme = self.theme
        if column == STATE:
            return theme.accent_text if self._is_here(entry) else theme.muted
        if column == VALUE and not self._is_scalar(entry):
            return theme.muted  # a shape, not a value
        return {VALUE: theme.data_text, GRADIENT: theme.accent_text}.get(column)


def _title(node: Node) -> str:
    """Name and operation, without the path that the rows around already say."""
    return name_inside(node_title(node), node.scope)


_REACHED = {NodeState.CURRENT, NodeState.DONE, NodeState.UPDATED}


def _value_text(info: TensorInfo | None) -> str:
    if info is None:
        return ""
    return (scalar_text(info) if info.numel == 1 else None) or format_shape(info.shape)


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"
