"""How numbers and shapes are written everywhere in the window: four significant digits, a true minus sign."""

from __future__ import annotations

import math
from collections.abc import Sequence

MINUS = "−"


def format_number(value: float, digits: int = 4) -> str:
    """`value` in at most `digits` significant digits: "−0.0817", "2.42", "1.2e−05", "NaN", "∞"."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    size = abs(value)
    if value == int(value) and size < 10**6:
        text = str(int(value))
    elif 1e-4 <= size < 1e6:
        text = f"{value:.{max(digits - 1 - math.floor(math.log10(size)), 0)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{value:.{digits - 2}e}"
    return text.replace("-", MINUS)


def format_shape(shape: Sequence[int]) -> str:
    """ "64 × 768"; "scalar" for a tensor of rank 0."""
    return " × ".join(str(size) for size in shape) if len(shape) else "scalar"
