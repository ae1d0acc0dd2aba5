"""What a program does after a recorded backward pass, until its next one: the second half of many mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from ..capture.frames import running_frame, source_of, user_frame
from ..capture.grad_graph import nodes_below
from ..capture.sightings import Origins, Sighting, observations
from ..graph.model import Node, Source
from ..graph.observation import Observation
from ..graph.trace import Trace
from .grad_reads import GradRead

_CHECKED_ELEMENTS = 1 << 20
_MOST_PASSES = 8


class _LeafAfter(NamedTuple):
    """A leaf right after the recorded backward pass."""

    version: int
    total: float | None


class _Suspect(NamedTuple):
    """A leaf whose gradient was used by an optimizer and was not emptied before the next backward pass."""

    node: Node
    optimizer: str
    source: Source | None


class Sequel:
    """Compares the state right after a recorded backward pass with that at the passes that follow.

    Gradients that are left over are a mistake only when they are used again: a discriminator's stay there while its
    adversary learns. So where some are left, the program is watched a few passes longer.

    Parameters
    ----------
    origins : of the recording whose backward pass has just run.
    """

    def __init__(self, origins: Origins) -> None:
        self.is_over = False
        self._sightings: list[Sighting] = []
        self._origins = origins
        self._passes = 0
        self._stepped: dict[int, str] = {}
        self._suspects: dict[int, _Suspect] = {}
        self._after: dict[Node, _LeafAfter] = {}
        for reference, node in origins.leaves:
            leaf = reference()
            if leaf is not None and leaf.grad is not None:
                self._after[node] = _state(leaf)

    def optimizer_stepped(self, optimizer: torch.optim.Optimizer) -> None:
        """An optimizer has used the gradients; for leftovers that is the proof."""
        proven: list[_Suspect] = []
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                suspect = self._suspects.get(id(parameter))
                if suspect is not None and _holds_gradient(parameter):
                    proven.append(suspect)
                self._stepped[id(parameter)] = type(optimizer).__name__
        if proven:
            nodes = tuple(suspect.node for suspect in proven)
            self._sightings.append(Sighting("grad-kept", nodes, proven[0].optimizer, proven[0].source))
            self.is_over = True

    def observed(self, trace: Trace, reads: Sequence[GradRead]) -> list[Observation]:
        """What was seen, for the trace of the recorded pass; `reads` are the program's reads of `.grad` since."""
        found = [*self._sightings, *sightings_of_reads(reads, self._origins)]
        return observations(found, trace.graph.nodes)

    def next_backward(self, roots: Sequence[torch.Tensor], run: Callable[[], None], *, has_optimizers: bool) -> None:
        """Another backward pass begins. It is run, unless all is known without.

        Raises
        ------
        RuntimeError
            What `run` raises.
        """
        self._passes += 1
        source = source_of(user_frame(running_frame()))
        if not any(root.requires_grad for root in roots):
            self._lost_history(source)
            return
        entered, leaves = self._walk(roots)
        moved: list[Node] = []
        later: list[Node] = []
        for reference, node in self._origins.leaves:
            leaf = reference()
            if leaf is None or leaf not in leaves:
                continue
            if node not in self._after:
                later.append(node)
                continue
            if not _holds_gradient(leaf):
                self._suspects.pop(id(leaf), None)
                self._stepped.pop(id(leaf), None)
            elif id(leaf) in self._stepped:
                self._suspects.setdefault(id(leaf), _Suspect(node, self._stepped[id(leaf)], source))
            elif not has_optimizers and _state(leaf) != self._after[node]:
                moved.append(node)
        if moved:
            self._sightings.append(Sighting("grad-kept", tuple(moved), "", source))
        if later:
            self._sightings.append(Sighting("reached-later", tuple(later)))
        # A program that updates its leaves by hand may lose them; that shows when it reads their gradients next.
        is_enough = not self._suspects and (has_optimizers or self._passes > 1)
        self.is_over = is_enough or self._passes >= _MOST_PASSES
        if self.is_over and not entered:
            return
        try:
            run()
        except RuntimeError as error:
            self.is_over = True
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            self._sightings.append(Sighting("second-backward", tuple(entered), text, source))
            raise

    def _lost_history(self, source: Source | None) -> None:
        """The next backward pass has nothing to go through: the leaves are gone, or require no gradient any more."""
        self.is_over = True
        gone = [
            node
            for reference, node in self._origins.leaves
            if (leaf := reference()) is None or not (leaf.requires_grad and leaf.is_leaf)
        ]
        text = "element 0 of tensors does not require grad and does not have a grad_fn"
        self._sightings.append(Sighting("second-backward", tuple(gone), text, source))

    def _walk(self, roots: Sequence[torch.Tensor]) -> tuple[list[Node], _Tensors]:
        """Where the graph of `roots` runs into the recorded one, the latest node first, and the leaves it ends at."""
        entered: dict[int, Node] = {}
        leaves = _Tensors()
        for grad_fn in nodes_below(root.grad_fn for root in roots):
            variable = getattr(grad_fn, "variable", None)
            if isinstance(variable, torch.Tensor):
                leaves.add(variable)
                continue
            sequence = grad_fn._sequence_nr()
            if sequence in self._origins.of_sequence:
                entered[sequence] = self._origins.of_sequence[sequence]
        return [entered[sequence] for sequence in sorted(entered, reverse=True)], leaves


class _Tensors:
    """A set of tensors by identity."""

    def __init__(self) -> None:
        self._by_id: dict[int, torch.Tensor] = {}

    def add(self, tensor: torch.Tensor) -> None:
        self._by_id[id(tensor)] = tensor

    def __contains__(self, tensor: torch.Tensor) -> bool:
        return self._by_id.get(id(tensor)) is tensor


def sightings_of_reads(reads: Sequence[GradRead], origins: Origins) -> list[Sighting]:
    """The reads whose tensor is in the recording: by its autograd node, else by the variable's name.

    The name may be that of a leaf: then the variable holds something else by now.
    """
    by_name: dict[str, Node] = {node.name: node for _, node in origins.leaves if node.name}
    by_name |= {node.name: node for node in origins.of_sequence.values() if node.name}
    found = []
    for read in reads:
        node = origins.of_sequence.get(read.sequence) if read.sequence is not None else None
        if node is None:
            node = by_name.get(read.expression.rpartition(".")[2])
        if node is not None and node.kind in ("op", "leaf"):
            found.append(Sighting("grad-read", (node,), read.expression, read.source))
    return found


def _state(leaf: torch.Tensor) -> _LeafAfter:
    # A write through `.data` leaves the version alone, so small leaves are also compared by their sum.
    with torch.no_grad():
        total = float(leaf.double().sum()) if leaf.numel() <= _CHECKED_ELEMENTS and not leaf.is_complex() else None
    return _LeafAfter(leaf._version, total)


def _holds_gradient(leaf: torch.Tensor) -> bool:
    return leaf.grad is not None and bool(torch.count_nonzero(leaf.grad.detach().to_dense()))
