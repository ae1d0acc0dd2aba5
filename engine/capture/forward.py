"""Records the forward pass: every dispatched operation, where its inputs come from, and its autograd node."""

from __future__ import annotations

import time
import weakref
from collections.abc import Sequence
from types import FrameType
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from ..graph.model import Node, TensorInfo
from .compiled import CompilerOff
from .faults import fault_note
from .frames import running_frame, source_of, user_frame
from .grad_graph import plain_name
from .matching import DETACHED, IN_BACKWARD, IN_FUNCTION, MEMORY, NO_GRAD
from .names import NameTracker, names_of_call
from .randomness import remember
from .schema import PLAIN_TYPES, Signature, flat_tensors, named_arguments, plain_parameter, signature_of
from .tape import EdgeDraft, Entry, Origin, Tape
from .tensors import shares_memory
from .torch_cuts import detaching_call, switching_call

_top_saved_tensors_default_hooks = torch._C._autograd._top_saved_tensors_default_hooks

CHECKPOINTED = (
    "A checkpoint does not keep what is computed inside it: the backward pass computes that again. It is not drawn a "
    "second time."
)

_Changed = tuple[torch.Tensor, tuple[int, int]]
"""An operand that is changed in place: the operation that made it, and the one that its elements came from."""
_Running = tuple[Node, FrameType | None, Sequence[_Changed], tuple[Origin, bool, str] | None]
"""An operation between its start and its end: its node, the program's frame, the operands that it changes in place,
and for a detach where its operand comes from, whether that requires grad, and why it is cut off."""


