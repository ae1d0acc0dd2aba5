"""The random number generators that a program may draw from: their states, taken and put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch


class RandomState(NamedTuple):
    """States of torch's generators (CPU, and every CUDA device in use), of Python's `random`, and of NumPy's; and of
    the generators that the program made itself and drew from, as they were before it first did.
    """

    cpu: npt.NDArray[np.uint8]
    cuda: tuple[npt.NDArray[np.uint8], ...]
    python: tuple[Any, ...]
    numpy: Any
    own: tuple[tuple[torch.Generator, torch.Tensor], ...] = ()


def take() -> RandomState:
    """The states as they are now. A CUDA that nobody has used yet is left alone."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return RandomState(
        cpu=torch.default_generator.get_state().numpy(),
        cuda=tuple(state.numpy() for state in cuda),
        python=random.getstate(),
        numpy=np.random.get_state(),
    )


def remember(generator: torch.Generator, states: dict[int, tuple[torch.Generator, torch.Tensor]]) -> None:
    """Note the state of one of the program's own generators, unless it is known already."""
    if id(generator) in states:
        return
    try:
        states[id(generator)] = generator, generator.get_state()
    except (RuntimeError, AssertionError):  # a mode of the program's (fake tensors) refuses
        return


def restore(state: RandomState) -> None:
    """Let every generator go on from `state`."""
    torch.default_generator.set_state(torch.from_numpy(state.cpu.copy()))
    if state.cuda and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([torch.from_numpy(device.copy()) for device in state.cuda])
    random.setstate(state.python)
    np.random.set_state(state.numpy)
    for generator, own_state in state.own:
        generator.set_state(own_state)


@contextmanager
def left_alone(also: RandomState | None = None) -> Iterator[None]:
    """Whatever is drawn inside, the generators afterwards go on as if it had not been; those of `also` too."""
    before = take()
    if also is not None:
        before = before._replace(own=tuple((generator, generator.get_state()) for generator, _ in also.own))
    try:
        yield
    finally:
        restore(before)
