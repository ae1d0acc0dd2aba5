"""The tape: every node recorded so far, and which of them made which living tensor."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from ..graph.model import Node, NodeKind, Source
from .autograd_nodes import ELSEWHERE, AutogradNodes
from .drafts import AccumulateGrad, EdgeDraft, Entry, Origin
from .forms import UNSEEN, mark_differentiable, undescribed
from .frames import running_frame, user_frame, variable_named
from .grad_graph import plain_name
from .owners import learn_owners, parameter_named
from .scopes import FunctionCall, ScopeStack
from .tensors import Keeper
from .writes import Writes, storage_of


class Tape:
    """Nodes and data edges recorded so far, and the origin of every tensor that is still alive.

    `is_step` says that the recording began in the middle of a program: tensors from before are its inputs.
    """

    def __init__(self, keeper: Keeper, scopes: ScopeStack, *, is_step: bool) -> None:
        self.keeper = keeper
        self.scopes = scopes
        self.nodes: list[Node] = []
        self.edges: list[EdgeDraft] = []
        self.autograd_nodes = AutogradNodes()
        self.autograd_outputs: dict[int, dict[int, int]] = {}
        """For each node whose numbering differs: autograd's output number → the operation's output number."""
        self.opaque_saved: set[int] = set()
        """Nodes whose saved tensors must not be unpacked, since that would run the user's hooks."""
        self.notes: set[str] = set()
        self.unreadable: list[tuple[int, str, str]] = []
        """Saved tensors that could not be read: node, name, and what autograd says about it."""
        self.unrecorded: tuple[str, Source | None] | None = None
        """The last operation that read a leaf while gradients were off, before the step began."""
        self.entries: dict[int, Entry] = {}
        self.anchors: list[torch.Tensor] = []
        """Every tensor from outside, kept alive so that its identity stays its own."""
        self._leaves_to_name: list[tuple[Node, torch.Tensor]] = []
        """Leaves that no module has named so far: a variable may have, a loop's over all parameters, say."""
        self._looked_up: set[int] = set()
        self.writes = Writes()
        self.rebased: list[tuple[weakref.ref[torch.Tensor], int]] = []
        self.without_grad: dict[int, str] = {}
        """Nodes that ran without recording gradients, and why."""
        self.function_of: dict[int, FunctionCall] = {}
        """For each operation inside a custom Function: the call."""
        self._function_nodes: set[int] = set()
        self._read_leaves: set[int] = set()
        """Leaves that were read before they were written in place: their value is that from before."""
        self.pending_detaches: dict[int, Callable[[], int]] = {}
        self.before_write: Callable[[torch.Tensor], None] | None = None
        """Called with each tensor that an operation is about to change in place."""
        self.generators: dict[int, tuple[torch.Generator, torch.Tensor]] = {}
        """The program's own random number generators, and their states before it first drew from them."""
        self.hooks: dict[tuple[int, int], tuple[Any, Source | None, bool]] = {}
        """Hooks on tensors by node and the hook's identity: each, its place, and whether it may change a gradient."""
        self.place: tuple[Source, ...] = ()
        """Where the operation is called whose inputs are being looked up."""
        self._is_step = is_step
        self._given_names: dict[int, tuple[str, NodeKind]] = {}

    # Tensors that enter from outside.

    def announce(self, tensor: torch.Tensor, name: str, kind: NodeKind = "input") -> None:
        """Say what a tensor is called that the program is given."""
        self.anchors.append(tensor)
        self._given_names.setdefault(id(tensor), (name, kind))  # what is given twice keeps its first name

    def origin(self, tensor: torch.Tensor) -> Origin:
        """The node and output that made a tensor; a tensor from outside gets a node of its own."""
        entry = self.entries.get(id(tensor))
        if entry is not None and entry.reference() is not tensor:
            entry = None
        grad_fn = None
        if tensor.requires_grad:
            if tensor.is_leaf:
                return self._leaf(tensor, entry)
            grad_fn = tensor.grad_fn
        if entry is None:
            if grad_fn is not None:
                return self._autograd_only(grad_fn, tensor)
            return self._external(tensor)
        found: Origin = (entry.node, entry.output)
        if entry.node in self.pending_detaches:
            found = (self.pending_detaches.pop(entry.node)(), entry.output)
            self.entries[id(tensor)] = Entry(entry.reference, *found)
        if grad_fn is not None:
            return self.link(found, grad_fn, tensor)
        if self._is_step:
            self._name_prepared(self.nodes[found[0]], tensor)
        writer = self.writes.last(tensor, after=found[0])
        return found if writer is None else (writer, self._output_showing(self.nodes[writer], tensor))

    def _name_prepared(self, node: Node, tensor: torch.Tensor) -> None:
        """Name a batch that the program's set-up made (a data loader, say): it may turn out to be an input."""
        if node.name is None and node.kind == "op" and not node.scope and node.id not in self._looked_up:
            self._looked_up.add(node.id)
            node.name = self._variable_name(tensor)

    def written_leaf(self, tensor: torch.Tensor) -> Origin | None:
        """The operation that last wrote a leaf in place: its value is from there, its gradient is its own."""
        if self._is_step or not (tensor.requires_grad and tensor.is_leaf):
            return None
        writer = self.writes.last(tensor)
        return None if writer is None else (writer, self._output_showing(self.nodes[writer], tensor))

    def note_write(self, tensor: torch.Tensor, node_id: int, made: int, source: int) -> None:
        """An operation changed a tensor in place: whoever shares its memory now reads what that operation wrote."""
        self.writes.note(tensor, node_id, made, source)
        base = tensor._base
        if base is not None:
            self.rebased.append((weakref.ref(base), node_id))

    def shows_still(self, tensor: torch.Tensor, node_id: int) -> bool:
        """Whether nothing has been written into a tensor's memory since a node's outputs were described."""
        return self.writes.last(tensor, after=node_id) is None

    def _leaf(self, tensor: torch.Tensor, entry: Entry | None) -> Origin:
        if entry is None:
            return self._external(tensor)
        node_id = entry.node
        if node_id in self.without_grad and not torch.is_grad_enabled() and tensor._is_view():
            return node_id, entry.output  # torch calls a view that was taken under no_grad a leaf too
        if node_id in self.pending_detaches:
            node_id = self.pending_detaches.pop(node_id)()
            self.entries[id(tensor)] = Entry(entry.reference, node_id, entry.output)
        node = self.nodes[node_id]
        if node.kind != "leaf" and node.grad_fn is None and len(node.outputs) == 1:
            node.kind = "leaf"
            node.grad_fn = "AccumulateGrad"
            node.sequence_nr = 2**64 - 1
            node.outputs[0].requires_grad = True
            node.name = self.scopes.parameter_names.get(id(tensor)) or node.name or self._variable_name(tensor)
            self.anchors.append(tensor)
            if id(tensor) not in self.scopes.parameter_names:
                self._leaves_to_name.append((node, tensor))
        if torch.is_grad_enabled() and node_id not in self._read_leaves and not self.shows_still(tensor, node_id):
            self._see_initialised(node, entry.output, tensor)
        return node_id, entry.output

    def _see_initialised(self, node: Node, output: int, tensor: torch.Tensor) -> None:
        """A leaf has been written since it was met. If nothing has read it before, that was its initialisation."""
        for edge in reversed(self.edges):
            if edge.target < node.id:
                break
            if edge.source == node.id and edge.target not in self.without_grad:
                self._read_leaves.add(node.id)
                return
        if output < len(node.outputs):
            node.outputs[output] = self.keeper.describe(tensor)

    def _external(self, tensor: torch.Tensor) -> Origin:
        key = id(tensor)
        name, kind = self._identify(tensor)
        is_given = key in self._given_names
        # What the program was given belongs to no module; a parameter or buffer is drawn where it is first used.
        scope = () if is_given or kind == "input" else self.scopes.path
        is_unknown = not is_given and kind in ("constant", "input")
        alias = self._alias(tensor) if is_unknown else None
        number = len(self.nodes)
        node = Node(id=number, kind=kind, name=name, scope=scope, outputs=[self.keeper.describe(tensor)])
        node.put_at(self.place or self.scopes.stack_at(running_frame()))
        if kind == "leaf":
            node.grad_fn = "AccumulateGrad"
            node.sequence_nr = 2**64 - 1
            if not is_given and key not in self.scopes.parameter_names:
                self._leaves_to_name.append((node, tensor))
        self.nodes.append(node)
        self.entries[key] = Entry(weakref.ref(tensor), number, 0)
        self.anchors.append(tensor)
        if alias is not None:
            self.edges.append(EdgeDraft(alias[0], alias[1], number, "memory", True))
        return number, 0

    def _alias(self, tensor: torch.Tensor) -> Origin | None:
        """What a tensor shows that was made around PyTorch's dispatch, in memory that a recorded tensor owns."""
        storage = storage_of(tensor)
        if not storage or type(tensor) is not torch.Tensor or tensor.device.type != "cpu":
            return None
        writer = self.writes.last(tensor)
        if writer is not None:
            return writer, self._output_showing(self.nodes[writer], tensor)
        if tensor.untyped_storage().resizable():
            return None  # torch owns the memory, and every tensor of torch's own making was seen when it was made
        address = tensor.data_ptr()
        for entry in reversed(self.entries.values()):
            known = entry.reference()
            if known is None or type(known) not in (torch.Tensor, torch.nn.Parameter) or known.layout != torch.strided:
                continue
            memory = known.untyped_storage()
            if tensor is not known and memory.data_ptr() <= address < memory.data_ptr() + memory.nbytes():
                return self.origin(known)
        return None

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
        frame = running_frame()
        named = variable_named(user_frame(frame), tensor, outermost=self._is_step)
        return named or (parameter_named(frame, tensor) if isinstance(tensor, torch.nn.Parameter) else None)

    # Autograd nodes.

    def link(self, found: Origin, grad_fn: Any, tensor: torch.Tensor) -> Origin:
        node_id, output = found
        known = self.autograd_nodes.get(grad_fn)
        if known is not None and known != node_id:
            if known in self._function_nodes:
                self._show_output(known, tensor, found)
            return known, self.output_number(known, tensor.output_nr)
        node = self.nodes[node_id]
        if known is None:
            sequence = grad_fn._sequence_nr()
            if node_id in self.without_grad or (node.sequence_nr is not None and node.sequence_nr != sequence):
                return self._autograd_only(grad_fn, tensor, found)
            self.adopt(node, grad_fn)
            if len(node.outputs) > 1:
                mark_differentiable(node, grad_fn, output - tensor.output_nr)
        number = tensor.output_nr
        if number != output:
            self.autograd_outputs.setdefault(node_id, {})[number] = output
        if output < len(node.outputs):
            node.outputs[output].requires_grad = True
        return found

    def adopt(self, node: Node, grad_fn: Any) -> None:
        """Make an autograd node part of `node`."""
        node.sequence_nr = grad_fn._sequence_nr()
        node.grad_fn = plain_name(grad_fn)
        self.autograd_nodes.add(grad_fn, node.id)

    def adopt_base(self, node: Node, grad_fn: Any, base: torch.Tensor) -> None:
        """Make the CopySlices of a write into a view part of the writing operation.

        Its gradient is that of the whole base, so the base as it is now becomes an output of its own.
        """
        self.adopt(node, grad_fn)
        self.autograd_outputs[node.id] = {0: self._output_showing(node, base)}

    def _output_showing(self, node: Node, tensor: torch.Tensor) -> int:
        """The output of a writing operation that is `tensor` as written; added if the operation returned another."""
        number = self.writes.output(node.id, tensor, len(node.outputs))
        if number == len(node.outputs):
            node.outputs.append(self.keeper.describe(tensor))
        return number

    def output_number(self, node_id: int, autograd_number: int) -> int:
        numbers = self.autograd_outputs.get(node_id)
        return autograd_number if numbers is None else numbers.get(autograd_number, autograd_number)

    def _autograd_only(self, grad_fn: Any, tensor: torch.Tensor, inner: Origin | None = None) -> Origin:
        """The node for an autograd node that no recorded operation stands for: a custom Function, a rebased view."""
        known = self.autograd_nodes.get(grad_fn)
        if known is None:
            node = self.add_autograd_node(grad_fn)
            known = node.id
            self._function_nodes.add(known)
            if inner is not None:
                self._place_like(node, inner[0])
            elif node.call is not None:
                node.name = self._variable_name(tensor)
        self._show_output(known, tensor, inner)
        return known, tensor.output_nr

    def _place_like(self, node: Node, inner: int) -> None:
        """Say where an autograd-only node comes from: the call of its Function, or else the operation behind it."""
        made_by = self.nodes[inner]
        node.scope = made_by.scope
        node.put_at(made_by.stack)
        call = self.function_of.get(inner)
        while call is not None:
            if node.call is not None and node.call.startswith(f"{getattr(call.function, '__qualname__', '')}."):
                node.scope = call.path
                node.put_at(call.stack)
                names = [name for name in call.names if name and name != "_"]
                node.name = ", ".join(names) or None
                if len(call.names) > 1:
                    for info, name in zip(node.outputs, call.names, strict=False):
                        info.name = name
            call = call.outer  # the outermost Function of that name: calls inside it record no gradients

    def _show_output(self, node_id: int, tensor: torch.Tensor, inner: Origin | None) -> None:
        """Describe an output of an autograd-only node when it is first met, and link it to what computed it."""
        outputs = self.nodes[node_id].outputs
        while len(outputs) <= tensor.output_nr:
            outputs.append(undescribed(None))
        if outputs[tensor.output_nr].note == UNSEEN:
            name = outputs[tensor.output_nr].name
            outputs[tensor.output_nr] = self.keeper.describe(tensor)
            outputs[tensor.output_nr].name = name
            if inner is not None:
                self.edges.append(EdgeDraft(inner[0], inner[1], node_id, "result", False))

    def add_autograd_node(self, grad_fn: Any) -> Node:
        """The node for an autograd node that nothing stands for yet, after those for all that it depends on."""
        pending = [grad_fn]
        while pending:
            following = [node for node, _ in pending[-1].next_functions if node is not None and not self._knows(node)]
            if following:
                pending.extend(following)
                continue
            top = pending.pop()
            if not self._knows(top):
                self._add_autograd_node(top)
        number = self.autograd_nodes.get(grad_fn)
        assert number is not None
        return self.nodes[number]

    def _knows(self, grad_fn: Any) -> bool:
        if type(grad_fn) is AccumulateGrad:
            self.leaf_node(grad_fn.variable)
            return True
        return self.autograd_nodes.get(grad_fn) is not None

    def _add_autograd_node(self, grad_fn: Any) -> None:
        node = Node(id=len(self.nodes), kind="op", scope=self.scopes.path)
        self.nodes.append(node)
        if self.autograd_nodes.is_of_another_thread(grad_fn):
            self.notes.add(ELSEWHERE)
        self.adopt(node, grad_fn)
        if self.autograd_nodes.is_of_one_thread or hasattr(type(grad_fn), "_forward_cls"):
            node.put_at(self.scopes.stack_at(running_frame()))
        node.outputs = [undescribed(form) for form in getattr(grad_fn, "_input_metadata", ())]
        function = getattr(type(grad_fn), "_forward_cls", None)
        if function is not None:
            node.call = f"{function.__qualname__}.apply"

    def tell_threads_apart(self) -> None:
        """To be called before another thread can compute: autograd's numbers are those of one thread."""
        living = [entry.reference() for entry in self.entries.values()]
        self.autograd_nodes.tell_threads_apart(tensor for tensor in living if tensor is not None)

    def leaf_node(self, variable: torch.Tensor) -> int:
        """The node of a leaf that an AccumulateGrad belongs to."""
        return self.origin(variable)[0]

    def known_origin(self, tensor: torch.Tensor) -> Origin | None:
        """Node and output that made a tensor, if it was recorded."""
        if tensor.grad_fn is not None:  # what autograd saved comes back as another object with the same history
            known = self.autograd_nodes.get(tensor.grad_fn)
            return None if known is None else (known, self.output_number(known, tensor.output_nr))
        entry = self.entries.get(id(tensor))
        if entry is None or entry.reference() is not tensor or entry.node < 0:
            return None
        return entry.node, entry.output

    def name_leaves(self) -> None:
        """Name parameters by the modules that own them, also by those that running functions hold."""
        names = self.scopes.parameter_names
        wanted = {id(tensor) for _, tensor in self._leaves_to_name if isinstance(tensor, torch.nn.Parameter)}
        learn_owners(self.scopes, wanted.difference(names), running_frame())
        for node, tensor in self._leaves_to_name:
            node.name = names.get(id(tensor), node.name)
        self._leaves_to_name.clear()

    def release(self) -> None:
        """Let go of every tensor of the program."""
        self.entries.clear()
        self.anchors.clear()
        self.pending_detaches.clear()
        self.rebased.clear()
        self._given_names.clear()
        self.function_of.clear()
        self.hooks.clear()
