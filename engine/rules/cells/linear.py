"""Elements of gradients through operators that only move, pick or average: which elements of g reach the chosen one.

A VJP is linear in the gradient that it is given, so the rule itself tells: evaluated on ones, on numbers that say where
they come from, and on the beginnings of g, it gives the weight with which each element of g arrives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..call import Array
from .expression import SHOWN_TERMS, Expr, constant, gradient, of_value, total

Probe = Callable[[list[Array | None]], float]
"""The chosen element for other gradients of the outputs."""

ALL_AT_ONCE = 256
"""Of so small a gradient every element is tried."""
SEARCHED = 1 << 18
"""Of a larger one, where several elements arrive, they are not searched for."""
_FEWEST = 1e-12


def arriving(probe: Probe, grads: list[Array | None]) -> Expr | None:
    """The chosen element as a sum over the elements of `grads` that reach it; None where that cannot be told."""
    flat = np.concatenate([np.asarray(g, np.float64).ravel() for g in grads if g is not None])

    def weight(codes: Array) -> float:
        parts, start = [], 0
        for grad in grads:
            size = 0 if grad is None else grad.size
            parts.append(None if grad is None else codes[start : start + size].reshape(grad.shape))
            start += size
        return probe(parts)

    everything = weight(np.ones(flat.size))
    if flat.size <= ALL_AT_ONCE:
        weights = np.array([weight(row) for row in np.eye(flat.size)])
        return _sum(flat, np.flatnonzero(np.abs(weights) > _FEWEST), weights)
    if abs(everything) > _FEWEST:
        place = round(weight(np.arange(flat.size, dtype=np.float64)) / everything)
        if 0 <= place < flat.size:
            alone = np.zeros(flat.size)
            alone[place] = 1
            if abs(weight(alone) - everything) <= _FEWEST * abs(everything):
                weights = np.zeros(flat.size)
                weights[place] = everything
                return _sum(flat, np.array([place]), weights)
    elif everything == 0 and weight(np.arange(flat.size, dtype=np.float64)) == 0:
        return constant(0)
    return _first_terms(weight, probe(grads), flat, everything) if flat.size <= SEARCHED else None


def _sum(flat: Array, places: Array, weights: Array) -> Expr:
    if not places.size:
        return constant(0)
    found = weights[places]
    if np.all(found == 1):
        return total(gradient(flat[places]))
    if np.all(found == found[0]):
        return constant(found[0]) * total(gradient(flat[places]))
    return total(gradient(flat[places]) * of_value(found))


def _first_terms(weight: Callable[[Array], float], value: float, flat: Array, everything: float) -> Expr | None:
    """The first few elements that arrive; true where all weights are positive."""
    places: list[int] = []
    weights = np.zeros(flat.size)
    before = 0.0
    while len(places) <= SHOWN_TERMS and before < everything * (1 - 1e-9):
        low, high = (places[-1] + 1 if places else 0), flat.size - 1
        while low < high:  # the shortest beginning of g that brings more
            middle = (low + high) // 2
            beginning = np.zeros(flat.size)
            beginning[: middle + 1] = 1
            if weight(beginning) > before + _FEWEST:
                high = middle
            else:
                low = middle + 1
        alone = np.zeros(flat.size)
        alone[low] = 1
        weights[low] = weight(alone)
        if weights[low] <= 0:
            return None
        places.append(low)
        before += weights[low]
    found = weights[places]
    if not places or not np.allclose(found, found[0]):
        return None
    count = round(everything / found[0])
    terms = total(gradient(flat[places]), value / found[0], count)
    return terms if found[0] == 1 else constant(found[0]) * terms
