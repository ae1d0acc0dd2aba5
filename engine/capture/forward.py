"""Records the forward pass: every dispatched operation, where its inputs come from, and its autograd node."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Sequence
from time import perf_counter
from types import FrameType
from typing import Any

import torch
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from ..graph.model import Node, TensorInfo
from .compiled import CompilerOff
from .drafts import EdgeDraft, Entry, Origin
from .faults import fault_note
from .frames import source_of, user_frame
from .grad_graph import plain_name
from .matching import DETACHED, IN_BACKWARD, IN_FUNCTION, MEMORY, NO_GRAD
from .names import NameTracker, name_of_call
from .randomness import remember
from .schema import (
    LONGEST_LIST,
    PLAIN_TYPES,
    Signature,
    flat_tensors,
    named_arguments,
    plain_parameter,
    signature_of,
    tensors_of,
)
from .tape import Tape
from .tensors import TENSOR_CLASSES, shares_memory
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
        self._last_outputs: Sequence[Entry] = ()
        self._pending_ids = 0
        self._has_begun = not is_step

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._run(func, args, kwargs or {}, sys._getframe(1))

    def _run(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Any:
        """Execute one dispatched operation and record it. What fails in the recording never fails the program."""
        try:
            call = self._before(function, args, kwargs, frame)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here is no fault of the program
            self._forget(function, error)
            return function(*args, **kwargs)
        if call is None:
            return function(*args, **kwargs)
        started = perf_counter()
        try:
            result = function(*args, **kwargs)
        except BaseException:
            self._name_failed(function, call)
            raise
        call[0].seconds = perf_counter() - started
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
        if self._last_outputs:
            self._resolve_last()
        tape = self._tape
        scopes = tape.scopes
        if not self._has_begun:
            if self._is_setup(args, kwargs):
                self._note_unrecorded(signature, args, kwargs, frame)
                return None
            self._has_begun = True
        has_grad = torch.is_grad_enabled()
        # A Function that differentiates in its own forward() begins by detaching what it is given, with gradients on.
        if not has_grad or scopes.function is not None or signature.is_detach:
            scopes.follow_functions(frame)
        caller = user_frame(frame)
        if self._compiler is not None:
            self._compiler.look(caller)
        stack = scopes.stack_at(caller)
        node = Node(id=-1, kind="op", op=signature.name, scope=scopes.path)
        node.put_at(stack)
        if signature.is_detach:
            if is_lazy(args[0]):  # a parameter without a shape, until its module is called
                return None
            source = tape.written_leaf(args[0]) or tape.origin(args[0])
            why = None if frame is caller else detaching_call(frame)
            return node, caller, (), (source, args[0].requires_grad, why or DETACHED)
        tape.place = stack
        inputs, changed = self._inputs(signature, args, kwargs, node)
        tape.place = ()
        if changed and tape.before_write is not None:
            for tensor, _ in changed:
                tape.before_write(tensor)
        node.id = number = len(tape.nodes)
        tape.nodes.append(node)
        for origin, argument, requires_grad in inputs:
            tape.edges.append(EdgeDraft(*origin, number, argument, requires_grad))
        if not has_grad:
            self._note_without_grad(number, frame, caller)
        elif (hooks := _top_saved_tensors_default_hooks(True)) is not None:
            self._note_hidden(number, hooks[0])
        return node, caller, changed, None

    def _note_hidden(self, node_id: int, pack: Any) -> None:
        """What an operation saves goes through hooks of the program's, which looking at it would run."""
        self._tape.opaque_saved.add(node_id)
        if getattr(pack, "__module__", None) == torch.utils.checkpoint.__name__:
            self._tape.notes.add(CHECKPOINTED)

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
        for tensor, (made, source) in changed:
            self._tape.note_write(tensor, node.id, made, source)
        if changed:
            self._tape.writes.note_outputs(node.id, tensors_of(result))
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
            kind = type(value)
            if kind in PLAIN_TYPES:
                node.params[name] = value
            elif kind in TENSOR_CLASSES or isinstance(value, torch.Tensor):
                requires_grad = value.requires_grad
                origin = tape.origin(value)
                found.append((origin, name, requires_grad))
                if requires_grad:
                    if value.is_leaf and (writer := tape.written_leaf(value)) is not None:
                        written.append((writer, None, True))
                    if not mutated:
                        continue
                entry = tape.entries.get(id(value))
                made = origin[0] if entry is None else entry.node
                if made != origin[0] and not requires_grad:
                    written.extend([((other, 0), MEMORY, False) for other in tape.writes.others(value, after=made)])
                if name in mutated:
                    changed.append((value, (made, origin[0])))
            elif (kind is list or kind is tuple) and PLAIN_TYPES.issuperset(map(type, value)):
                node.params[name] = list(value) if len(value) <= LONGEST_LIST else plain_parameter(value)
            else:
                found += self._parts(name, value, node, changed if name in mutated else None)
        return found + written, changed

    def _parts(
        self, name: str, value: Any, node: Node, changed: list[_Changed] | None
    ) -> list[tuple[Origin, str | None, bool]]:
        """The tensors in an argument that is a list of them, or else the argument as plain data."""
        tape = self._tape
        found: list[tuple[Origin, str | None, bool]] = []
        # Numbered by their real places: `x[:, i]` hands over the indices (None, i).
        for index, part in enumerate(value if isinstance(value, (list, tuple)) else ()):
            for tensor in flat_tensors(part):
                origin = tape.origin(tensor)
                found.append((origin, f"{name}[{index}]", tensor.requires_grad))
                if changed is not None:
                    changed.append((tensor, (origin[0], origin[0])))
        if not found:
            node.params[name] = plain_parameter(value)
            if name == "generator" and value is not None:
                remember(value, tape.generators)
        return found

    def _outputs(self, node: Node, result: Any, args: tuple[Any, ...]) -> None:
        tape = self._tape
        keeper, number = tape.keeper, node.id
        first = args[0] if args and keeper.values != "none" and isinstance(args[0], torch.Tensor) else None
        entries = []
        for index, tensor in enumerate(tensors_of(result)):
            same_as = None
            if first is not None and shares_memory(tensor, first):
                same_as = self._known(first)
            node.outputs.append(keeper.describe(tensor, requires_grad=False, same_as=same_as))
            entry = Entry(weakref.ref(tensor), number, index)
            if not (tensor.requires_grad and tensor.is_leaf):  # an in-place change of a leaf leaves it the leaf
                tape.entries[id(tensor)] = entry
            entries.append(entry)
        self._last_outputs = entries

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
            node.name = name_of_call(caller)
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

    def _resolve_last(self) -> None:
        """Give the previous operation its autograd node: it is known only after the operation has returned."""
        tape = self._tape
        if tape.rebased:
            self._resolve_rebased()
        for entry in self._last_outputs:
            tensor = entry.reference()
            if tensor is None or not tensor.requires_grad or _is_replayed(tensor) or tensor.is_leaf:
                continue
            known = tape.entries.get(id(tensor))
            if known is not None and known.node == entry.node:
                tape.link((entry.node, entry.output), tensor.grad_fn, tensor)
        self._last_outputs = ()

    def _resolve_rebased(self) -> None:
        """Give a write into a view the autograd node that its base has now."""
        tape = self._tape
        for reference, writer in tape.rebased:
            base = reference()
            grad_fn = None if base is None else base.grad_fn
            if (
                base is None
                or grad_fn is None
                or plain_name(grad_fn) != "CopySlices"
                or tape.nodes[writer].sequence_nr is not None
            ):
                continue
            if tape.autograd_nodes.get(grad_fn) is None:
                tape.adopt_base(tape.nodes[writer], grad_fn, base)
        tape.rebased.clear()

    def close(self) -> None:
        """Resolve what is still open. After this nothing more is recorded."""
        if self._last_outputs:
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
