"""How far one tensor of a trace is from its counterpart in another: from whole values, else from statistics."""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from .model import TensorInfo
from .summary import Summary

DeviationKind = Literal["equal", "changed", "appeared", "vanished", "form", "unknown"]


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a tensor.

    Attributes
    ----------
    kind : "equal"; "changed" values; "appeared" and "vanished" where only one side has a tensor at all (a gradient that
        was None, or became None); "form" where shape or dtype differ, so that elements cannot be compared; "unknown"
        where neither values nor statistics were kept.
    output : the output of the node that this is about.
    before, after : the two tensors.
    amount : how much changed, for sorting: |after - before| / max(|before|, |after|) in Euclidean norms, from 0 to 2.
        It is exact where whole values were kept on both sides, else the largest lower bound that the statistics give.
        Infinite where a tensor appeared, vanished, or became NaN.
    is_exact : whether whole values were compared.
    max_abs, max_rel : the largest absolute difference of two elements, and the largest one in relation to the larger of
        the two elements; None where whole values were not compared. Elements that are not finite do not count.
    norm_ratio : norm after / norm before; None where one of them is zero, not finite or not known.
    nan_appeared, nan_gone : whether there are NaN or infinite elements on one side only.
    """

    kind: DeviationKind
    output: int = 0
    before: TensorInfo | None = None
    after: TensorInfo | None = None
    amount: float = 0.0
    is_exact: bool = False
    max_abs: float | None = None
    max_rel: float | None = None
    norm_ratio: float | None = None
    nan_appeared: bool = False
    nan_gone: bool = False


def deviation(before: TensorInfo | None, after: TensorInfo | None, output: int = 0) -> Deviation:
    """Compare two tensors; None stands for one that is not there."""
    if before is None or after is None:
        if before is after:
            return Deviation(kind="equal", output=output)
        kind: DeviationKind = "appeared" if before is None else "vanished"
        return Deviation(kind=kind, output=output, before=before, after=after, amount=math.inf)
    if before is after or (before.array is not None and before.array is after.array):
        return Deviation(kind="equal", output=output, before=before, after=after, is_exact=True)
    has_form = tuple(before.shape) == tuple(after.shape) and before.dtype == after.dtype
    if has_form and before.array is not None and after.array is not None and before.array.shape == after.array.shape:
        return _of_values(before, after, before.array, after.array, output)
    return _of_statistics(before, after, output, has_form=has_form)


def _of_values(
    before: TensorInfo, after: TensorInfo, first: npt.NDArray[Any], second: npt.NDArray[Any], output: int
) -> Deviation:
    if first.tobytes() == second.tobytes():
        return Deviation(kind="equal", output=output, before=before, after=after, is_exact=True)
    a, b = _wide(first), _wide(second)
    with np.errstate(all="ignore"):
        is_finite = np.isfinite(a) & np.isfinite(b)
        was_bad, is_bad = not bool(np.isfinite(a).all()), not bool(np.isfinite(b).all())
        if not is_finite.all():
            a, b = a[is_finite], b[is_finite]
        distance = np.abs(b - a)
        size = np.maximum(np.abs(a), np.abs(b))
        largest = float(distance.max(initial=0.0))
        scaled = np.divide(distance, size, out=np.zeros_like(distance), where=size > 0)
        norm_a, norm_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
        apart = float(np.linalg.norm(distance))
    if not largest and was_bad == is_bad and np.array_equal(first, second, equal_nan=first.dtype.kind in "fc"):
        return Deviation(kind="equal", output=output, before=before, after=after, is_exact=True)
    scale = max(norm_a, norm_b)
    return Deviation(
        kind="changed",
        output=output,
        before=before,
        after=after,
        amount=math.inf if is_bad and not was_bad else apart / scale if scale else 0.0,
        is_exact=True,
        max_abs=largest,
        max_rel=float(scaled.max(initial=0.0)),
        norm_ratio=_ratio(norm_a, norm_b) if not was_bad and not is_bad else None,
        nan_appeared=is_bad and not was_bad,
        nan_gone=was_bad and not is_bad,
    )


def _wide(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64).ravel()


def _of_statistics(before: TensorInfo, after: TensorInfo, output: int, *, has_form: bool) -> Deviation:
    one, other = before.summary, after.summary
    if one is None or other is None:
        kind: DeviationKind = "unknown" if has_form else "form"
        return Deviation(kind=kind, output=output, before=before, after=after, amount=0.0 if has_form else 1.0)
    was_bad, is_bad = bool(one.nan or one.inf), bool(other.nan or other.inf)
    appeared = is_bad and not was_bad
    if not has_form:
        amount = math.inf if appeared else 1.0
    elif appeared:
        amount = math.inf
    else:
        amount = _bound(one, other)
    is_equal = has_form and _same(one, other)
    return Deviation(
        kind="form" if not has_form else "equal" if is_equal else "changed",
        output=output,
        before=before,
        after=after,
        amount=0.0 if is_equal else amount,
        norm_ratio=_ratio(one.norm, other.norm),
        nan_appeared=appeared,
        nan_gone=was_bad and not is_bad,
    )


def _bound(one: Summary, other: Summary) -> float:
    """A lower bound of |b - a| / max(|a|, |b|), by the triangle inequality for norm, mean and deviation from it."""
    scale = max(one.norm, other.norm)
    if not scale or not math.isfinite(scale):
        return 0.0
    root = math.sqrt(one.count)
    bounds = (abs(other.norm - one.norm), root * abs(other.mean - one.mean), root * abs(other.std - one.std))
    return max((bound for bound in bounds if math.isfinite(bound)), default=0.0) / scale


def _same(one: Summary, other: Summary) -> bool:
    """Equal statistics, where NaN equals NaN."""
    fields = ("count", "min", "max", "mean", "std", "norm", "zeros", "nan", "inf")
    return all(_is_equal(getattr(one, field), getattr(other, field)) for field in fields)


def _is_equal(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def _ratio(before: float, after: float) -> float | None:
    is_known = before > 0 and after > 0 and math.isfinite(before) and math.isfinite(after)
    return after / before if is_known else None
