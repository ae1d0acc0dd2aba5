"""Numbers from the clipboard, in the forms in which people have them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gui.pasted import fitted, parse_numbers

MATRIX = [[1.0, -2.5], [3e-3, 4.0]]


@pytest.mark.parametrize(
    "text",
    [
        "[[1, -2.5], [3e-3, 4]]",
        "[[1., −2.5],\n [0.003, 4.],]",
        "1,-2.5\n0.003,4",
        "1\t-2.5\n0.003\t4\n",
        "1 -2.5\n\n0.003 4",
        "1; -2.5\n0.003; 4",
        str(torch.tensor(MATRIX)),
        str(torch.tensor(MATRIX, requires_grad=True)),
        repr(np.array(MATRIX)),
        str(np.array(MATRIX)),
    ],
)
def test_forms_of_a_matrix(text: str) -> None:
    np.testing.assert_allclose(parse_numbers(text), MATRIX)


def test_numbers_and_vectors() -> None:
    assert parse_numbers(" 2.5 ").shape == ()
    np.testing.assert_array_equal(parse_numbers("1 2 3"), [1, 2, 3])
    np.testing.assert_array_equal(parse_numbers("[nan, inf, -inf]"), [np.nan, np.inf, -np.inf])
    assert parse_numbers("[[[1],[2]]]").shape == (1, 2, 1)


@pytest.mark.parametrize(
    "text", ["", "hello", "1 2\n3", "[[1, 2], [3]]", "[1, 'a']", "[open('x')]", "[" * 5000, "[]", "1,2\nx,4"]
)
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_numbers(text)


def test_the_shape_follows_what_is_replaced() -> None:
    assert fitted(np.arange(6.0), (2, 3)).shape == (2, 3)
    np.testing.assert_array_equal(fitted(np.array(7.0), (2, 2)), np.full((2, 2), 7.0))
    assert fitted(np.arange(4.0), (2, 3)).shape == (4,)
