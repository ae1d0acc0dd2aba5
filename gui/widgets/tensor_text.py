"""How a tensor is written in a few characters."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from engine.graph.model import TensorInfo
from engine.graph.numbers import MINUS, format_number, format_shape


def exact_text(array: npt.NDArray[Any]) -> str:
    """The single value of an array, as exactly as its type holds it."""
    value = array.reshape(-1)[0]
    return str(value.item() if array.dtype.kind in "biu" else value)


def number_text(info: TensorInfo) -> str:
    """A tensor in a few characters: a scalar's value, else its norm, else only its shape."""
    if info.numel == 1 and info.array is not None:
        value = info.array.reshape(-1)[0]
        if info.array.dtype.kind == "c":
            sign = MINUS if value.imag < 0 else "+"
            return f"{format_number(float(value.real))} {sign} {format_number(abs(float(value.imag)))}i"
        return format_number(float(value))
    summary = info.summary
    if summary is None or summary.count == 0:
        return format_shape(info.shape)
    return format_number(summary.mean) if info.numel == 1 else f"norm {format_number(summary.norm)}"
