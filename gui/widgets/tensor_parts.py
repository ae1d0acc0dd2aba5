"""What a tensor view computes: means over an axis, texts to copy, differences of two tensors, pictures. Numpy only."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.graph.numbers import format_number

from .heat_map import Floats

Over = Literal["one", "mean", "absolute", "square"]
OVER: tuple[tuple[Over, str], ...] = (
    ("one", "one"),
    ("mean", "mean"),
    ("absolute", "mean of |x|"),
    ("square", "mean of x²"),
)
MOST_WRITTEN = 100_000
"""Elements that are written as text at most."""
_SMALLEST_PICTURE = 8


def reduce_over(values: Floats, over: Over) -> Floats:
    """The mean over the first axis: of the values, of their sizes, or of their squares; NaN and Inf stay."""
    if over == "one" or values.ndim == 0 or values.shape[0] == 0:
        return values
    with np.errstate(all="ignore"):
        parts = np.abs(values) if over == "absolute" else np.square(values) if over == "square" else values
        return np.asarray(parts.mean(axis=0), dtype=np.float64)


def torch_text(array: npt.NDArray[Any]) -> str:
    """Python code that makes the tensor; exact for its dtype. Raises ValueError where it is too long to write."""
    if array.size > MOST_WRITTEN:
        raise ValueError(f"{array.size:,} elements are too many to write as code: export them as .npy.")
    text = _nested(array)
    uses = [f"from math import {name}" for name in ("inf", "nan") if name in text]
    code = f"torch.tensor({text}, dtype=torch.{array.dtype.name})"
    return "\n".join(["import torch", *uses, code])


def _nested(array: npt.NDArray[Any]) -> str:
    if array.ndim == 0:
        return _literal(array[()])
    return f"[{', '.join(_nested(part) for part in array)}]"


def _literal(value: Any) -> str:
    return str(value.item()) if np.dtype(type(value)).kind in "biu" else str(value)


class Difference(NamedTuple):
    """`values` is this minus that; the largest absolute difference, where it is, and the largest relative one."""

    values: Floats
    absolute: float
    where: tuple[int, ...]
    relative: float

    @property
    def sentence(self) -> str:
        if self.absolute == 0:
            return "Equal in every element."
        where = f" at [{', '.join(map(str, self.where))}]" if self.where else ""
        return f"largest difference {format_number(self.absolute)}{where}, relative {format_number(self.relative, 2)}"


def difference(this: Floats, that: Floats) -> Difference | None:
    """Compare two tensors of one shape; None where their shapes differ. Relative to the larger of the two elements."""
    if this.shape != that.shape or this.size == 0:
        return None
    with np.errstate(all="ignore"):
        is_same = (this == that) | (np.isnan(this) & np.isnan(that))
        values = np.where(is_same, 0.0, this - that)
        sizes = np.where(np.isnan(values), np.inf, np.abs(values))
        scale = np.maximum(np.abs(this), np.abs(that))
        relative = np.where(sizes == 0, 0.0, sizes / np.where(scale == 0, 1.0, scale))
    place = tuple(int(k) for k in np.unravel_index(int(sizes.argmax()), sizes.shape))
    return Difference(values, float(sizes.max()), place, float(np.nanmax(relative)))


def has_picture(shape: tuple[int, ...]) -> bool:
    """Whether the last axes look like a picture: H × W, or 3 × H × W."""
    return len(shape) >= 2 and min(shape[-2:]) >= _SMALLEST_PICTURE


def picture(values: Floats) -> npt.NDArray[np.uint8]:
    """Grey levels of an H × W array, colours of a 3 × H × W one, from the lowest value (black) to the highest."""
    planes = values if values.ndim == 3 else np.stack([values] * 3)
    finite = planes[np.isfinite(planes)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    scaled = (np.nan_to_num(planes, nan=low, posinf=high, neginf=low) - low) / ((high - low) or 1.0)
    return np.ascontiguousarray(np.rint(np.moveaxis(scaled, 0, -1) * 255).astype(np.uint8))
