"""How numbers and shapes are written everywhere, in the window and on the command line."""

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


def format_count(number: int) -> str:
    """ "10 240": groups of three digits, apart by a narrow space."""
    return f"{number:,}".replace(",", "\u202f")


def format_seconds(seconds: float, digits: int = 3) -> str:
    """ "12.3 µs", "4 ms", "1.25 s"; "0 s" for nothing."""
    return _with_unit(seconds, digits, (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)))


def format_bytes(count: float, digits: int = 3) -> str:
    """ "640 B", "1.23 MB": decimal units, 1 kB is 1000 bytes."""
    return _with_unit(count, digits, (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)))


def format_flops(count: float, digits: int = 3) -> str:
    """ "1.5 GFLOP": floating-point operations, decimal units."""
    return _with_unit(
        count, digits, (("PFLOP", 1e15), ("TFLOP", 1e12), ("GFLOP", 1e9), ("MFLOP", 1e6), ("kFLOP", 1e3), ("FLOP", 1.0))
    )


def _with_unit(value: float, digits: int, units: Sequence[tuple[str, float]]) -> str:
    """`value` in the largest unit of which it has at least one, after rounding; the first unit for zero."""
    if value == 0 or not math.isfinite(value):
        return f"{format_number(value)} {units[0][0] if units[-1][1] < 1 else units[-1][0]}"
    rounded = float(f"{value:.{digits - 1}e}")
    name, size = next((unit for unit in units if abs(rounded) >= unit[1] * (1 - 1e-9)), units[-1])
    return f"{format_number(rounded / size, digits)} {name}"


def format_shape(shape: Sequence[int]) -> str:
    """ "64 × 768"; "[5]" for a vector, which a mere number would not say; "scalar" for a tensor of rank 0."""
    if len(shape) == 1:
        return f"[{shape[0]}]"
    return " × ".join(str(size) for size in shape) if len(shape) else "scalar"
