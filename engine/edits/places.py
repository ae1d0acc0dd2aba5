"""Where an edit applies: the nodes of a trace in the order in which a run meets them, learned from an unedited run."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..capture.drafts import EdgeDraft
from ..capture.schema import flat_tensors
from ..capture.tape import Tape
from ..graph.model import Node
from ..graph.trace import Trace


class Call(NamedTuple):
    """One call of a torch function by the program: what it was given, and the operations that it ran.

    `tensors` are the origins of its tensor arguments, in their order; `numbers` the Python numbers among its
    arguments, with their names or places.
    """

    begin: int
    end: int
    tensors: tuple[int | None, ...]
    numbers: tuple[tuple[int | str, Any], ...]


class FirstUse(NamedTuple):
    """The operation before which a tensor from outside is given another value.

    `seen_as` is what the operation knows it by: the tensor itself, or a detached view of it.
    """

    operation: int
    seen_as: int
    described: tuple[int, ...]
    """The nodes that show the tensor's value."""


class Places:
    """What a run without edits tells of every node of the trace.

    `begins_at` counts the operations up to the first that is recorded, itself included; `in_function`
    has those that ran inside a custom Function, where autograd is not looking.

    Raw numbers count everything that is recorded, in order. They are the same in every run up to the point where an
    edit sends the program another way, so they find a node before it is known which nodes the trace will keep.
    """

    def __init__(
        self,
        trace: Trace,
        raw: list[Node],
        operations: list[str | None],
        drafts: list[EdgeDraft],
        calls: list[Call],
        begins_at: int,
        in_function: frozenset[int],
    ) -> None:
        number = {id(node): place for place, node in enumerate(raw)}
        self.raw_of_node = [number[id(node)] for node in trace.graph.nodes]
        self.node_of_raw = {place: node for node, place in enumerate(self.raw_of_node)}
        self.trace = trace
        self.calls = calls
        self.operations = operations
        self.begins_at = begins_at
        self.in_function = in_function
        self._drafts: dict[int, list[EdgeDraft]] = {}
        for draft in drafts:
            self._drafts.setdefault(draft.source, []).append(draft)

    def first_use(self, node: int) -> FirstUse | None:
        """Where a leaf, input, buffer or constant is read first, after whatever initialises it in place."""
        raw = self.raw_of_node[node]
        uses = self._drafts.get(raw, [])
        needed = next((place for place, use in enumerate(uses) if use.target in self.node_of_raw), None)
        if needed is None:
            return None
        written = [place for place, use in enumerate(uses[:needed]) if self._writes(use)]
        use = uses[written[-1] + 1 if written else 0]
        if self.operations[use.target] != "aten.detach.default":
            return FirstUse(use.target, raw, (raw,))
        later = next(iter(self._drafts.get(use.target, [])), None)  # a detach is recorded when its result is used
        return None if later is None else FirstUse(later.target, use.target, (raw, use.target))

    def _writes(self, use: EdgeDraft) -> bool:
        operation = self.operations[use.target] or ""
        name = operation.split(".")[1] if operation.count(".") > 1 else operation
        return use.argument == "self" and name.endswith("_") and not name.endswith("__")

    def call_of(self, operation: int) -> int | None:
        """Number of the call in which an operation ran."""
        found = [number for number, call in enumerate(self.calls) if call.begin <= operation < call.end]
        return found[-1] if found else None


def origins_of_arguments(tape: Tape, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int | None, ...]:
    """Node of every tensor among the arguments of a call; None for one that nothing has been recorded of."""
    found: list[int | None] = []
    for tensor in flat_tensors((args, tuple(kwargs.values()))):
        entry = tape.entries.get(id(tensor))
        found.append(entry.node if entry is not None and entry.reference() is tensor else None)
    return tuple(found)
