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

    So a program that seeds twice alike goes on doing so. Generators of the program's own keep their seeds. With None
    nothing is changed.
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
    ]
    replace = _Replacing(seed)
    for owner, name, original in originals:
        setattr(owner, name, replace.around(original))
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


class _Replacing:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._first: int | None = None

    def around(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def set_seed(seed: Any = None, *args: Any, **kwargs: Any) -> Any:
            if not isinstance(seed, int):
                return original(seed, *args, **kwargs)
            if self._first is None:
                self._first = seed
            return original((self._seed + seed - self._first) % 2**32, *args, **kwargs)

        set_seed.__wrapped__ = original  # type: ignore[attr-defined]  # as functools.wraps does
        return set_seed
