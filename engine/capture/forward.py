"""Records the forward pass: every dispatched operation, where its inputs come from, and its autograd node."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..graph.model import Node, NodeKind, TensorInfo
from .frames import running_frame, source_of, user_frame
from .names import NameTracker, names_of_call
from .schema import Signature, flat_tensors, named_arguments, plain_parameter, signature_of
from .scopes import ScopeStack
from .tensors import Keeper

Origin = tuple[int, int]
"""Node id and output number that a tensor comes from."""


class _Entry(NamedTuple):
    """Who made a living tensor. The weak reference tells a recycled identity from the real one."""

    reference: weakref.ref[torch.Tensor]
    node: int
    output: int


class EdgeDraft(NamedTuple):
    """Data flowing into an operation, before it is known whether a gradient flows back along it."""

    source: int
    output: int
    target: int
    argument: str | None
    requires_grad: bool


class Tape:
    """Everything recorded so far. `is_step` leaves out the set-up that runs before the first differentiable operation."""

    def __init__(self, keeper: Keeper, scopes: ScopeStack, *, is_step: bool) -> None:
        self.keeper = keeper
        self.scopes = scopes
        self.nodes: list[Node] = []
        self.edges: list[EdgeDraft] = []
        self.node_of_sequence: dict[int, int] = {}
        self.autograd_outputs: dict[int, dict[int, int]] = {}
        """For each node whose numbering differs: autograd's output number → the operation's output number."""
        self.opaque_saved: set[int] = set()
        """Nodes whose saved tensors must not be unpacked, since that would run the user's hooks."""
        self.notes: set[str] = set()
        self.names = NameTracker()
        self._entries: dict[int, _Entry] = {}
        self._anchors: list[torch.Tensor] = []
        self._writers: dict[int, Origin] = {}
        self._rebased: list[tuple[weakref.ref[torch.Tensor], int]] = []
        self._last_outputs: tuple[_Entry, ...] = ()
        self._without_grad: set[int] = set()
        self._detached: dict[int, Callable[[], int]] = {}
        self._pending_ids = 0
        self._is_step = is_step
        self._has_begun = not is_step
        self._given_names: dict[int, tuple[str, NodeKind]] = {}

    # Tensors that enter from outside.

    def announce(self, tensor: torch.Tensor, name: str, kind: NodeKind = "input") -> None:
        """Say what a tensor is called that the program is given."""
        self._anchors.append(tensor)
        self._given_names[id(tensor)] = (name, kind)

    def origin(self, tensor: torch.Tensor) -> Origin:
        """The node and output that made a tensor; a tensor from outside gets a node of its own."""
        entry = self._entries.get(id(tensor))
        if entry is not None and entry.reference() is not tensor:
            entry = None
        if tensor.requires_grad and tensor.is_leaf:
            return self._leaf(tensor, entry)
        grad_fn = tensor.grad_fn if tensor.requires_grad else None
        if entry is None:
            if grad_fn is not None:
                return self._autograd_only(grad_fn, tensor)
            return self._external(tensor)
        found: Origin = (entry.node, entry.output)
        if entry.node in self._detached:
            found = (self._detached.pop(entry.node)(), entry.output)
            self._entries[id(tensor)] = entry._replace(node=found[0])
        if grad_fn is not None:
            return self._link(found, grad_fn, tensor)
        if self._writers:
            writer = self._writers.get(_storage_of(tensor))
            if writer is not None and writer[0] > found[0]:
                return writer
        return found

    def _leaf(self, tensor: torch.Tensor, entry: _Entry | None) -> Origin:
        if entry is None:
            return self._external(tensor)
        node_id = entry.node
        if node_id in self._detached:
            node_id = self._detached.pop(node_id)()
            self._entries[id(tensor)] = entry._replace(node=node_id)
        node = self.nodes[node_id]
        if node.kind != "leaf" and node.grad_fn is None and len(node.outputs) == 1:
            node.kind = "leaf"
            node.grad_fn = "AccumulateGrad"
            node.sequence_nr = 2**64 - 1
            node.outputs[0].requires_grad = True
            node.name = node.name or self.scopes.parameter_names.get(id(tensor)) or self._variable_name(tensor)
            self._anchors.append(tensor)
        return node_id, entry.output

    def _external(self, tensor: torch.Tensor) -> Origin:
        name, kind = self._identify(tensor)
        node = Node(id=len(self.nodes), kind=kind, name=name, scope=self.scopes.path)
        if kind == "leaf":
            node.grad_fn = "AccumulateGrad"
            node.sequence_nr = 2**64 - 1
        node.source = source_of(user_frame(running_frame()))
        node.outputs.append(self.keeper.describe(tensor))
        self.nodes.append(node)
        self._entries[id(tensor)] = _Entry(weakref.ref(tensor), node.id, 0)
        self._anchors.append(tensor)
        return node.id, 0

    def _identify(self, tensor: torch.Tensor) -> tuple[str | None, NodeKind]:
        key = id(tensor)
        if tensor.requires_grad:
            name = self.scopes.parameter_names.get(key) or self._given_names.get(key, (None, "leaf"))[0]
            return name or self._variable_name(tensor), "leaf"
        if key in self.scopes.parameter_names:  # a frozen parameter
            return self.scopes.parameter_names[key], "buffer"
        if key in self.scopes.buffer_names:
            return self.scopes.buffer_names[key], "buffer"
        if key in self._given_names:
            return self._given_names[key]
        return self._variable_name(tensor), "input" if self._is_step else "constant"

    def _variable_name(self, tensor: torch.Tensor) -> str | None:
        return self.names.search(user_frame(running_frame()), tensor)

    # Autograd nodes.

    def _link(self, found: Origin, grad_fn: Any, tensor: torch.Tensor) -> Origin:
        sequence = grad_fn._sequence_nr()
        known = self.node_of_sequence.get(sequence)
        if known is not None and known != found[0]:
            return known, self.output_number(known, tensor.output_nr)
        node_id, output = found
        node = self.nodes[node_id]
        if known is None:
            if node_id in self._without_grad or (node.sequence_nr is not None and node.sequence_nr != sequence):
                return self._autograd_only(grad_fn, tensor, found)
            self.adopt(node, grad_fn)
        if tensor.output_nr != output:
            self.autograd_outputs.setdefault(node_id, {})[tensor.output_nr] = output
        if output < len(node.outputs):
            node.outputs[output].requires_grad = True
        return found

    def adopt(self, node: Node, grad_fn: Any) -> None:
        """Make an autograd node part of `node`."""
        node.sequence_nr = grad_fn._sequence_nr()
        node.grad_fn = plain_name(grad_fn)
        self.node_of_sequence[node.sequence_nr] = node.id

    def output_number(self, node_id: int, autograd_number: int) -> int:
        return self.autograd_outputs.get(node_id, {}).get(autograd_number, autograd_number)

    def _autograd_only(self, grad_fn: Any, tensor: torch.Tensor, inner: Origin | None = None) -> Origin:
        """The node for an autograd node that no recorded operation stands for: a custom Function, a rebased view."""
        sequence = grad_fn._sequence_nr()
        known = self.node_of_sequence.get(sequence)
        if known is None:
            node = self.add_autograd_node(grad_fn)
            if inner is not None:
                made_by = self.nodes[inner[0]]
                node.scope, node.source = made_by.scope, made_by.source
                self.edges.append(EdgeDraft(inner[0], inner[1], node.id, "result", False))
            known = node.id
        node = self.nodes[known]
        while len(node.outputs) <= tensor.output_nr:
            node.outputs.append(TensorInfo(shape=(), dtype="unknown", note="this output was never used"))
        if node.outputs[tensor.output_nr].dtype == "unknown":
            node.outputs[tensor.output_nr] = self.keeper.describe(tensor)
        return known, tensor.output_nr

    def add_autograd_node(self, grad_fn: Any) -> Node:
        node = Node(id=len(self.nodes), kind="op", scope=self.scopes.path)
        self.nodes.append(node)
        self.adopt(node, grad_fn)
        node.source = source_of(user_frame(running_frame()))
        function = getattr(type(grad_fn), "_forward_cls", None)
        if function is not None:
            node.call = f"{function.__qualname__}.apply"
        return node

    def leaf_node(self, variable: torch.Tensor) -> int:
        """The node of a leaf that an AccumulateGrad belongs to."""
        return self.origin(variable)[0]

    def known_origin(self, tensor: torch.Tensor) -> Origin | None:
        """Node and output that made a tensor, if it was recorded."""
        entry = self._entries.get(id(tensor))
        if entry is None or entry.reference() is not tensor or entry.node < 0:
            return None
        return entry.node, entry.output

    def why_cut(self, edge: EdgeDraft, is_reached: bool) -> str | None:
        """Why no gradient flows back along an edge; `is_reached` says whether the backward graph has its target."""
        target = self.nodes[edge.target]
        if edge.argument == "result":
            return "inside a custom Function: its own backward takes over"
        if not edge.requires_grad:
            return "needs no gradient"
        if target.op == "aten.detach.default":
            return "cut by detach()"
        if edge.target in self._without_grad:
            return "cut: gradients were switched off here (no_grad)"
        if target.grad_fn is None:
            return "cut: the result is not a floating-point tensor, or the operation has no derivative"
        return "cut: the operation has no derivative in this input" if is_reached else "not on a path to the root"

    # Operations.

    def run(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Execute one dispatched operation and record it."""
        self._resolve_last()
        signature = signature_of(function)
        frame = running_frame()
        if not self._has_begun and self._is_setup(args, kwargs):
            return function(*args, **kwargs)
        self._has_begun = True
        if signature.is_detach:
            return self._run_detach(function, args, kwargs, signature, frame)
        node = Node(id=-1, kind="op", op=signature.name, scope=self.scopes.path)
        caller = user_frame(frame)
        node.source = source_of(caller)
        inputs, changed = self._inputs(signature, args, kwargs, node)
        node.id = len(self.nodes)
        self.nodes.append(node)
        for source, argument, requires_grad in inputs:
            self.edges.append(EdgeDraft(source[0], source[1], node.id, argument, requires_grad))
        if not torch.is_grad_enabled():
            self._without_grad.add(node.id)
        elif torch._C._autograd._top_saved_tensors_default_hooks(True) is not None:
            self.opaque_saved.add(node.id)
        started = time.perf_counter()
        result = function(*args, **kwargs)
        node.seconds = time.perf_counter() - started
        self._outputs(node, result, args)
        for tensor in changed:
            self._note_change(tensor, node.id)
        self.names.op_ran(node, caller, self._last_outputs[0].reference if self._last_outputs else None)
        return result

    def _is_setup(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if not self.scopes.is_empty:
            return False
        if not torch.is_grad_enabled():
            return True
        tensors = flat_tensors((args, tuple(kwargs.values())))
        return not any(tensor.requires_grad for tensor in tensors)

    def _inputs(
        self, signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any], node: Node
    ) -> tuple[list[tuple[Origin, str, bool]], list[torch.Tensor]]:
        found: list[tuple[Origin, str, bool]] = []
        changed: list[torch.Tensor] = []
        for name, value in named_arguments(signature, args, kwargs):
            if isinstance(value, torch.Tensor):
                found.append((self.origin(value), name, value.requires_grad))
                if name in signature.mutated:
                    changed.append(value)
                continue
            tensors = list(flat_tensors(value)) if isinstance(value, (list, tuple)) else []
            for index, tensor in enumerate(tensors):
                found.append((self.origin(tensor), f"{name}[{index}]", tensor.requires_grad))
                if name in signature.mutated:
                    changed.append(tensor)
            if not tensors:
                node.params[name] = plain_parameter(value)
        return found, changed

    def _outputs(self, node: Node, result: Any, args: tuple[Any, ...]) -> None:
        first = args[0] if args and isinstance(args[0], torch.Tensor) else None
        entries = []
        for index, tensor in enumerate(flat_tensors(result)):
            same_as = None
            if first is not None and first is not tensor:
                entry = self._entries.get(id(first))
                if entry is not None and entry.reference() is first:
                    infos = self.nodes[entry.node].outputs
                    same_as = (first, infos[entry.output]) if entry.output < len(infos) else None
            node.outputs.append(self.keeper.describe(tensor, requires_grad=False, same_as=same_as))
            entry = _Entry(weakref.ref(tensor), node.id, index)
            if not (tensor.requires_grad and tensor.is_leaf):  # an in-place change of a leaf leaves it the leaf
                self._entries[id(tensor)] = entry
            entries.append(entry)
        self._last_outputs = tuple(entries)

    def _run_detach(
        self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], signature: Signature, frame: Any
    ) -> Any:
        """Autograd detaches every output that it saves. Only a detach whose result is used becomes a node."""
        tensor = args[0]
        source, requires_grad = self.origin(tensor), tensor.requires_grad
        result = function(*args, **kwargs)
        caller = user_frame(frame)
        place, scope, name = source_of(caller), self.scopes.path, ", ".join(names_of_call(caller)) or None
        infos = self.nodes[source[0]].outputs
        known = (tensor, infos[source[1]]) if source[1] < len(infos) else None
        described = self.keeper.describe(result, requires_grad=False, same_as=known)

        def materialize() -> int:
            node = Node(id=len(self.nodes), kind="op", op=signature.name, scope=scope, source=place, name=name)
            node.outputs.append(described)
            self.nodes.append(node)
            self.edges.append(EdgeDraft(source[0], source[1], node.id, "self", requires_grad))
            self._without_grad.add(node.id)
            return node.id

        self._pending_ids -= 1
        self._detached[self._pending_ids] = materialize
        self._entries[id(result)] = _Entry(weakref.ref(result), self._pending_ids, 0)
        return result

    def _note_change(self, tensor: torch.Tensor, node_id: int) -> None:
        """An operation changed a tensor in place: whoever shares its memory now reads what that operation wrote."""
        if tensor.requires_grad and tensor.is_leaf:
            return
        storage = _storage_of(tensor)
        if storage:
            self._writers[storage] = (node_id, 0)
        if tensor._is_view() and tensor._base is not None:
            self._rebased.append((weakref.ref(tensor._base), node_id))

    def _resolve_last(self) -> None:
        """Give the previous operation its autograd node: it is known only after the operation has returned."""
        if not self._last_outputs:
            return
        for reference, writer in self._rebased:
            base = reference()
            if base is not None and base.grad_fn is not None and plain_name(base.grad_fn) == "CopySlices":
                if self.nodes[writer].sequence_nr is None and base.grad_fn._sequence_nr() not in self.node_of_sequence:
                    self.adopt(self.nodes[writer], base.grad_fn)
        self._rebased.clear()
        for entry in self._last_outputs:
            tensor = entry.reference()
            if tensor is None or not tensor.requires_grad or tensor.is_leaf:
                continue
            known = self._entries.get(id(tensor))
            if known is not None and known.node == entry.node:
                self._link((entry.node, entry.output), tensor.grad_fn, tensor)
        self._last_outputs = ()

    def close(self) -> None:
        """Resolve what is still open. After this nothing more is recorded."""
        self._resolve_last()
        self.names.close()

    def release(self) -> None:
        """Let go of every tensor of the program."""
        self._entries.clear()
        self._anchors.clear()
        self._detached.clear()
        self._rebased.clear()
        self._given_names.clear()


class ForwardMode(TorchDispatchMode):
    """Hands every operation that PyTorch dispatches on this thread to the tape."""

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from wrapping the handler for its compiler, whose import would cost the first trace a second."""
        return False

    def __init__(self, tape: Tape) -> None:
        super().__init__()
        self._tape = tape

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._tape.run(func, args, kwargs or {})


def plain_name(grad_fn: Any) -> str:
    """An autograd node's name without its namespace: "AccumulateGrad", "CopySlices", "AddBackward0"."""
    return str(grad_fn.name()).rpartition("::")[2]


def _storage_of(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):
        return 0
