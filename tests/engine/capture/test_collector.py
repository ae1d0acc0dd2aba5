"""The pace of Python's garbage collector while a program is recorded, and after it."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch

from engine import trace
from engine.errors import TraceError


@pytest.fixture(autouse=True)
def usual() -> Iterator[tuple[int, int, int]]:
    thresholds = gc.get_threshold()
    yield thresholds
    gc.set_threshold(*thresholds)


def test_a_trace_gives_the_pace_back(usual: tuple[int, int, int]) -> None:
    seen = []

    def program(x: torch.Tensor) -> torch.Tensor:
        seen.append(gc.get_threshold())
        x.register_hook(lambda _grad: seen.append(gc.get_threshold()))
        return (x * 2).sum()

    trace(program, torch.ones(3, requires_grad=True))
    assert len(seen) == 2
    assert all(first > usual[0] and (second, third) == usual[1:] for first, second, third in seen)
    assert gc.get_threshold() == usual


def test_a_program_that_fails_gives_it_back_too(usual: tuple[int, int, int]) -> None:
    def program(x: torch.Tensor) -> torch.Tensor:
        raise ValueError(float(x.sum()))

    with pytest.raises(TraceError):
        trace(program, torch.ones(3, requires_grad=True))
    assert gc.get_threshold() == usual


def test_a_pace_that_the_program_sets_stays() -> None:
    def program(x: torch.Tensor) -> torch.Tensor:
        gc.set_threshold(1234, 5, 6)
        return (x * 2).sum()

    trace(program, torch.ones(3, requires_grad=True))
    assert gc.get_threshold() == (1234, 5, 6)


def test_a_collector_that_is_off_stays_off() -> None:
    gc.set_threshold(0, 10, 10)
    seen = []

    def program(x: torch.Tensor) -> torch.Tensor:
        seen.append(gc.get_threshold()[0])
        return (x * 2).sum()

    trace(program, torch.ones(3, requires_grad=True))
    assert seen == [0]
    assert gc.get_threshold()[0] == 0
