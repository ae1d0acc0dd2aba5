"""What is kept of tensors: statistics equal torch's in float64, exotic tensors are explained."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.capture.tensors import MEDIUM_ELEMENTS, Budget, Keeper
from engine.graph.model import TensorInfo
from engine.graph.summary import summarize

LARGE = (3, 70_001)


def _described(tensor: Tensor, keeper: Keeper | None = None) -> TensorInfo:
    keeper = keeper or Keeper()
    info = keeper.describe(tensor)
    keeper.finish()
    return info


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.randn(LARGE),
        lambda: torch.randn(LARGE).relu(),
        lambda: torch.randn(LARGE) * 1e-3 + 500,
        lambda: torch.randn(LARGE, dtype=torch.float64),
        lambda: torch.randn(LARGE).to(torch.bfloat16),
        lambda: torch.randn(LARGE).to(torch.float16),
        lambda: torch.randint(-5, 5, LARGE),
        lambda: torch.rand(LARGE) > 0.3,
        lambda: torch.randn(LARGE).t(),
        lambda: torch.randn(6, 70_001)[::2],
        lambda: torch.randn(210_003, 2)[:, 1],
        lambda: torch.randn(210_003, dtype=torch.complex64).imag,
        lambda: torch.randn(70_001).expand(LARGE),
        lambda: torch.full(LARGE, 0.1),
        lambda: torch.zeros(LARGE),
        lambda: torch.randn(LARGE, dtype=torch.complex64),
        lambda: torch.randn(LARGE) - 100,
    ],
)
def test_statistics_of_large_tensors_equal_torch(make: Callable[[], Tensor]) -> None:
    torch.manual_seed(0)
    tensor = make()
    summary = _described(tensor).summary
    exact = (tensor.abs() if tensor.is_complex() else tensor).to(torch.float64)
    assert summary is not None
    assert summary.count == tensor.numel()
    assert summary.min == exact.min().item()
    assert summary.max == exact.max().item()
    assert summary.zeros == int((exact == 0).sum())
    assert (summary.nan, summary.inf) == (0, 0)
    close = pytest.approx
    assert summary.mean == close(exact.mean().item(), rel=1e-5, abs=1e-5 * exact.abs().mean().item())
    assert summary.std == close(exact.std(correction=0).item(), rel=1e-4, abs=1e-12)
    assert summary.norm == close(exact.norm().item(), rel=1e-5)
    assert sum(summary.histogram) == summary.binned > 900


def test_non_finite_values_are_counted() -> None:
    tensor = torch.randn(LARGE)
    tensor[0, 5] = math.nan
    tensor[1, 7:9] = math.inf
    summary = _described(tensor).summary
    assert summary is not None
    assert (summary.nan, summary.inf) == (1, 2)
    assert math.isnan(summary.max)
    assert math.isnan(summary.norm)


def test_small_tensors_are_kept_whole_and_large_ones_are_not() -> None:
    small, large = torch.randn(10, 10), torch.randn(LARGE)
    kept = _described(small)
    np.testing.assert_array_equal(kept, small)
    assert kept.summary is not None
    assert kept.summary.norm == pytest.approx(small.double().norm().item())
    assert _described(large).array is None
    assert "only statistics" in str(_described(large).note)
    np.testing.assert_array_equal(_described(large, Keeper("all")), large)


def test_kept_values_are_those_of_the_moment() -> None:
    keeper = Keeper()
    tensor = torch.ones(3)
    before = keeper.describe(tensor)
    tensor.mul_(5)
    after = keeper.describe(tensor)
    keeper.finish()
    np.testing.assert_array_equal(before, np.ones(3, np.float32))
    np.testing.assert_array_equal(after, np.full(3, 5, np.float32))
    assert after.version == before.version + 1


def test_the_budget_bounds_what_is_kept() -> None:
    keeper = Keeper(budget=Budget(small=100 * 4, medium=0))
    infos = [keeper.describe(torch.randn(50)) for _ in range(4)]
    keeper.finish()
    assert [info.array is not None for info in infos] == [True, True, False, False]
    assert all(info.summary is not None for info in infos)
    assert MEDIUM_ELEMENTS > 4096


def test_a_transposed_view_shares_the_statistics() -> None:
    keeper = Keeper()
    tensor = torch.randn(300, 700)
    first = keeper.describe(tensor)
    second = keeper.describe(tensor.t(), same_as=(tensor, first))
    third = keeper.describe(tensor[1:], same_as=(tensor, first))
    keeper.finish()
    assert second.summary is first.summary
    assert third.summary != first.summary


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(0),
        lambda: torch.empty(3, 0, 2),
        lambda: torch.tensor(2.5),
        lambda: torch.tensor(True),
        lambda: torch.tensor([1, 2], dtype=torch.uint8),
        lambda: torch.tensor([1 + 2j]),
        lambda: torch.tensor([1.5], dtype=torch.float8_e4m3fn),
        lambda: torch.tensor([1.5], dtype=torch.bfloat16),
        lambda: torch.quantize_per_tensor(torch.randn(4), 0.1, 0, torch.qint8),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.eye(3).to_sparse_csr(),
        lambda: torch.empty(3, device="meta"),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
        lambda: torch.randn(3, dtype=torch.complex64).conj(),
        lambda: torch.randn(3, dtype=torch.complex64).imag,
    ],
)
@pytest.mark.filterwarnings("ignore")  # torch warns that some of these layouts are in beta
def test_exotic_tensors_give_values_or_a_reason(make: Callable[[], Tensor]) -> None:
    info = _described(make())
    assert info.array is not None or info.note


@pytest.mark.parametrize("size", [1e-25, 1e-12, 1.0, 1e12, 1e22])
def test_norms_neither_vanish_nor_overflow(size: float) -> None:
    tensor = torch.randn(LARGE) * size
    summary = _described(tensor).summary
    assert summary is not None
    assert summary.norm == pytest.approx(tensor.double().norm().item(), rel=1e-5)
    assert summary.std == pytest.approx(tensor.double().std(correction=0).item(), rel=1e-4)


def test_negative_zeros_are_zeros() -> None:
    tensor = torch.randn(LARGE)
    tensor[0, :10] = -0.0
    tensor[1, :5] = 0.0
    summary = _described(tensor).summary
    assert summary is not None
    assert summary.zeros == 15


def test_statistics_of_more_than_one_part() -> None:
    tensor = torch.randn(3, 1_000_003) + 2
    summary = _described(tensor).summary
    assert summary is not None
    assert summary.mean == pytest.approx(tensor.double().mean().item(), rel=1e-6)
    assert summary.norm == pytest.approx(tensor.double().norm().item(), rel=1e-5)
    assert summary.min == tensor.min().item()
    assert summary.zeros == 0


def test_the_latest_medium_tensors_are_kept_where_the_budget_does_not_last_for_all() -> None:
    tensors = [torch.full((MEDIUM_ELEMENTS // 2,), float(number)) for number in range(6)]
    nbytes = tensors[0].nbytes
    first, latest = (Keeper("summary", Budget(0, 2 * nbytes), is_latest_kept=which) for which in (False, True))
    kept = []
    for keeper in (first, latest):
        infos = [keeper.describe(tensor) for tensor in tensors]
        view = keeper.describe(tensors[0].view(-1, 2), same_as=(tensors[0], infos[0]))
        large = keeper.describe(torch.ones(MEDIUM_ELEMENTS + 1))
        keeper.finish()
        kept.append([info.array is not None for info in infos])
        for number, info in enumerate(infos):
            assert info.summary is not None
            assert (info.summary.min, info.summary.max) == (number, number)
            assert (info.note is None) == (info.array is not None)
        assert view.summary is not None
        assert view.summary.max == 0
        assert large.array is None
    assert kept == [[True, True] + [False] * 4, [False] * 5 + [True]]


def test_memory_that_was_freed_and_zeros_without_memory() -> None:
    freed = torch.ones(100_000)
    freed.untyped_storage().resize_(0)
    info = _described(freed)
    assert info.summary is None
    assert info.note == "no values: the tensor's memory has been freed"
    for count in (3, 100_000):
        summary = _described(torch._efficientzerotensor((count,))).summary
        assert summary is not None
        assert (summary.zeros, summary.max) == (count, 0)


@pytest.mark.parametrize("elements", [12, MEDIUM_ELEMENTS // 2])
def test_a_view_with_the_same_elements_shares_the_copy(elements: int) -> None:
    keeper = Keeper(is_latest_kept=True)
    tensor = torch.randn(elements)
    expected = tensor.numpy().copy()
    info = keeper.describe(tensor)
    view = keeper.describe(tensor.view(-1, 2), same_as=(tensor, info))
    turned = keeper.describe(tensor.view(-1, 2).t(), same_as=(tensor, info))
    tensor.zero_()
    keeper.finish()
    assert info.array is not None
    assert view.array is not None
    assert turned.array is not None
    assert np.shares_memory(info.array, view.array)
    assert np.array_equal(info.array, expected)
    assert np.array_equal(view.array, expected.reshape(-1, 2))
    assert np.array_equal(turned.array, expected.reshape(-1, 2).T)


def test_a_copy_that_others_look_at_does_not_give_way() -> None:
    tensors = [torch.full((MEDIUM_ELEMENTS // 2,), float(number)) for number in range(5)]
    keeper = Keeper("summary", Budget(0, 2 * tensors[0].nbytes), is_latest_kept=True)
    first = keeper.describe(tensors[0])
    view = keeper.describe(tensors[0].view(2, -1), same_as=(tensors[0], first))
    rest = [keeper.describe(tensor) for tensor in tensors[1:]]
    keeper.finish()
    for number, info in enumerate([first, *rest]):
        assert info.summary is not None
        assert (info.summary.min, info.summary.max) == (number, number)
        if info.array is not None:
            assert np.all(info.array == number)
    assert view.array is not None
    assert np.all(view.array == 0)
    assert [info.array is not None for info in rest] == [False, False, False, True]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged], ids=str)
def test_nested_tensors_have_statistics_of_all_their_rows(layout: torch.layout) -> None:
    rows = [torch.randn(2, 3), torch.randn(5, 3), torch.zeros(1, 3)]
    nested = torch.nested.nested_tensor(rows, layout=layout)
    info = _described(nested)
    expected = summarize(torch.cat(rows).numpy())
    assert info.array is None
    assert info.note == "only statistics were kept: the tensor is nested: its rows differ in length"
    found = info.summary
    assert found is not None
    assert (found.count, found.zeros, found.histogram) == (24, 3, expected.histogram)
    assert (found.min, found.max) == (expected.min, expected.max)
    assert found.norm == pytest.approx(expected.norm)
    assert found.std == pytest.approx(expected.std)


def test_rows_of_a_nested_tensor_with_gaps_between_them_have_none() -> None:
    padded = torch.randn(3, 6, 2)
    part = torch.nested.narrow(padded, 1, torch.zeros(3).long(), torch.tensor([1, 6, 2]), layout=torch.jagged)
    info = _described(part)
    assert info.summary is None
    assert info.note == "no values: the tensor is nested: its rows differ in length"
