"""Records the backward pass: a hook on every autograd node, in the order in which the engine really runs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch.autograd.graph import get_gradient_edge

from ..graph.model import Edge, SavedTensor, TensorInfo
from ..graph.trace import BackwardStep
from .cost import StepClock, Storages
from .drafts import AccumulateGrad, Origin
from .faults import fault_note
from .grad_graph import nodes_below
from .matching import match_edges
from .recompute import Recomputation
from .tape import Tape
from .tensors import Keeper, Memory, memory_of, name_of, shape_of, version_of
from .user_hooks import note_leaf_hooks

T = TypeVar("T")

_saved_attributes: dict[type, tuple[tuple[str, str], ...]] = {}
"""Names of what autograd nodes of a class save, with those of the attributes that unpack it."""


class BackwardRecorder:
    """Watches one backward pass over the part of the autograd graph that hangs on its roots.

    Whatever fails in the watching is noted and never disturbs the pass itself.
    """

    def __init__(self, tape: Tape, keeper: Keeper) -> None:
        self._tape = tape
        self._keeper = keeper
        self.steps: list[BackwardStep] = []
        self.edges: list[Edge] = []
        self.roots: list[Origin] = []
        self.seconds = 0.0
        self.first_later_node = 0
        """Number of the first node that was recorded after the pass had begun."""
        self._clock = StepClock()
        self._storages = Storages()
        self._handles: list[Any] = []
        self._hooked: set[Any] = set()
        self._handed_on: dict[tuple[int, int], list[tuple[Memory | None, TensorInfo]]] = {}
        self._next: dict[int, list[tuple[int, int] | None]] = {}
        self._grad_now: dict[int, TensorInfo | None] = {}
        self._recomputation = Recomputation(tape, self.watch)
        self._may_recompute = False

    def run(self, roots: Sequence[torch.Tensor], call: Callable[[], T], *, is_nested: bool = False) -> T:
        """Hook the graph below `roots`, let `call` run the backward pass, and take the hooks off again.

        A nested pass is one that the program runs while its forward pass is still being recorded.
        """
        tape = self._tape
        try:
            with torch._C.DisableTorchFunction():  # a mode of the program's would see what is looked at here
                self.roots = [tape.origin(root) for root in roots]
            self.watch(roots)
            self.edges = match_edges(tape, self._next)
        except Exception as error:  # noqa: BLE001 - the pass must run, whatever could not be prepared for it
            tape.notes.add(fault_note("The backward pass", error))
        self.first_later_node = len(tape.nodes)
        recomputation = self._recomputation
        if not is_nested and self._may_recompute:
            self._look_at_mode(roots, recomputation)
            recomputation.start()
        started = time.perf_counter()
        self._clock.start()
        try:
            return call()
        finally:
            self.seconds = time.perf_counter() - started
            recomputation.stop()
            for handle in self._handles:
                handle.remove()
            self._handles.clear()
            self._hooked.clear()
            self._handed_on.clear()
            if recomputation.has_passes:
                self.edges = match_edges(tape, self._next)

    def _look_at_mode(self, roots: Sequence[torch.Tensor], recomputation: Recomputation) -> None:
        """Learn with the first step whether the pass builds a graph of the gradient."""

        def before_first_step(_grad_outputs: Any) -> None:
            recomputation.creates_graph = torch.is_grad_enabled()

        for root in roots:
            if root.grad_fn is not None:
                self._handles.append(root.grad_fn.register_prehook(before_first_step))

    def watch(self, roots: Sequence[torch.Tensor]) -> None:
        """Hook every autograd node below `roots`."""
        tape = self._tape
        # Nothing that is looked at here is an operation of the program.
        with torch._C._DisableTorchDispatch(), torch._C.DisableTorchFunction():
            # A root without history makes torch refuse; the trace shows which one it is.
            grad_fns = [get_gradient_edge(root).node for root in roots if root.requires_grad]
            visited = self._walk(grad_fns)
            for grad_fn, node_id in visited:
                if grad_fn not in self._hooked:
                    self._hooked.add(grad_fn)
                    self._hook(grad_fn, node_id)
                    try:
                        self._read_saved(grad_fn, node_id)
                    except Exception as error:  # noqa: BLE001 - the gradients matter more than the list of what is saved
                        tape.notes.add(fault_note(f"What {grad_fn.name()} saved", error))

    def _walk(self, grad_fns: list[Any]) -> list[tuple[Any, int]]:
        """Visit every reachable autograd node once, without recursion, and find or make the node that stands for it."""
        tape = self._tape
        found: list[tuple[Any, int]] = []
        edges: list[tuple[tuple[Any, int], ...]] = []
        seen: dict[Any, int] = {}
        pending = list(reversed(grad_fns))
        while pending:
            grad_fn = pending.pop()
            if grad_fn in seen:
                continue
            node_id = seen[grad_fn] = self._node_of(grad_fn)
            following = grad_fn.next_functions
            found.append((grad_fn, node_id))
            edges.append(following)
            for node, _ in reversed(following):
                if node is not None and node not in seen:
                    pending.append(node)
        for (_, node_id), following in zip(found, edges, strict=True):
            self._next[node_id] = [
                None if node is None else (seen[node], tape.output_number(seen[node], number))
                for node, number in following
            ]
        return found

    def _node_of(self, grad_fn: Any) -> int:
        tape = self._tape
        if type(grad_fn) is AccumulateGrad:
            return tape.leaf_node(grad_fn.variable)
        known = tape.autograd_nodes.get(grad_fn)
        return tape.add_autograd_node(grad_fn).id if known is None else known

    def _hook(self, grad_fn: Any, node_id: int) -> None:
        node = self._tape.nodes[node_id]
        variable = grad_fn.variable if type(grad_fn) is AccumulateGrad else None
        if variable is not None:
            grad = variable.grad
            self._grad_now[node_id] = None if grad is None else self._keeper.describe(grad)
            note_leaf_hooks(self._tape, variable)

        def on_node_executed(grad_inputs: Any, grad_outputs: Any) -> None:
            seconds = self._clock.stop()
            if may_recompute:
                self._recomputation.leave()
            try:
                with torch._C.DisableTorchFunction():
                    self._record(node_id, _tuple(grad_inputs), _tuple(grad_outputs), variable, seconds)
            except Exception as error:  # noqa: BLE001 - it would end the program's backward pass
                self._tape.notes.add(fault_note(f"The backward step of {node.grad_fn}", error))
            self._clock.resume()

        may_recompute = hasattr(type(grad_fn), "_forward_cls")
        if may_recompute:
            self._may_recompute = True
            self._handles.append(grad_fn.register_prehook(lambda _grad_outputs: self._recomputation.enter()))
        self._handles.append(grad_fn.register_hook(on_node_executed))

    def _record(
        self,
        node_id: int,
        grad_inputs: tuple[torch.Tensor | None, ...],
        grad_outputs: tuple[torch.Tensor | None, ...],
        variable: torch.Tensor | None,
        seconds: float,
    ) -> None:
        node = self._tape.nodes[node_id]
        step = BackwardStep(index=len(self.steps), node=node, seconds=seconds)
        known = _Known() if grad_inputs else None
        arrivals = step.grad_outputs
        for number, gradient in enumerate(grad_outputs):
            output = self._tape.output_number(node_id, number)
            if gradient is None and output >= len(node.outputs):
                continue  # the operation gave fewer tensors than it could have: a convolution's gradients, say
            while len(arrivals) <= output:
                arrivals.append(None)
            if gradient is None:
                continue
            memory = _memory(gradient)
            arrived = arrivals[output] = self._arrived(node_id, output, gradient, memory)
            if known is not None:
                known.add(gradient, memory, arrived)
        following = self._next.get(node_id, ())
        for index, gradient in enumerate(grad_inputs):
            info: TensorInfo | None = None
            if gradient is not None and known is not None:
                info, memory = self._describe(gradient, known)
                target = following[index] if index < len(following) else None
                if target is not None:
                    self._handed_on.setdefault(target, []).append((memory, info))
            step.grad_inputs.append(info)
        if variable is not None:
            before = step.grad_before = self._grad_now.get(node_id)
            step.grad_after = step.grad_outputs[0] if before is None and step.grad_outputs else None
            if before is not None and variable.grad is not None:
                step.grad_after = self._keeper.describe(variable.grad)
            self._grad_now[node_id] = step.grad_after
        self.steps.append(step)

    def _arrived(self, node_id: int, output: int, gradient: torch.Tensor, memory: Memory | None) -> TensorInfo:
        """The gradient at an output. A single contribution that nobody changed is that contribution itself."""
        contributions = self._handed_on.pop((node_id, output), ())
        if len(contributions) == 1:
            handed_on, info = contributions[0]
            if memory is not None and memory == handed_on and info.shape == tuple(gradient.shape):
                return info
        return self._keeper.describe(gradient)

    def _describe(self, gradient: torch.Tensor, known: _Known) -> tuple[TensorInfo, Memory | None]:
        memory = _memory(gradient)
        info = known.by_id.get(id(gradient))
        if info is None:
            same = None if memory is None else known.by_memory.get(memory)
            if same is not None and same[0].shape == gradient.shape and same[0].stride() == gradient.stride():
                info = same[1]
            else:
                info = self._keeper.describe(gradient, same_as=same)
        known.add(gradient, memory, info)
        return info, memory

    def _read_saved(self, grad_fn: Any, node_id: int) -> None:
        """List the tensors that a node saved. Nothing is unpacked where that would run hooks of the program."""
        names = _saved_names(type(grad_fn))
        if not names:
            return
        tape = self._tape
        node = tape.nodes[node_id]
        saved = node.saved
        if saved or node_id in tape.opaque_saved:
            return
        for name, attribute in names:
            try:
                value = getattr(grad_fn, attribute)
            except RuntimeError as error:
                # Freed buffers, or a tensor that was changed in place since: the backward pass will say so itself.
                tape.unreadable.append((node_id, name, str(error)))
                tape.notes.add(f"{node.grad_fn} cannot show what it saved as {name!r}: {error}".splitlines()[0])
                continue
            for label, tensor in _labelled_tensors(name, value):
                saved.append(
                    SavedTensor(
                        name=label,
                        shape=shape_of(tensor),
                        dtype=name_of(tensor.dtype),
                        version=version_of(tensor),
                        nbytes=tensor.numel() * tensor.element_size(),
                        source=tape.known_origin(tensor),
                        span=self._storages.span(tensor),
                    )
                )


def has_freed_nodes(roots: Sequence[torch.Tensor], tape: Tape) -> bool:
    """Whether an earlier backward pass has freed what one from `roots` would need."""
    for grad_fn in nodes_below(root.grad_fn for root in roots):
        if tape.autograd_nodes.get(grad_fn) in tape.opaque_saved:
            continue  # unpacking would run hooks of the program
        for _, attribute in _saved_names(type(grad_fn)):
            try:
                getattr(grad_fn, attribute)
            except RuntimeError as error:
                if "freed" in str(error):
                    return True
    return False


class _Known:
    """The gradients of one step that have been described already."""

    __slots__ = ("by_id", "by_memory")

    def __init__(self) -> None:
        self.by_id: dict[int, TensorInfo] = {}
        self.by_memory: dict[Memory, tuple[torch.Tensor, TensorInfo]] = {}

    def add(self, gradient: torch.Tensor, memory: Memory | None, info: TensorInfo) -> None:
        self.by_id[id(gradient)] = info
        if memory is not None:
            self.by_memory.setdefault(memory, (gradient, info))


def _memory(gradient: torch.Tensor) -> Memory | None:
    """Identity of a plain tensor's elements. Subclasses (fake tensors, say) may have no memory; and a conjugate shows
    other elements than the tensor whose memory it shares.
    """
    if type(gradient) is not torch.Tensor or gradient.is_conj() or gradient.is_neg() or gradient.is_nested:
        return None
    return memory_of(gradient)


def _saved_names(kind: type) -> tuple[tuple[str, str], ...]:
    names = _saved_attributes.get(kind)
    if names is None:
        found = [name.removeprefix("_raw_saved_") for name in dir(kind) if name.startswith("_raw_saved_")]
        names = tuple((name, "saved_tensors" if name == "tensors" else f"_saved_{name}") for name in found)
        _saved_attributes[kind] = names
    return names


def _labelled_tensors(name: str, value: Any) -> Sequence[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        return ((name, value),)
    if isinstance(value, (list, tuple)):
        return [(f"{name}[{index}]", part) for index, part in enumerate(value) if isinstance(part, torch.Tensor)]
    return ()


def _tuple(value: Any) -> tuple[torch.Tensor | None, ...]:
    return value if isinstance(value, tuple) else (value,)
