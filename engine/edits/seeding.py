"""Runs a program with another seed: in the place of every seed that it sets itself, and of Retrograd's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """While inside, the first seed that is set becomes `seed`, and every other keeps its distance from the first.

    So a program that seeds twice alike goes on doing so. Generators that the program makes meanwhile are seeded so too:
    `torch.Generator().manual_seed(…)`, `random.Random(…)`, `numpy.random.default_rng(…)` and `RandomState(…)`. Those
    from before keep their seeds. With None nothing is changed.
    """
    if seed is None:
        yield
        return
    originals: list[tuple[Any, str, Any]] = [
        (torch, "manual_seed", torch.manual_seed),
        (torch.random, "manual_seed", torch.random.manual_seed),
        (torch.cuda, "manual_seed_all", torch.cuda.manual_seed_all),
        (random, "seed", random.seed),
        (np.random, "seed", np.random.seed),
        (np.random, "default_rng", np.random.default_rng),
        (torch, "Generator", torch.Generator),
        (random, "Random", random.Random),
        (np.random, "RandomState", np.random.RandomState),
    ]
    replace = _Replacing(seed)
    for owner, name, original in originals:
        setattr(owner, name, replace.class_of(original) if isinstance(original, type) else replace.around(original))
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


class _Replacing:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._first: int | None = None

    def _of(self, seed: Any) -> Any:
        """The seed in the place of another; what is no number stays."""
        if not isinstance(seed, int):
            return seed
        if self._first is None:
            self._first = seed
        return (self._seed + seed - self._first) % 2**32

    def around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def set_seed(seed: Any = None, *args: Any, **kwargs: Any) -> Any:
            return original(self._of(seed), *args, **kwargs)

        set_seed.__wrapped__ = original  # type: ignore[attr-defined]  # as functools.wraps does
        return set_seed

    def class_of(self, original: type[Any]) -> type[Any]:
        """A class of generators, as it is, but for the seeds that are given to it."""

        def reseeding(name: str) -> Callable[..., Any]:
            method = getattr(original, name)

            def call(generator: Any, seed: Any = None, *args: Any, **kwargs: Any) -> Any:
                return method(generator, self._of(seed), *args, **kwargs)

            return call

        return type(original.__name__, (original,), {name: reseeding(name) for name in _SEEDING_METHODS[original]})


_SEEDING_METHODS: dict[type[Any], tuple[str, ...]] = {
    torch.Generator: ("manual_seed",),
    random.Random: ("seed",),  # its __init__ calls it
    np.random.RandomState: ("__init__", "seed"),
}
