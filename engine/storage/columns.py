"""Tables as columns: narrow integers, interned values, lists of lists; and reading them back with every check."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import TraceFileError

T = TypeVar("T", bound=Hashable)
Array = npt.NDArray[Any]
_INTEGERS = tuple(np.dtype(name) for name in ("<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8"))


def integers(values: Sequence[int], what: str) -> Array:
    """A column of integers in the narrowest type that holds them all."""
    plain: Array | Sequence[int] = values
    try:
        plain = np.array(values, dtype=np.int64)
        low, high = (int(plain.min()), int(plain.max())) if len(plain) else (0, 0)
    except OverflowError:  # an AccumulateGrad's sequence number, 2**64 - 1
        low, high = min(values), max(values)
    for dtype in _INTEGERS:
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return np.array(plain, dtype=dtype)
    raise TraceFileError(f"The trace cannot be saved: {what} goes from {low} to {high}, more than 64 bits can hold.")


class Interned(Generic[T]):
    """Every distinct value once, in the order of first use; 0 stands for None, k + 1 for `values[k]`."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._places: dict[T, int] = {}

    def __call__(self, value: T | None) -> int:
        if value is None:
            return 0
        place = self._places.get(value)
        if place is None:
            self.values.append(value)
            place = self._places[value] = len(self.values)
        return place


class Writer:
    """Collects columns under names such as "edges.source"."""

    def __init__(self) -> None:
        self.tensors: dict[str, Array] = {}

    def integers(self, name: str, values: Iterable[int]) -> None:
        self.tensors[name] = integers(list(values), name)

    def floats(self, name: str, values: Iterable[float]) -> None:
        self.tensors[name] = np.array(list(values), dtype="<f8")

    def flags(self, name: str, values: Iterable[bool]) -> None:
        self.tensors[name] = np.array(list(values), dtype=np.bool_)

    def lists(self, name: str, values: Iterable[Sequence[int]]) -> None:
        """A column of lists: their lengths in "NAME.length", all their items in "NAME"."""
        rows = list(values)
        self.integers(f"{name}.length", map(len, rows))
        self.integers(name, chain.from_iterable(rows))


class Reader:
    """Takes columns out of a container; every one is checked before it is used.

    Raises
    ------
    TraceFileError
        Naming the file and the column.
    """

    def __init__(self, tensors: dict[str, Array], name: str) -> None:
        self.tensors = tensors
        self.name = name

    def fail(self, where: str, what: str) -> TraceFileError:
        return TraceFileError(
            f"{self.name!r} is damaged in {where}: {what}. Record the trace again, or take another copy of the file."
        )

    def column(self, name: str, kinds: str, length: int | None) -> Array:
        array = self.tensors.pop(name, None)
        if array is None:
            raise self.fail(f"tensor {name!r}", "it is missing")
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise self.fail(f"tensor {name!r}", f"{array.dtype} of shape {array.shape} is not a column of this table")
        if length is not None and len(array) != length:
            raise self.fail(f"tensor {name!r}", f"it has {len(array)} rows instead of {length}")
        return array

    def rows(self, name: str) -> int:
        """How many rows the table has, by one of its columns, which is left to be read."""
        array = self.tensors.get(name)
        return len(array) if array is not None and array.ndim == 1 else 0

    def integers(self, name: str, length: int | None, low: int = 0, high: int = 2**63 - 1) -> list[int]:
        """A column of integers, all of them from `low` to `high`."""
        array = self.column(name, "iu", length)
        if len(array):
            least, most = int(array.min()), int(array.max())
            if least < low or most > high:
                value = least if least < low else most
                row = int(np.flatnonzero(array == value)[0])
                limits = f"{low} to {high}" if high >= low else "none at all"
                raise self.fail(f"tensor {name!r}, row {row}", f"{value} is outside what there is ({limits})")
        return array.tolist()  # type: ignore[no-any-return]  # numpy does not say what tolist of a column gives

    def floats(self, name: str, length: int | None) -> list[float]:
        array = self.column(name, "f", length)
        return array.tolist()  # type: ignore[no-any-return]  # as above

    def flags(self, name: str, length: int | None) -> list[bool]:
        array = self.column(name, "b", length)
        if len(array) and int(array.view(np.uint8).max()) > 1:
            raise self.fail(f"tensor {name!r}", "it has bytes that are neither 0 nor 1")
        return array.tolist()  # type: ignore[no-any-return]  # as above

    def lists(self, name: str, length: int, low: int = 0, high: int = 2**63 - 1) -> list[list[int]]:
        """Inverse of `Writer.lists`."""
        lengths = self.integers(f"{name}.length", length)
        stops = list(accumulate(lengths))
        total = stops[-1] if stops else 0
        items = self.integers(name, total, low, high)
        return [items[stop - count : stop] for count, stop in zip(lengths, stops, strict=True)]
