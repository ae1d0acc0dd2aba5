"""How far tensors are apart: exact where values were kept, never more than the truth where only statistics were."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine.graph.deviation import deviation
from engine.graph.model import TensorInfo
from engine.graph.summary import summarize

ARRAYS = arrays.arrays(np.float64, (4, 3), elements=st.floats(-1e6, 1e6))


def whole(array: npt.ArrayLike, dtype: str = "float32") -> TensorInfo:
    values = np.asarray(array, dtype)
    return TensorInfo(shape=values.shape, dtype=dtype, array=values)


def statistics(array: npt.NDArray[Any]) -> TensorInfo:
    return TensorInfo(shape=array.shape, dtype=str(array.dtype), recorded_summary=summarize(array))


def test_whole_values_are_compared_element_by_element() -> None:
    found = deviation(whole([3.0, 4.0]), whole([3.0, 5.0]))
    assert (found.kind, found.is_exact) == ("changed", True)
    assert found.max_abs == 1
    assert found.max_rel == pytest.approx(0.2)
    assert found.norm_ratio == pytest.approx(math.sqrt(34) / 5)
    assert found.amount == pytest.approx(1 / math.sqrt(34))


@given(ARRAYS, ARRAYS)
def test_statistics_never_claim_more_than_the_truth(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> None:
    exact = deviation(whole(a, "float64"), whole(b, "float64"))
    bound = deviation(statistics(a), statistics(b))
    assert bound.amount <= exact.amount + 1e-9
    assert 0 <= exact.amount <= 2 + 1e-9


@pytest.mark.parametrize("make", [whole, lambda array: statistics(np.asarray(array, np.float32))])
def test_nan_that_appears_is_the_largest_change(make: Any) -> None:
    found = deviation(make([1.0, 2.0]), make([1.0, math.nan]))
    assert found.nan_appeared
    assert found.amount == math.inf
    assert deviation(make([1.0, math.nan]), make([1.0, 2.0])).nan_gone
    assert deviation(make([1.0, math.nan]), make([1.0, math.nan])).kind == "equal"


def test_what_is_on_one_side_only_appeared_or_vanished() -> None:
    info = whole([1.0])
    assert deviation(None, None).kind == "equal"
    assert deviation(None, info).kind == "appeared"
    assert deviation(info, None).kind == "vanished"
    assert deviation(info, None).amount == math.inf


def test_other_forms_are_not_subtracted() -> None:
    found = deviation(whole([1.0, 2.0]), whole([[1.0, 2.0]]))
    assert (found.kind, found.max_abs, found.norm_ratio) == ("form", None, 1.0)
    assert deviation(whole([1.0]), whole([1.0], "float64")).kind == "form"


def test_without_values_and_statistics_nothing_is_claimed() -> None:
    bare = TensorInfo(shape=(2,), dtype="float32")
    assert deviation(bare, whole([1.0, 2.0])).kind == "unknown"
    assert deviation(bare, TensorInfo(shape=(2,), dtype="float32")).kind == "unknown"


@pytest.mark.parametrize("dtype", ["bool", "int64", "complex64", "float16"])
def test_every_kind_of_number(dtype: str) -> None:
    one = np.zeros(3, dtype)
    other = one.copy()
    other[1] = 1
    found = deviation(whole(one, dtype), whole(other, dtype))
    assert (found.max_abs, found.amount) == (1, 1)
    assert deviation(whole(other, dtype), whole(other.copy(), dtype)).kind == "equal"


def test_empty_tensors_and_signed_zeros_are_equal() -> None:
    assert deviation(whole([]), whole([])).kind == "equal"
    assert deviation(whole([0.0]), whole([-0.0])).kind == "equal"
