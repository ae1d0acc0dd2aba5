"""Records a program with edits: each is applied where the run meets the node that it names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import Any

import msgspec
import numpy as np
import torch

from ..capture.backward import BackwardRecorder
from ..capture.drafts import Origin
from ..capture.forward import ForwardMode
from ..capture.put_aside import PutAside
from ..capture.replay import _ReplayRecorder
from ..capture.schema import flat_tensors
from ..errors import EditError
from ..graph.edits import (
    AnyEdit,
    ClipGradient,
    CutEdge,
    ReplaceGradient,
    ScaleGradient,
    SetConstant,
    SetRequiresGrad,
    SetSeed,
    SetValue,
)
from ..graph.model import Edge, Node
from ..graph.trace import Trace
from .backward import EditedBackward
from .calls import CallWatch, Change, with_number, with_tensor
from .draws import KnownDraws
from .places import FirstUse, Places

NO_PLACE = "The edit of {} was not applied: with the other edits, the program never gets there."


class EditRecorder(_ReplayRecorder):
    """A recorder of one run with edits; of a run without, it learns the places.

    Parameters
    ----------
    places : from a run without edits; None to learn them.
    edits : at most one for each `edits.key_of`.
    draws : random numbers that earlier runs drew.

    Raises
    ------
    engine.errors.EditError
        An edit cannot be applied to this program.
    """

    def __init__(
        self,
        *,
        put_aside: PutAside,
        places: Places | None,
        edits: Sequence[AnyEdit],
        draws: KnownDraws | None = None,
        **options: Any,
    ) -> None:
        super().__init__(put_aside=put_aside, **options)
        self._places = places
        self._edits = edits
        self._draws = draws
        self._applied: set[AnyEdit] = set()
        self._undo: list[tuple[torch.Tensor, torch.Tensor | None, bool]] = []
        self._uses: dict[int, list[tuple[FirstUse, SetValue]]] = defaultdict(list)
        self._raw_nodes: list[Node] = []
        self._skipped = 0
        self.learned: Places | None = None
        changes: dict[int, list[Change]] = defaultdict(list)
        if places is not None:
            for edit in edits:
                self._prepare(edit, places, changes)
        self._watch = CallWatch(self._tape, changes, is_learning=places is None)
        self._needs_watch = places is None or bool(changes)

    def _prepare(self, edit: AnyEdit, places: Places, changes: dict[int, list[Change]]) -> None:
        """Say where an edit of the forward pass is applied."""
        if isinstance(edit, SetConstant):
            number, place = _constant(edit, places)
            changes[number].append(self._noting(edit, with_number(place, edit.value)))
        elif isinstance(edit, SetRequiresGrad):
            self._at_call(edit, edit.node, places, changes, partial(self._require, edit))
        elif isinstance(edit, SetValue):
            info = places.trace.graph.nodes[edit.node].outputs[0]
            if np.dtype(edit.values.dtype).kind == "c" and not info.dtype.startswith("complex"):
                raise EditError("A complex number cannot be the value of a real tensor.")
            if tuple(info.shape) != edit.values.shape:
                self._at_call(edit, edit.node, places, changes, partial(self._replace, edit))
                return
            use = places.first_use(edit.node)
            if use is None:
                raise EditError(f"{words(places, edit.node)} is used by no operation, so its value changes nothing.")
            self._uses[use.operation].append((use, edit))

    def _at_call(self, edit: AnyEdit, node: int, places: Places, changes: dict[int, list[Change]], do: Any) -> None:
        """Have something done to a tensor from outside before the call that reads it first."""
        use = places.first_use(node)
        number = None if use is None else places.call_of(use.operation)
        tensors = () if number is None else places.calls[number].tensors
        is_hidden = use is not None and use.operation in places.in_function
        if use is None or number is None or is_hidden or use.seen_as not in tensors:
            raise EditError(
                f"{words(places, node)} is first used inside a custom Function or by torch itself, where neither its "
                "shape nor its requires_grad can be changed any more."
            )
        changes[number].append(self._noting(edit, with_tensor(tensors.index(use.seen_as), do)))

    def _noting(self, edit: AnyEdit, change: Change) -> Change:
        def noted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
            self._applied.add(edit)
            with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch():
                return change(args, kwargs)

        return noted

    def _require(self, edit: SetRequiresGrad, tensor: torch.Tensor) -> None:
        if edit.requires_grad and not (tensor.is_floating_point() or tensor.is_complex()):
            raise EditError("Only tensors of floating-point or complex numbers can require gradients.")
        if not tensor.is_leaf:
            raise EditError("Only a leaf's requires_grad can be changed: cut an edge of this tensor instead.")
        self._undo.append((tensor, None, tensor.requires_grad))
        tensor.requires_grad_(edit.requires_grad)

    def _replace(self, edit: SetValue, tensor: torch.Tensor) -> None:
        """Another value of another shape."""
        self._undo.append((tensor, tensor.data, tensor.requires_grad))
        tensor.data = _as_tensor(edit, tensor)

    def has_begun(self) -> bool:
        """Whether the step begins with the operation that comes now, as it did without edits.

        The first operation on a leaf begins it; that leaf's gradient may be switched off.
        """
        self._skipped += 1
        return self._places is not None and self._skipped >= self._places.begins_at

    def before_operation(self, operation: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An operation is about to run: give the tensors that it reads first their other values."""
        for use, edit in self._uses.get(operation, ()):
            for tensor in flat_tensors((args, tuple(kwargs.values()))):
                if self._tape.origin(tensor)[0] == use.seen_as:
                    self._set_value(use, edit, tensor)
                    break

    def _set_value(self, use: FirstUse, edit: SetValue, tensor: torch.Tensor) -> None:
        with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch(), torch.no_grad():
            before_edit = tensor.detach().clone()
            tensor.data.copy_(_as_tensor(edit, tensor))  # through .data: its version is autograd's business
            self._undo.append((tensor, before_edit, tensor.requires_grad))
        self._applied.add(edit)
        for number in use.described:
            node = self._tape.nodes[number]
            before = node.outputs[0]
            node.outputs[0] = self._keeper.describe(tensor, requires_grad=before.requires_grad)
            node.outputs[0].name = before.name

    def _make_mode(self) -> ForwardMode:
        return _EditedMode(self._tape, self._compiler, is_step=self._keep == "step", recorder=self, draws=self._draws)

    def _make_backward(self) -> BackwardRecorder:
        places = self._places
        if places is None:
            return super()._make_backward()
        number = places.raw_of_node
        gradients, cuts = [], []
        self._originals: dict[AnyEdit, AnyEdit] = {}
        for edit in self._edits:
            raw: Any = None
            if isinstance(edit, ScaleGradient | ClipGradient | ReplaceGradient):
                raw = msgspec.structs.replace(edit, node=number[edit.node])
                gradients.append(raw)
            elif isinstance(edit, CutEdge):
                raw = msgspec.structs.replace(edit, source=number[edit.source], target=number[edit.target])
                cuts.append(raw)
            if raw is not None:
                self._originals[raw] = edit
        return EditedBackward(
            self._tape, self._grad_keeper, gradients=gradients, cuts=cuts, applied=self._on_applied_backward
        )

    def _on_applied_backward(self, raw: Any) -> None:
        self._applied.add(self._originals[raw])

    def start(self) -> None:
        super().start()
        if self._needs_watch:
            self._watch.start()

    def stop(self) -> None:
        self._watch.stop()
        super().stop()

    @property
    def failed_operation(self) -> int | None:
        """Node, in the unedited trace, of the operation that ran last."""
        if self._places is None or not self._raw_nodes:
            return None
        known = self._places.node_of_raw
        return next((known[raw] for raw in range(len(self._raw_nodes) - 1, -1, -1) if raw in known), None)

    def _step_nodes(self, edges: list[Edge], roots: list[Origin]) -> set[int]:
        """The nodes that the trace without edits has, as long as the program goes the same way.

        Without the gradient of a leaf, say, an operation on it would count as set-up, and the graph would look another.
        """
        places, nodes = self._places, self._tape.nodes
        if places is None or places.operations != [node.op for node in nodes]:
            return super()._step_nodes(edges, roots)
        for raw, node in zip(places.raw_of_node, places.trace.graph.nodes, strict=True):
            if node.kind != "op" and nodes[raw].kind == "op":
                nodes[raw].kind = node.kind
            if nodes[raw].kind != "op":
                nodes[raw].op, nodes[raw].params = None, {}
        return set(places.raw_of_node)

    def finish(self, **options: Any) -> Trace:
        raw, drafts = list(self._tape.nodes), list(self._tape.edges)
        operations, in_function = [node.op for node in raw], frozenset(self._tape.function_of)
        trace = super().finish(**options)
        self._raw_nodes = raw
        if self._places is None:
            self.learned = Places(trace, raw, operations, drafts, self._watch.calls, self._skipped, in_function)
            return trace
        for edit in self._edits:
            if edit not in self._applied and not isinstance(edit, SetSeed):
                trace.notes.append(NO_PLACE.format(words(self._places, _node_of(edit))))
        return trace

    def give_back(self) -> None:
        """The program has ended: undo what was done to its tensors, the latest first."""
        self._watch.leave()
        with torch._C.DisableTorchFunction(), torch._C._DisableTorchDispatch(), torch.no_grad():
            for tensor, values, requires_grad in reversed(self._undo):
                if values is not None and values.shape == tensor.shape:
                    tensor.data.copy_(values)
                elif values is not None:
                    tensor.data = values
                if tensor.is_leaf and tensor.requires_grad != requires_grad:
                    tensor.requires_grad_(requires_grad)
        self._undo.clear()


