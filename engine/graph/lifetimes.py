"""What the autograd engine holds at each moment: saved tensors until their node has run, sums that grow at fan-ins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .model import Edge, Node, SavedTensor, TensorInfo
from .stepper import Stepper
from .trace import Trace

_VIEWS = frozenset(
    {
        "t",
        "transpose",
        "view",
        "_unsafe_view",
        "reshape",
        "permute",
        "expand",
        "alias",
        "detach",
        "slice",
        "select",
        "unsqueeze",
        "squeeze",
        "as_strided",
        "split",
        "split_with_sizes",
        "chunk",
        "unbind",
        "diagonal",
        "narrow",
        "unfold",
        "numpy_T",
        "mT",
        "movedim",
        "swapaxes",
        "view_as",
    }
)


class Saved(NamedTuple):
    """A saved tensor with its life.

    `begin` is the position at which its node has run, `end` the one at which it is freed: when the node's backward step
    is done. None where it is not: the backward pass never reaches the node, or was told to keep the graph.
    `lives_anyway` tells tensors that saving does not keep alive: parameters, inputs, and views of them.
    """

    node: Node
    tensor: SavedTensor
    begin: int
    end: int | None
    lives_anyway: bool


class Contribution(NamedTuple):
    """A gradient on its way to a fan-in: along `edge`, handed back at `position`; `info` is what it is."""

    edge: Edge
    position: int
    info: TensorInfo


class Lifetimes:
    """Saved tensors of a trace over the positions of its stepper, which is only asked for its order of events."""

    def __init__(self, trace: Trace, stepper: Stepper) -> None:
        self.trace = trace
        self.first, self.last = stepper.first, stepper.last
        self.is_retained = any(seen.kind == "graph-retained" for seen in trace.observations)
        """Whether backward() was told to keep the graph, so that it freed nothing."""
        ran = stepper.timeline.ran
        outside = self._outside()
        self.saved: list[Saved] = []
        for node in trace.graph.nodes:
            if not node.saved:
                continue
            step = trace.step_of(node)
            end = step.index + 1 if step is not None and not self.is_retained else None
            for tensor in node.saved:
                lives_anyway = tensor.source is not None and outside[tensor.source[0]]
                self.saved.append(Saved(node, tensor, int(ran[node.id]), end, bool(lives_anyway)))
        self._bytes: npt.NDArray[np.int64] | None = None
        never = self.last + 1
        self._begin = np.array([saved.begin for saved in self.saved], dtype=np.int64)
        self._end = np.array([never if s.end is None else s.end for s in self.saved], dtype=np.int64)
        self._by_end = np.argsort(self._end, kind="stable")

    def _outside(self) -> npt.NDArray[np.bool_]:
        """Which nodes' memory belongs to a tensor from outside: such tensors, and views of them."""
        graph = self.trace.graph
        outside = np.zeros(len(graph.nodes), dtype=bool)
        for node in graph.nodes:
            if node.kind != "op":
                outside[node.id] = True
            elif node.op is not None and node.op.split(".")[1:2] and node.op.split(".")[1] in _VIEWS:
                base = next(iter(graph.incoming(node)), None)
                outside[node.id] = base is not None and base.source < node.id and outside[base.source]
        return outside

    def alive(self, position: int, most: int | None = None) -> list[Saved]:
        """Tensors that are saved at a position (no more than `most`), those that are freed first at the beginning."""
        return [self.saved[number] for number in self._alive(position)[:most].tolist()]

    def count_alive(self, position: int) -> int:
        """How many tensors are saved at a position."""
        return len(self._alive(position))

    def _alive(self, position: int) -> npt.NDArray[np.int64]:
        ordered = self._by_end
        return ordered[(self._begin[ordered] <= position) & (position < self._end[ordered])]

    @property
    def bytes_alive(self) -> npt.NDArray[np.int64]:
        """(last - first + 1,) bytes that saving keeps alive at each position, from `first` on.

        Memory that several nodes save is counted once, and what lives anyway not at all.
        """
        if self._bytes is None:
            change = np.zeros(self.last - self.first + 2, dtype=np.int64)
            for size, begin, end in self._stretches():
                change[begin - self.first] += size
                change[(self.last + 1 if end is None else end) - self.first] -= size
            self._bytes = np.cumsum(change[:-1])
        return self._bytes

    def _stretches(self) -> list[tuple[int, int, int | None]]:
        """Pieces of memory: their bytes, and from when until when any node keeps them."""
        by_storage: dict[Any, list[tuple[int, int, Saved]]] = {}
        for number, saved in enumerate(self.saved):
            if saved.lives_anyway:
                continue
            span, source = saved.tensor.span, saved.tensor.source
            if span is not None:
                by_storage.setdefault(("storage", span[0]), []).append((span[1], span[2], saved))
            else:
                key = ("alone", number) if source is None else ("source", source)
                by_storage.setdefault(key, []).append((0, saved.tensor.nbytes, saved))
        found: list[tuple[int, int, int | None]] = []
        for holders in by_storage.values():
            if len(holders) == 1:
                begin, end, saved = holders[0]
                if begin < end:
                    found.append((end - begin, saved.begin, saved.end))
                continue
            borders = sorted({border for begin, end, _ in holders for border in (begin, end)})
            for low, high in pairwise(borders):
                keepers = [saved for begin, end, saved in holders if begin <= low and high <= end]
                if keepers:
                    ends = [saved.end for saved in keepers]
                    known = [end for end in ends if end is not None]
                    last = max(known) if len(known) == len(ends) else None
                    found.append((high - low, min(saved.begin for saved in keepers), last))
        return found


def arriving(trace: Trace, node: int | Node, output: int = 0) -> list[Contribution]:
    """Every gradient that comes back to an output, in the order in which that happens."""
    found = []
    for edge, info in trace.contributions(node, output):
        step = trace.step_of(edge.target)
        if step is not None:
            found.append(Contribution(edge, step.index + 1, info))
    return sorted(found, key=lambda contribution: contribution.position)


def start_of(trace: Trace, node: int | Node, output: int = 0) -> TensorInfo | None:
    """The gradient with which the backward pass begins at a root: what its consumers' contributions leave over.

    None for what is no root, and where the values were not all kept.
    """
    whole = trace.grad_info(node, output)
    if (node.__index__(), output) not in trace.roots or whole is None or whole.array is None:
        return None
    coming = arriving(trace, node, output)
    if not coming:
        return whole
    total = sum_so_far(coming, coming[-1].position)
    if total is None or total.shape != whole.array.shape:
        return None
    return TensorInfo(
        shape=whole.shape, dtype=whole.dtype, device=whole.device, array=(whole.array - total).astype(whole.array.dtype)
    )


def sum_so_far(contributions: list[Contribution], position: int) -> npt.NDArray[Any] | None:
    """The sum of what has arrived at a position; None where nothing has, or the values were not all kept."""
    total: npt.NDArray[Any] | None = None
    for contribution in contributions:
        if contribution.position > position:
            break
        array = contribution.info.array
        if array is None:
            return None
        total = array.copy() if total is None else total + array
    return total
