"""What overlays show of every node of a trace, as arrays: worked out once, and many small tensors at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from engine.graph.model import Node, TensorInfo
from engine.graph.trace import Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LARGE = 4096
"""Tensors of more elements are reduced one by one."""
UNKNOWN = -1


class Quantities:
    """Arrays (nodes,) of one trace. NaN: not known; infinity: not finite."""

    def __init__(self, trace: Trace) -> None:
        self._nodes = trace.graph.nodes
        self._steps = [trace.step_of(node) for node in trace.graph.nodes]

    @cached_property
    def gradients(self) -> Floats:
        """The largest norm of a node's gradients."""
        return _largest_norms([() if step is None else step.grad_outputs for step in self._steps])

    @cached_property
    def values(self) -> Floats:
        """The largest norm of a node's outputs."""
        return _largest_norms([node.outputs for node in self._nodes])

    @cached_property
    def ratios(self) -> Floats:
        """The norm of a node's gradient divided by that of its value."""
        values = np.where((self.values == 0) | np.isinf(self.values), np.nan, self.values)
        return self.gradients / values

    @cached_property
    def seconds(self) -> Floats:
        """What a node's operation and its VJP took."""
        backward = [0.0 if step is None else step.seconds for step in self._steps]
        return np.array([node.seconds for node in self._nodes], dtype=np.float64) + backward

    @cached_property
    def saved_bytes(self) -> Floats:
        """What a node keeps alive for the backward pass."""
        return np.array([node.saved_bytes for node in self._nodes], dtype=np.float64)

    @cached_property
    def dtypes(self) -> tuple[Ints, list[str]]:
        """The dtype of each node's output, as its place in a list."""
        return self._coded(lambda node: node.outputs[0].dtype if node.outputs else None)

    @cached_property
    def devices(self) -> tuple[Ints, list[str]]:
        """The device that each node's output lies on, as its place in a list."""
        return self._coded(lambda node: node.outputs[0].device if node.outputs else None)

    @cached_property
    def requirements(self) -> tuple[Ints, list[str]]:
        """Whether each node's output requires a gradient, as a place in a list of words."""
        words = {True: "requires grad", False: "requires none"}
        return self._coded(
            lambda node: words[any(info.requires_grad for info in node.outputs)] if node.outputs else None
        )

    def _coded(self, name: Callable[[Node], str | None]) -> tuple[Ints, list[str]]:
        places: dict[str, int] = {}
        codes = np.full(len(self._nodes), UNKNOWN, dtype=np.int64)
        for node in self._nodes:
            found = name(node)
            if found is not None:
                codes[node.id] = places.setdefault(found, len(places))
        return codes, list(places)

    def prepare(self) -> None:
        """Work out everything now, off the window's thread."""
        for name in ("gradients", "values", "seconds", "saved_bytes", "dtypes", "devices", "requirements"):
            getattr(self, name)


_known: WeakKeyDictionary[Trace, Quantities] = WeakKeyDictionary()


def of(trace: Trace) -> Quantities:
    """The quantities of a trace, always the same object."""
    found = _known.get(trace)
    if found is None:
        found = _known[trace] = Quantities(trace)
    return found


def _largest_norms(groups: list[Iterable[TensorInfo | None]]) -> Floats:
    """The largest norm in each group of tensors."""
    owners: list[int] = []
    norms: list[float] = []
    small: dict[np.dtype[np.generic], list[tuple[int, npt.NDArray[np.generic]]]] = {}
    for owner, infos in enumerate(groups):
        for info in infos:
            if info is None:
                continue
            if info.recorded_summary is not None:
                owners.append(owner)
                norms.append(info.recorded_summary.norm)
            elif info.array is not None and info.array.size > LARGE:
                owners.append(owner)
                norms.append(float(_norms([info.array])[0]))
            elif info.array is not None:
                small.setdefault(info.array.dtype, []).append((owner, info.array))
    for arrays in small.values():
        owners += [owner for owner, _ in arrays]
        norms += _norms([array for _, array in arrays]).tolist()
    found = np.full(len(groups), np.nan)
    every = np.array(norms, dtype=np.float64)
    np.fmax.at(found, np.array(owners, dtype=np.int64), np.where(np.isfinite(every), every, np.inf))
    return found


def _norms(arrays: list[npt.NDArray[np.generic]]) -> Floats:
    """The Euclidean norm of each array; all are of one dtype."""
    sizes = np.array([array.size for array in arrays])
    flat = np.concatenate([array.ravel() for array in arrays])
    values = np.abs(flat).astype(np.float64) if flat.dtype.kind == "c" else flat.astype(np.float64)
    norms = np.zeros(len(arrays))
    is_filled = sizes > 0
    if is_filled.any():
        starts = (np.cumsum(sizes) - sizes)[is_filled]
        with np.errstate(all="ignore"):
            norms[is_filled] = np.sqrt(np.add.reduceat(values * values, starts))
    return norms
