"""Copies of tensors' values are what `clone` would have given."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.capture.copies import CHUNK_BYTES, Copier

DTYPES = [torch.bool, torch.uint8, torch.int64, torch.float16, torch.float32, torch.float64, torch.complex64]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (7, 5), (60, 60), (300, 400)], ids=str)
def test_copies_are_exact_and_apart(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    tensor = (torch.randn(shape) * 3).to(dtype)
    expected = tensor.clone().numpy()
    copy = Copier().copy(tensor)
    tensor.zero_()
    assert copy is not None
    assert copy.dtype == expected.dtype
    assert copy.shape == shape
    np.testing.assert_array_equal(copy, expected)


def test_many_small_copies_do_not_overlap() -> None:
    copier = Copier()
    tensors = [torch.randn(1 + index % 700) for index in range(2 * CHUNK_BYTES // 1000)]
    copies = [copier.copy(tensor) for tensor in tensors]
    for tensor, copy in zip(tensors, copies, strict=True):
        assert copy is not None
        np.testing.assert_array_equal(copy, tensor.numpy())


def test_memory_of_copies_that_nobody_needs_is_used_again() -> None:
    copier = Copier()
    first = copier.copy(torch.ones(100, 200))
    assert first is not None
    copier.reuse(first)
    second = copier.copy(torch.full((200, 50), 2.0, dtype=torch.float64))
    third = copier.copy(torch.full((100, 200), 3.0))
    assert second is not None
    assert third is not None
    assert np.shares_memory(first, second)
    assert not np.shares_memory(second, third)
    assert (second == 2).all()
    assert second.dtype == np.float64
    assert (third == 3).all()


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(4, 5).t(),
        torch.randn(10)[::2],
        torch.randn(3).expand(2, 3),
        torch.randn(4, dtype=torch.complex64).conj(),
        torch.randn(4, dtype=torch.complex64).conj().imag,
        torch.randn(4).bfloat16(),
        torch.empty(4, device="meta"),
    ],
    ids=["transposed", "strided", "expanded", "conjugate", "negated", "bfloat16", "meta"],
)
def test_what_lies_differently_in_memory_is_left_to_torch(tensor: torch.Tensor) -> None:
    assert Copier().copy(tensor) is None
