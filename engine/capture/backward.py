"""Records the backward pass: a hook on every autograd node, in the order in which the engine really runs them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch.autograd.graph import get_gradient_edge

from ..graph.model import Edge, SavedTensor, TensorInfo
from ..graph.trace import BackwardStep
from .cost import StepClock, Storages
from .tape import Origin, Tape, plain_name
from .tensors import Keeper, _Memory, memory_of

T = TypeVar("T")

_saved_attributes: dict[type, tuple[str, ...]] = {}


class BackwardRecorder:
    """Watches one backward pass over the part of the autograd graph that hangs on `roots`."""

    def __init__(self, tape: Tape, keeper: Keeper) -> None:
        self._tape = tape
        self._keeper = keeper
        self.steps: list[BackwardStep] = []
        self.edges: list[Edge] = []
        self.roots: list[Origin] = []
        self.seconds = 0.0
        self._clock = StepClock()
        self._storages = Storages()
        self._handles: list[Any] = []
        self._handed_on: dict[tuple[int, int], list[tuple[_Memory | None, TensorInfo]]] = {}
        self._next: dict[int, list[tuple[int, int] | None]] = {}

    def run(self, roots: Sequence[torch.Tensor], call: Callable[[], T]) -> T:
        """Hook the graph below `roots`, let `call` run the backward pass, and take the hooks off again."""
        tape = self._tape
        grad_fns: list[Any] = []
        for root in roots:
            # A root without history makes torch refuse; the trace shows which one it is.
            self.roots.append(tape.origin(root))
            if root.requires_grad:
                grad_fns.append(get_gradient_edge(root).node)
        visited = self._walk(grad_fns)
        self.edges = match_edges(tape, self._next)
        for grad_fn, node_id in visited:
            self._read_saved(grad_fn, node_id)
            self._hook(grad_fn, node_id)
        started = time.perf_counter()
        self._clock.start()
        try:
            return call()
        finally:
            self.seconds = time.perf_counter() - started
            for handle in self._handles:
                handle.remove()
            self._handles.clear()
            self._handed_on.clear()

    def _walk(self, grad_fns: list[Any]) -> list[tuple[Any, int]]:
        """Visit every reachable autograd node once, without recursion, and find or make the node that stands for it."""
        tape = self._tape
        found: list[tuple[Any, int]] = []
        seen: dict[Any, int] = {}
        pending = list(reversed(grad_fns))
        while pending:
            grad_fn = pending.pop()
            if grad_fn in seen:
                continue
            seen[grad_fn] = self._node_of(grad_fn)
            found.append((grad_fn, seen[grad_fn]))
            pending.extend(following for following, _ in reversed(grad_fn.next_functions) if following is not None)
        for grad_fn, node_id in found:
            self._next[node_id] = [
                None if following is None else (seen[following], tape.output_number(seen[following], number))
                for following, number in grad_fn.next_functions
            ]
        return found

    def _node_of(self, grad_fn: Any) -> int:
        tape = self._tape
        variable = getattr(grad_fn, "variable", None)
        if variable is not None and plain_name(grad_fn) == "AccumulateGrad":
            return tape.leaf_node(variable)
        known = tape.node_of_sequence.get(grad_fn._sequence_nr())
        return tape.add_autograd_node(grad_fn).id if known is None else known

    def _hook(self, grad_fn: Any, node_id: int) -> None:
        node = self._tape.nodes[node_id]
        variable = getattr(grad_fn, "variable", None) if node.grad_fn == "AccumulateGrad" else None
        before = None
        if variable is not None and variable.grad is not None:
            before = self._keeper.describe(variable.grad)

        def on_node_executed(grad_inputs: Any, grad_outputs: Any) -> None:
            seconds = self._clock.stop()
            self._record(node_id, _tuple(grad_inputs), _tuple(grad_outputs), variable, before, seconds)
            self._clock.resume()

        self._handles.append(grad_fn.register_hook(on_node_executed))

    def _record(
        self,
        node_id: int,
        grad_inputs: tuple[torch.Tensor | None, ...],
        grad_outputs: tuple[torch.Tensor | None, ...],
        variable: torch.Tensor | None,
        before: TensorInfo | None,
        seconds: float,
    ) -> None:
        node = self._tape.nodes[node_id]
        step = BackwardStep(index=len(self.steps), node=node, grad_before=before, seconds=seconds)
        known: list[tuple[torch.Tensor, TensorInfo]] = []
        for number, gradient in enumerate(grad_outputs):
            output = self._tape.output_number(node_id, number)
            while len(step.grad_outputs) <= output:
                step.grad_outputs.append(None)
            if gradient is None:
                continue
            arrived = self._arrived(node_id, output, gradient)
            step.grad_outputs[output] = arrived
            known.append((gradient, arrived))
        following = self._next.get(node_id, [])
        for index, gradient in enumerate(grad_inputs):
            info: TensorInfo | None = None
            if gradient is not None:
                info = self._describe(gradient, known)
                known.append((gradient, info))
                target = following[index] if index < len(following) else None
                if target is not None:
                    self._handed_on.setdefault(target, []).append((memory_of(gradient), info))
            step.grad_inputs.append(info)
        if variable is not None:
            step.grad_after = step.grad_outputs[0] if before is None and step.grad_outputs else None
            if before is not None and variable.grad is not None:
                step.grad_after = self._keeper.describe(variable.grad)
        self.steps.append(step)

    def _arrived(self, node_id: int, output: int, gradient: torch.Tensor) -> TensorInfo:
        """The gradient at an output. A single contribution that nobody changed is that contribution itself."""
        contributions = self._handed_on.get((node_id, output), [])
        if len(contributions) == 1:
            memory, info = contributions[0]
            if memory is not None and memory == memory_of(gradient) and info.shape == tuple(gradient.shape):
                return info
        return self._keeper.describe(gradient)

    def _describe(self, gradient: torch.Tensor, known: list[tuple[torch.Tensor, TensorInfo]]) -> TensorInfo:
        for tensor, info in known:
            if tensor is gradient:
                return info
        memory = memory_of(gradient)
        for tensor, info in known:
            if memory is not None and memory == memory_of(tensor):
                if tensor.shape == gradient.shape and tensor.stride() == gradient.stride():
                    return info
                return self._keeper.describe(gradient, same_as=(tensor, info))
        return self._keeper.describe(gradient)

    def _read_saved(self, grad_fn: Any, node_id: int) -> None:
        """List the tensors that a node saved. Nothing is unpacked where that would run hooks of the program."""
        if node_id in self._tape.opaque_saved:
            return
        node = self._tape.nodes[node_id]
        for name in _saved_names(grad_fn):
            try:
                value = grad_fn.saved_tensors if name == "tensors" else getattr(grad_fn, f"_saved_{name}")
            except RuntimeError as error:
                # Freed buffers, or a tensor that was changed in place since: the backward pass will say so itself.
                self._tape.unreadable.append((node_id, name, str(error)))
                self._tape.notes.add(f"{node.grad_fn} cannot show what it saved as {name!r}: {error}".splitlines()[0])
                continue
            for suffix, tensor in _labelled_tensors(value):
                node.saved.append(
                    SavedTensor(
                        name=name + suffix,
                        shape=tuple(tensor.shape),
                        dtype=str(tensor.dtype).removeprefix("torch."),
                        version=tensor._version,
                        nbytes=tensor.numel() * tensor.element_size(),
                        source=self._tape.known_origin(tensor),
                        span=self._storages.span(tensor),
                    )
                )


def match_edges(tape: Tape, next_nodes: dict[int, list[tuple[int, int] | None]]) -> list[Edge]:
    """Join the data edges with autograd's edges: which input of an operation each gradient belongs to.

    Autograd lists a node's edges in the order of its differentiable arguments, so the first free input with the same
    origin is the one. An autograd edge without such an input (the base of a view that was written to, the inputs of a
    custom Function) becomes an edge of its own.
    """
    inputs: dict[int, list[int]] = {}
    for position, draft in enumerate(tape.edges):
        inputs.setdefault(draft.target, []).append(position)
    grad_index: dict[int, int] = {}
    added: dict[int, list[Edge]] = {}
    for node_id, edges in next_nodes.items():
        free: dict[tuple[int, int], deque[int]] = {}
        for position in inputs.get(node_id, ()):
            draft = tape.edges[position]
            free.setdefault((draft.source, draft.output), deque()).append(position)
        for index, edge in enumerate(edges):
            if edge is None:
                continue
            if free.get(edge):
                grad_index[free[edge].popleft()] = index
            else:
                number = len(inputs.get(node_id, ())) + len(added.get(node_id, ()))
                added.setdefault(node_id, []).append(
                    Edge(source=edge[0], output_nr=edge[1], target=node_id, input_nr=number, grad_index=index)
                )
    result: list[Edge] = []
    for target in range(len(tape.nodes)):
        for number, position in enumerate(inputs.get(target, [])):
            draft = tape.edges[position]
            found = grad_index.get(position)
            result.append(
                Edge(
                    source=draft.source,
                    output_nr=draft.output,
                    target=target,
                    input_nr=number,
                    arg=draft.argument,
                    grad_index=found,
                    cut=None if found is not None else tape.why_cut(draft, target in next_nodes),
                )
            )
        result.extend(added.get(target, []))
    return result


def _saved_names(grad_fn: Any) -> tuple[str, ...]:
    kind = type(grad_fn)
    names = _saved_attributes.get(kind)
    if names is None:
        names = tuple(name.removeprefix("_raw_saved_") for name in dir(kind) if name.startswith("_raw_saved_"))
        _saved_attributes[kind] = names
    return names


def _labelled_tensors(value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield "", value
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            if isinstance(part, torch.Tensor):
                yield f"[{index}]", part


def _tuple(value: Any) -> tuple[torch.Tensor | None, ...]:
    return value if isinstance(value, tuple) else (value,)
