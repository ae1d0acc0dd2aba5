"""Extremes, sums, zeros and a histogram of a tensor in one pass over its memory.

torch has no operation that takes more than two of these at once, and each pass over a large tensor costs as much as
reading it. Where llvmlite is missing, or the system forbids compiled code, `statistics` gives None and the caller goes
on with torch.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from typing import Any

import msgspec
import torch

from ..graph.summary import BINS
from .loop_text import GRAIN_ELEMENTS
from .loops import Loop, compile_loop

_TYPES = {torch.float32: "float", torch.float64: "double", torch.float16: "half", torch.bfloat16: "bfloat"}
DTYPES = frozenset(_TYPES)
"""The dtypes that `statistics` has a loop for."""

SHARED_ELEMENTS = 2 * GRAIN_ELEMENTS
"""From this size on the threads of torch share the work."""
SAMPLE_RUNS, RUN_ELEMENTS = 64, 16
"""A histogram is made of a sample of short runs: single elements as far apart would each cost a look into memory."""

_FIELDS = 5
_Out = ctypes.c_double * (_FIELDS + 2 + BINS)
_histogram_in = struct.Struct(f"2d{BINS}q").unpack_from


class Pass(msgspec.Struct, frozen=True, gc=False):
    """What one pass found. Where `squares` is not finite, there may be NaN or infinities, and the rest says nothing."""

    low: float
    high: float
    total: float
    squares: float
    zeros: int
    binned: Any
    """All that the loop wrote."""
    sampled: int
    """Elements in the sample."""

    def histogram(self) -> tuple[float, float, tuple[int, ...]]:
        """What `engine.graph.summary.bin_counts` gives for the sample."""
        low, high, *counts = _histogram_in(self.binned, 8 * _FIELDS)
        if high / 2 - low / 2 == 0:
            return low, high, (self.sampled,)
        return low, high, tuple(counts)


def runs_of(count: int) -> tuple[int, int, int]:
    """How many runs make the sample of a row, their elements, and how far apart the stretches are that they are of."""
    step = count // SAMPLE_RUNS
    return (1, count, count) if step <= RUN_ELEMENTS else (SAMPLE_RUNS, RUN_ELEMENTS, step)


def statistics(row: torch.Tensor) -> Pass | None:
    """Statistics of a contiguous tensor on the CPU with at least one element; None for a dtype that has no loop."""
    loop = _loop(row.dtype)
    if loop is None:
        return None
    count = row.numel()
    runs, size, step = runs_of(count)
    out = _Out()
    if count < SHARED_ELEMENTS or loop.shared is None or (threads := torch.get_num_threads()) == 1:
        loop.whole(row.data_ptr(), count, runs, size, step, out)
    else:
        loop.shared(row.data_ptr(), count, runs, size, step, out, threads)
    low, high, total, squares, zeros = out[:_FIELDS]
    return Pass(low, high, total, squares, int(zeros), out, runs * size)


@functools.cache
def _loop(dtype: torch.dtype) -> Loop | None:
    if dtype not in _TYPES:
        return None
    try:
        return compile_loop(_TYPES[dtype])
    except (ImportError, OSError, RuntimeError):
        return None