class _EditedMode(ForwardMode):
    def __init__(self, *args: Any, recorder: EditRecorder, is_step: bool, draws: KnownDraws | None) -> None:
        super().__init__(*args, is_step=is_step)
        self._recorder = recorder
        self._draws = draws

    def _run(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Any:
        if self._draws is None or not self._draws.may_know(function, args, kwargs):
            return super()._run(function, args, kwargs, frame)
        with self._draws:
            return super()._run(function, args, kwargs, frame)

    def _before(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], frame: FrameType) -> Any:
        if not self._has_begun:
            self._has_begun = self._recorder.has_begun()
        running = super()._before(function, args, kwargs, frame)
        if running is not None and running[0].id >= 0:
            self._recorder.before_operation(running[0].id, args, kwargs)
        return running


def _constant(edit: SetConstant, places: Places) -> tuple[int, int | str]:
    """The call, and the place among its arguments, where the program gives an operation one of its numbers."""
    node = places.trace.graph.nodes[edit.node]
    call = places.call_of(places.raw_of_node[edit.node])
    numbers = () if call is None else places.calls[call].numbers
    old = node.params.get(edit.name)
    alike: list[int | str] = [place for place, value in numbers if place == edit.name]
    alike = alike or [place for place, value in numbers if type(value) is type(old) and value == old]
    if call is None or not alike:
        raise EditError(
            f"{edit.name} of {words(places, edit.node)} is no number that the program gives to torch directly, so it "
            "cannot be changed from here."
        )
    return call, alike[0]


def _node_of(edit: AnyEdit) -> int:
    return edit.target if isinstance(edit, CutEdge) else getattr(edit, "node", 0)


def words(places: Places, number: int) -> str:
    """A node for people: the variable's name, else the operation and its number."""
    node = places.trace.graph.nodes[number]
    return f"{node.name!r}" if node.name else f"{node.label} (node {number})"


def _as_tensor(edit: SetValue, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(edit.values.array).to(like.device, like.dtype)
