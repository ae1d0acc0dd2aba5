"""Means, texts and differences of tensors against numpy and Python."""

from __future__ import annotations

import numpy as np
import pytest

from gui.widgets.tensor_parts import difference, picture, reduce_over, torch_text


def test_means_over_the_first_axis() -> None:
    values = np.array([[1.0, -2.0], [3.0, np.nan]])
    np.testing.assert_array_equal(reduce_over(values, "one"), values)
    np.testing.assert_array_equal(reduce_over(values, "mean"), [2.0, np.nan])
    np.testing.assert_array_equal(reduce_over(-values, "absolute"), [2.0, np.nan])
    np.testing.assert_array_equal(reduce_over(values, "square"), [5.0, np.nan])
    assert reduce_over(np.zeros(()), "mean").shape == ()


def test_code_is_exact_for_its_type() -> None:
    assert torch_text(np.array(True)) == "import torch\ntorch.tensor(True, dtype=torch.bool)"
    assert "[1, -2], dtype=torch.int64" in torch_text(np.array([1, -2]))
    assert torch_text(np.array([np.inf])).startswith("import torch\nfrom math import inf\n")
    value = np.float32(0.1) / 3
    assert np.float32(torch_text(np.array(value)).split("tensor(")[1].split(",")[0]) == value
    with pytest.raises(ValueError, match=r"export them as \.npy"):
        torch_text(np.zeros(200_000))


def test_differences() -> None:
    this = np.array([1.0, np.nan, np.inf, 2.0])
    same = difference(this, this)
    assert same is not None
    assert same.sentence == "Equal in every element."
    other = this.copy()
    other[3] = 1.0
    found = difference(this, other)
    assert found is not None
    assert (found.absolute, found.where, found.relative) == (1.0, (3,), 0.5)
    other[1] = 0.0
    broken = difference(this, other)
    assert broken is not None
    assert broken.where == (1,)
    assert np.isinf(broken.absolute)
    assert difference(this, this[:2]) is None


def test_pictures_span_from_black_to_white() -> None:
    grey = picture(np.array([[0.0, 5.0], [10.0, np.nan]]))
    assert grey.shape == (2, 2, 3)
    assert grey[0, 0].tolist() == [0, 0, 0]
    assert grey[1, 0].tolist() == [255, 255, 255]
    assert grey[1, 1].tolist() == [0, 0, 0]