class ForwardMode(TorchDispatchMode):
    """Hands every operation that PyTorch dispatches on this thread to the tape."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from wrapping the handler for its compiler, whose import would cost the first trace a second."""
        return False

    def __init__(self, tape: Tape, compiler: CompilerOff | None = None, *, is_step: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch is not annotated here
        self._tape = tape
        self._compiler = compiler
        self._names = NameTracker()
        self._last_outputs: tuple[Entry, ...] = ()
        self._pending_ids = 0
        self._has_begun = not is_step

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._run(func, args, kwargs or {}, running_frame())

    def _run(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Any:
        """Execute one dispatched operation and record it. What fails in the recording never fails the program."""
        try:
            call = self._before(function, args, kwargs, frame)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is no fault of the program
            self._forget(function, error)
            return function(*args, **kwargs)
        if call is None:
            return function(*args, **kwargs)
        started = time.perf_counter()
        try:
            result = function(*args, **kwargs)
        except BaseException:
            self._name_failed(function, call)
            raise
        call[0].seconds = time.perf_counter() - started
        try:
            self._after(call, result, args)
        except Exception as error:  # noqa: BLE001 - as above
            self._forget(function, error)
        return result

    def _before(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType
    ) -> _Running | None:
        """Make the node of an operation that is about to run; None if it is not recorded."""
        signature = signature_of(function)
        if signature.is_query:
            return None
        self._resolve_last()
        tape = self._tape
        if not self._has_begun and self._is_setup(args, kwargs):
            self._note_unrecorded(signature, args, kwargs, frame)
            return None
        self._has_begun = True
        has_grad = torch.is_grad_enabled()
        # A Function that differentiates in its own forward() begins by detaching what it is given, with gradients on.
        if not has_grad or tape.scopes.function is not None or signature.is_detach:
            tape.scopes.follow_functions(frame)
        caller = user_frame(frame)
        if caller is not None and self._compiler is not None and self._compiler.is_loaded:
            self._compiler.look(caller)
        node = Node(id=-1, kind="op", op=signature.name, scope=tape.scopes.path)
        node.put_at(tape.scopes.stack_at(caller))
        if signature.is_detach:
            if is_lazy(args[0]):  # a parameter without a shape, until its module is called
                return None
            source = tape.written_leaf(args[0]) or tape.origin(args[0])
            why = None if frame is caller else detaching_call(frame)
            return node, caller, (), (source, args[0].requires_grad, why or DETACHED)
        tape.place = node.stack
        inputs, changed = self._inputs(signature, args, kwargs, node)
        tape.place = ()
        if changed and tape.before_write is not None:
            for tensor, _ in changed:
                tape.before_write(tensor)
        node.id = len(tape.nodes)
        tape.nodes.append(node)
        for source, argument, requires_grad in inputs:
            tape.edges.append(EdgeDraft(source[0], source[1], node.id, argument, requires_grad))
        if not has_grad:
            self._note_without_grad(node.id, frame, caller)
        elif (hooks := _top_saved_tensors_default_hooks(True)) is not None:
            tape.opaque_saved.add(node.id)
            if getattr(hooks[0], "__module__", None) == torch.utils.checkpoint.__name__:
                tape.notes.add(CHECKPOINTED)
        return node, caller, changed, None

    def _note_without_grad(self, node_id: int, frame: FrameType, caller: FrameType | None) -> None:
        function = self._tape.scopes.function
        if function is not None:
            self._tape.function_of[node_id] = function
            self._tape.without_grad[node_id] = IN_FUNCTION
        elif torch._C._current_autograd_node() is not None:
            self._tape.without_grad[node_id] = IN_BACKWARD
        else:
            self._tape.without_grad[node_id] = switching_call(frame, caller) or NO_GRAD

    def _after(self, call: _Running, result: Any, args: tuple[Any, ...]) -> None:
        """Describe the results of an operation that has run, and name them."""
        node, caller, changed, detached = call
        if detached is not None:
            self._hold_detach(node, caller, *detached, args[0], result)
            return
        self._outputs(node, result, args)
        if changed:
            self._tape.writes.note_outputs(node.id, flat_tensors(result))
            for tensor, came_from in changed:
                self._note_change(tensor, came_from, node.id)
        self._name(node, caller)

    def _name(self, node: Node, caller: FrameType | None) -> None:
        scopes = self._tape.scopes
        if caller is scopes.outside or (scopes.function is not None and caller is scopes.function.caller):
            self._names.forget()  # the result of a Function belongs to its own node; the tracer's variables to nobody
        else:
            self._names.op_ran(node, caller, self._last_outputs[0].reference if self._last_outputs else None)

    def _name_failed(self, function: Any, call: _Running) -> None:
        """The operation that raised has no result, but it is what the program would have bound."""
        try:
            if call[3] is None:
                self._name(call[0], call[1])
        except Exception as error:  # noqa: BLE001 - the program's own error is on its way
            self._forget(function, error)

    def _forget(self, function: Any, error: Exception) -> None:
        """Recording an operation failed: leave it as far as it got, and say so."""
        self._last_outputs = ()
        self._names.forget()
        self._tape.notes.add(fault_note(f"The operation {function}", error))

    def _is_setup(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if not self._tape.scopes.is_empty:
            return False
        if not torch.is_grad_enabled():
            return True
        tensors = flat_tensors((args, tuple(kwargs.values())))
        return not any(tensor.requires_grad for tensor in tensors)

    def _note_unrecorded(
        self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType
    ) -> None:
        """Remember an operation on a leaf that ran without gradients: it may be why there are none."""
        if torch.is_grad_enabled() or signature.mutated:
            return
        if any(tensor.requires_grad for tensor in flat_tensors((args, tuple(kwargs.values())))):
            self._tape.unrecorded = (signature.name, source_of(user_frame(frame)))

    def _inputs(
        self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], node: Node
    ) -> tuple[list[tuple[Origin, str | None, bool]], list[_Changed]]:
        tape = self._tape
        found: list[tuple[Origin, str | None, bool]] = []
        changed: list[_Changed] = []
        written: list[tuple[Origin, str | None, bool]] = []
        mutated = signature.changed(args, kwargs)
        for name, value in named_arguments(signature, args, kwargs):
            if type(value) in PLAIN_TYPES:
                node.params[name] = value
                continue
            if isinstance(value, torch.Tensor):
                requires_grad = value.requires_grad
                origin = tape.origin(value)
                found.append((origin, name, requires_grad))
                writer = tape.written_leaf(value) if requires_grad else None
                if writer is not None:
                    written.append((writer, None, True))
                entry = tape.entries.get(id(value))
                made = origin[0] if entry is None else entry.node
                if made != origin[0] and not requires_grad:
                    written.extend([((other, 0), MEMORY, False) for other in tape.writes.others(value, after=made)])
                if name in mutated:
                    changed.append((value, (made, origin[0])))
                continue
            parts = value if isinstance(value, (list, tuple)) else ()
            if PLAIN_TYPES.issuperset(map(type, parts)):
                parts = ()
            # Numbered by their real places: `x[:, i]` hands over the indices (None, i).
            tensors = [(index, tensor) for index, part in enumerate(parts) for tensor in flat_tensors(part)]
            for index, tensor in tensors:
                origin = tape.origin(tensor)
                found.append((origin, f"{name}[{index}]", tensor.requires_grad))
                if name in mutated:
                    changed.append((tensor, (origin[0], origin[0])))
            if not tensors:
                node.params[name] = plain_parameter(value)
                if name == "generator" and value is not None:
                    remember(value, tape.generators)
        return found + written, changed

    def _outputs(self, node: Node, result: Any, args: tuple[Any, ...]) -> None:
        tape = self._tape
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        entries = []
        for index, tensor in enumerate(flat_tensors(result)):
            same_as = None
            if first is not None and tape.keeper.values != "none" and shares_memory(tensor, first):
                same_as = self._known(first)
            node.outputs.append(tape.keeper.describe(tensor, requires_grad=False, same_as=same_as))
            entry = Entry(weakref.ref(tensor), node.id, index)
            if not (tensor.requires_grad and tensor.is_leaf):  # an in-place change of a leaf leaves it the leaf
                tape.entries[id(tensor)] = entry
            entries.append(entry)
        self._last_outputs = tuple(entries)

    def _known(self, tensor: torch.Tensor) -> tuple[torch.Tensor, TensorInfo] | None:
        """A tensor with the description of it that still holds."""
        tape = self._tape
        entry = tape.entries.get(id(tensor))
        if entry is None or entry.reference() is not tensor or entry.node < 0:
            return None
        infos = tape.nodes[entry.node].outputs
        if entry.output >= len(infos) or not tape.shows_still(tensor, entry.node):
            return None
        return tensor, infos[entry.output]

    def _hold_detach(
        self,
        node: Node,
        caller: FrameType | None,
        source: Origin,
        requires_grad: bool,
        why_cut: str,
        tensor: torch.Tensor,
        result: torch.Tensor,
    ) -> None:
        """Autograd detaches every output that it saves. Only a detach whose result is used becomes a node."""
        tape = self._tape
        if caller is not tape.scopes.outside:
            node.name = ", ".join(names_of_call(caller)) or None
        function = tape.scopes.function
        infos = tape.nodes[source[0]].outputs
        is_same = source[1] < len(infos) and tape.shows_still(tensor, source[0])
        known = (tensor, infos[source[1]]) if is_same else None
        node.outputs.append(tape.keeper.describe(result, requires_grad=False, same_as=known))

        def materialize() -> int:
            node.id = len(tape.nodes)
            tape.nodes.append(node)
            tape.edges.append(EdgeDraft(source[0], source[1], node.id, "self", requires_grad))
            tape.without_grad[node.id] = why_cut if function is None else IN_FUNCTION
            if function is not None:
                tape.function_of[node.id] = function
            return node.id

        self._pending_ids -= 1
        tape.pending_detaches[self._pending_ids] = materialize
        tape.entries[id(result)] = Entry(weakref.ref(result), self._pending_ids, 0)

    def _note_change(self, tensor: torch.Tensor, came_from: tuple[int, int], node_id: int) -> None:
        """An operation changed a tensor in place: whoever shares its memory now reads what that operation wrote."""
        self._tape.writes.note(tensor, node_id, *came_from)
        if tensor._is_view() and tensor._base is not None:
            self._tape.rebased.append((weakref.ref(tensor._base), node_id))

    def _resolve_last(self) -> None:
        """Give the previous operation its autograd node: it is known only after the operation has returned."""
        if not self._last_outputs:
            return
        for reference, writer in self._tape.rebased:
            base = reference()
            grad_fn = None if base is None else base.grad_fn
            if (
                base is None
                or grad_fn is None
                or plain_name(grad_fn) != "CopySlices"
                or self._tape.nodes[writer].sequence_nr is not None
            ):
                continue
            if self._tape.autograd_nodes.get(grad_fn) is None:
                self._tape.adopt_base(self._tape.nodes[writer], grad_fn, base)
        self._tape.rebased.clear()
        for entry in self._last_outputs:
            tensor = entry.reference()
            if tensor is None or not tensor.requires_grad or _is_replayed(tensor) or tensor.is_leaf:
                continue
            known = self._tape.entries.get(id(tensor))
            if known is not None and known.node == entry.node:
                self._tape.link((entry.node, entry.output), tensor.grad_fn, tensor)
        self._last_outputs = ()

    def close(self) -> None:
        """Resolve what is still open. After this nothing more is recorded."""
        with torch._C.DisableTorchFunction():
            self._resolve_last()
        self._names.forget()


def _is_replayed(tensor: torch.Tensor) -> bool:
    """Whether torch runs view operations again to learn a view's autograd node, after a write into it.

    While it does, it holds a lock that asking for the node would wait for: forever, in one of those operations. Such a
    view is linked to its node when it is used.
    """
    base = tensor._base
    return base is not None and (
        base.is_complex() != tensor.is_complex()
        or base.layout != torch.strided
        or type(base) not in (torch.Tensor, torch.nn.Parameter)
    )
