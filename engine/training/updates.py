"""What optimizers change after a recorded backward pass: which leaves, and by how much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch.optim.optimizer import Optimizer

from ..capture.frames import running_frame, source_of, user_frame
from ..capture.sightings import Origins
from ..graph.model import Node
from ..graph.observation import Observation
from ..graph.values import Values

MOST_ELEMENTS = 1 << 25
"""So many elements are copied to measure changes; of the leaves beyond them only that they changed is known."""
LARGEST_KEPT = 1 << 14
MOST_KEPT = 1 << 18
"""The values after an update are kept of leaves with so many elements, and so many altogether; the smallest first."""


class _Before(NamedTuple):
    node: Node
    leaf: torch.Tensor
    version: int
    copy: torch.Tensor | None


class UpdateWatch:
    """Compares the leaves of a recorded pass right before and right after each step of an optimizer; keeps small ones.

    To be dropped when the next backward pass begins: the graph of the recorded one is history then.

    Parameters
    ----------
    origins : of the recording whose backward pass has just run.
    """

    def __init__(self, origins: Origins) -> None:
        self.has_seen = False
        """Whether any optimizer has changed a leaf."""
        self._origins = origins
        self._before: dict[int, list[_Before]] = {}
        self._kept_elements = 0

    def before_step(self, optimizer: Optimizer) -> None:
        """An optimizer is about to take a step."""
        held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        found, elements = [], 0
        with torch.no_grad(), torch._C._DisableTorchDispatch():  # the next step may be recorded already
            for reference, node in self._origins.leaves:
                leaf = reference()
                if leaf is None or id(leaf) not in held:
                    continue
                elements += leaf.numel()
                copy = leaf.detach().clone() if elements <= MOST_ELEMENTS else None
                found.append(_Before(node, leaf, leaf._version, copy))
        self._before[id(optimizer)] = found

    def after_step(self, optimizer: Optimizer, nodes: list[Node]) -> list[Observation]:
        """It has taken it: the leaves that are different now; `nodes` are those of the trace."""
        changed: dict[int, torch.Tensor] = {}
        amounts: list[float | None] = []
        with torch.no_grad(), torch._C._DisableTorchDispatch():
            for node, leaf, version, copy in self._before.pop(id(optimizer), ()):
                is_kept = node.id < len(nodes) and nodes[node.id] is node
                amount = _norm(leaf, copy)
                is_changed = leaf._version != version if amount is None else amount != 0
                if is_kept and is_changed:
                    changed[node.id] = leaf
                    amounts.append(amount)
            after = self._kept(changed)
        if not changed:
            return []
        self.has_seen = True
        source = source_of(user_frame(running_frame()))
        name = type(optimizer).__name__
        return [
            Observation(
                kind="update", nodes=tuple(changed), text=name, source=source, amounts=tuple(amounts), after=after
            )
        ]

    def _kept(self, changed: Mapping[int, torch.Tensor]) -> tuple[Values | None, ...]:
        """The new values of what is small."""
        kept: dict[int, Values | None] = {}
        for node_id, leaf in sorted(changed.items(), key=lambda entry: entry[1].numel()):
            count = leaf.numel()
            if count <= LARGEST_KEPT and self._kept_elements + count <= MOST_KEPT:
                kept[node_id] = _values(leaf)
                self._kept_elements += count
        return tuple(kept.get(node_id) for node_id in changed)


def _norm(leaf: torch.Tensor, copy: torch.Tensor | None) -> float | None:
    """Euclidean norm of the change; None where it was not, or cannot be, measured."""
    if copy is None or copy.shape != leaf.shape:
        return None
    try:
        change: Any = torch.linalg.vector_norm((leaf.detach() - copy).to_dense())
        return float(change)
    except (RuntimeError, NotImplementedError):  # an exotic dtype or layout; the version tells whether it changed
        return None


def _values(leaf: torch.Tensor) -> Values | None:
    """A copy of a leaf's values; None where numpy has nothing like it."""
    try:
        plain = leaf.detach().to_dense().cpu()
        return Values.of((plain.float() if plain.dtype is torch.bfloat16 else plain).numpy())
    except (RuntimeError, NotImplementedError, TypeError, ValueError):  # an exotic dtype or layout, a subclass
        return None
