"""The backward pass with edits: gradients changed where they arrive, and edges along which none is handed back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import torch

from ..capture.backward import BackwardRecorder
from ..capture.matching import match_edges
from ..graph.edits import EDITED, ClipGradient, CutEdge, GradientEdit, ScaleGradient

T = TypeVar("T")
_NOT_ON_A_PATH = "not on a path to the root"
_NEEDS_NONE = "needs no gradient"
_NO_ROOT = (
    "element 0 of tensors does not require grad and does not have a grad_fn: with these edits, no tensor that "
    "requires grad is left on a path to the result. Take back one of the cuts."
)


class EditedBackward(BackwardRecorder):
    """Records a backward pass as it is with the edits.

    A cut makes a part of autograd's graph useless: what the roots reach only through it, and what leads to no leaf any
    more. A program with a `detach()` there would not have that part; here it computes nothing, hands None on, and is
    not among the steps.

    Parameters
    ----------
    gradients, cuts : the edits, with raw numbers of nodes.
    applied : takes the edits that found their place.
    """

    def __init__(
        self,
        *args: Any,
        gradients: Sequence[GradientEdit],
        cuts: Sequence[CutEdge],
        applied: Callable[[GradientEdit | CutEdge], None],
    ) -> None:
        super().__init__(*args)
        self._gradients = gradients
        self._cuts = cuts
        self._applied = applied
        self._cut_inputs: set[tuple[int, int]] = set()
        self._alive: set[int] | None = None

    def run(self, roots: Sequence[torch.Tensor], call: Callable[[], T], *, is_nested: bool = False) -> T:
        result = super().run(roots, call, is_nested=is_nested)
        if self._alive is not None:
            if not any(node in self._alive for node, _ in self.roots):
                raise RuntimeError(_NO_ROOT)
            self.edges = [self._told(edge, self._alive) for edge in self.edges]
        return result

    def _told(self, edge: Any, alive: set[int]) -> Any:
        """An edge, saying why no gradient flows back along it any more."""
        if edge.grad_index is None:
            return edge
        if (edge.target, edge.grad_index) in self._cut_inputs:
            reason = EDITED
        elif edge.target not in alive:
            reason = _NOT_ON_A_PATH
        elif edge.source not in alive:
            reason = _NEEDS_NONE
        else:
            return edge
        return msgspec.structs.replace(edge, grad_index=None, cut=reason)

    def _hook(self, grad_fn: Any, node_id: int) -> None:
        if self._cuts and self._alive is None:
            self._find_alive()
        changes = [edit for edit in self._gradients if edit.node == node_id]
        if changes:
            self._handles.append(grad_fn.register_prehook(self._changer(node_id, changes)))
        if self._alive is not None:
            self._handles.append(grad_fn.register_hook(self._cutter(node_id, self._alive)))
        super()._hook(grad_fn, node_id)

    def _changer(self, node_id: int, edits: Sequence[GradientEdit]) -> Callable[[Any], Any]:
        def change(grad_outputs: Any) -> Any:
            found = list(grad_outputs) if isinstance(grad_outputs, tuple) else [grad_outputs]
            for number in range(len(found)):
                output = self._tape.output_number(node_id, number)
                for edit in edits:
                    if found[number] is not None and edit.output == output:
                        self._applied(edit)
                        with torch._C._DisableTorchDispatch():  # no operation of the program
                            found[number] = changed(found[number], edit)
            return tuple(found)

        return change

    def _cutter(self, node_id: int, alive: set[int]) -> Callable[[Any, Any], Any]:
        following = self._next.get(node_id, [])
        is_alive = node_id in alive
        kept = [
            is_alive and target is not None and target[0] in alive and (node_id, index) not in self._cut_inputs
            for index, target in enumerate(following)
        ]

        def cut(grad_inputs: Any, _grad_outputs: Any) -> Any:
            if not isinstance(grad_inputs, tuple):
                grad_inputs = (grad_inputs,)
            return tuple(
                gradient if index < len(kept) and kept[index] else None for index, gradient in enumerate(grad_inputs)
            )

        return cut

    def _record(self, node_id: int, *args: Any) -> None:
        if self._alive is None or node_id in self._alive:
            super()._record(node_id, *args)

    def _find_alive(self) -> None:
        """Which autograd nodes a program with these cuts would have, and would run."""
        wanted = {(cut.source, cut.output_nr, cut.target, cut.input_nr): cut for cut in self._cuts}
        for edge in match_edges(self._tape, self._next):
            cut = wanted.get((edge.source, edge.output_nr, edge.target, edge.input_nr))
            if cut is not None and edge.grad_index is not None:
                self._cut_inputs.add((edge.target, edge.grad_index))
                self._applied(cut)
        after: dict[int, list[int]] = {}
        before: dict[int, list[int]] = {}
        for node, targets in self._next.items():
            for index, target in enumerate(targets):
                if target is not None and (node, index) not in self._cut_inputs:
                    after.setdefault(node, []).append(target[0])
                    before.setdefault(target[0], []).append(node)
        leaves = [node for node in self._next if self._tape.nodes[node].grad_fn == "AccumulateGrad"]
        reached = _reachable([node for node, _ in self.roots], after)
        self._alive = reached & _reachable(leaves, before)


def changed(gradient: torch.Tensor, edit: GradientEdit) -> torch.Tensor:
    """The gradient with which the pass goes on."""
    if isinstance(edit, ScaleGradient):
        return torch.zeros_like(gradient) if edit.factor == 0 else gradient * edit.factor
    if isinstance(edit, ClipGradient):
        if not edit.is_norm:
            return gradient.clamp(-edit.limit, edit.limit)
        norm = torch.linalg.vector_norm(gradient)
        return gradient * (edit.limit / norm) if norm > edit.limit else gradient
    values = torch.from_numpy(edit.values.array).to(gradient.device, gradient.dtype)
    return values.expand(gradient.shape).clone()


def _reachable(start: Sequence[int], following: dict[int, list[int]]) -> set[int]:
    found = set(start)
    pending = list(found)
    while pending:
        for node in following.get(pending.pop(), ()):
            if node not in found:
                found.add(node)
                pending.append(node)
    return found
