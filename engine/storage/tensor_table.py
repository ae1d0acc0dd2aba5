"""The tables of tensors, of their statistics, and of the arrays that were kept."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import TraceFileError
from ..graph.model import TensorInfo
from ..graph.summary import Summary
from .columns import Array, Interned, Reader, Writer
from .container import MAX_DIMENSIONS, NAMES

_COUNTS = ("count", "zeros", "nan", "inf", "binned")
_FLOATS = ("min", "max", "mean", "std", "norm")
_PARTS = {"c8": ("<f4", "<c8"), "c16": ("<f8", "<c16")}


class TensorTable:
    """Collects tensors; the same object (also: the same array, the same summary) is written once and shared again."""

    def __init__(self, strings: Interned[str]) -> None:
        self.strings = strings
        self.infos: list[TensorInfo] = []
        self.array_of: list[int] = []
        self.summary_of: list[int] = []
        self.arrays: dict[str, Array] = {}
        self.summaries: list[Summary] = []
        self._info_places: dict[int, int] = {}
        self._array_places: dict[int, int] = {}
        self._summary_places: dict[int, int] = {}

    def __call__(self, info: TensorInfo | None, name: str) -> int:
        """Row of `info` + 1, or 0 for None; `name` is what its array is called if this is the first use of it."""
        if info is None:
            return 0
        place = self._info_places.get(id(info))
        if place is None:
            self.infos.append(info)
            place = self._info_places[id(info)] = len(self.infos)
            self.array_of.append(self._array(info.array, name))
            self.summary_of.append(self._summary(info.recorded_summary))
        return place

    def _array(self, array: Array | None, name: str) -> int:
        if array is None:
            return 0
        place = self._array_places.get(id(array))
        if place is None:
            if array.dtype.newbyteorder("<") not in NAMES and array.dtype not in (np.complex64, np.complex128):
                raise TraceFileError(
                    f"The trace cannot be saved: {name} has the dtype {array.dtype}, which safetensors does not know."
                )
            if array.ndim >= MAX_DIMENSIONS:
                raise TraceFileError(f"The trace cannot be saved: {name} has {array.ndim} dimensions.")
            self.arrays[name] = array
            place = self._array_places[id(array)] = len(self.arrays)
        return place

    def _summary(self, summary: Summary | None) -> int:
        if summary is None:
            return 0
        place = self._summary_places.get(id(summary))
        if place is None:
            self.summaries.append(summary)
            place = self._summary_places[id(summary)] = len(self.summaries)
        return place

    def write(self, out: Writer) -> list[list[Any]]:
        """Write all columns and arrays. Returns for the document, per array: its name, and "c8" or "c16" if complex."""
        shapes: Interned[tuple[int, ...]] = Interned()
        infos = self.infos
        out.integers("tensors.shape", [shapes(tuple(info.shape)) - 1 for info in infos])
        for field in ("dtype", "device", "layout", "note", "name"):
            out.integers(f"tensors.{field}", [self.strings(getattr(info, field)) for info in infos])
        out.flags("tensors.requires_grad", [info.requires_grad for info in infos])
        out.integers("tensors.version", [info.version for info in infos])
        out.integers("tensors.array", self.array_of)
        out.integers("tensors.summary", self.summary_of)
        out.lists("shapes", shapes.values)
        _write_summaries(self.summaries, out)
        listed = []
        for name, array in self.arrays.items():
            part = f"c{array.dtype.itemsize}" if array.dtype.kind == "c" else None
            if part is None:
                out.tensors[name] = array
            else:  # one more axis of length 2: real and imaginary part
                real, whole = _PARTS[part]
                out.tensors[name] = np.ascontiguousarray(array, whole).reshape(-1).view(real).reshape(*array.shape, 2)
            listed.append([name] if part is None else [name, part])
        return listed


def read_tensors(columns: Reader, texts: list[str | None], listed: Any) -> list[TensorInfo | None]:
    """Inverse of `TensorTable.write`; item 0 is None, so that references can be looked up as they are."""
    strings: list[Any] = texts  # whether None is allowed is checked by the range of the references
    arrays = [None, *_read_arrays(columns, listed)]
    summaries = [None, *_read_summaries(columns)]
    shape_count = columns.rows("shapes.length")
    shapes = [tuple(shape) for shape in columns.lists("shapes", shape_count)]
    for row, shape in enumerate(shapes):
        if len(shape) > 64 or math.prod(max(size, 1) for size in shape) >= 2**63:
            raise columns.fail(f"tensor 'shapes', list {row}", f"no tensor has the shape {str(shape)[:100]}")
    places = columns.integers("tensors.shape", None, 0, len(shapes) - 1)
    count, top = len(places), len(strings) - 1
    dtype, device, layout = (
        columns.integers(f"tensors.{field}", count, 1, top) for field in ("dtype", "device", "layout")
    )
    note, label = (columns.integers(f"tensors.{field}", count, 0, top) for field in ("note", "name"))
    infos: list[TensorInfo | None] = [None]
    infos += [
        TensorInfo(
            shape=shapes[where],
            dtype=strings[kind],
            device=strings[home],
            layout=strings[form],
            requires_grad=requires_grad,
            version=version,
            array=arrays[array],
            note=strings[why],
            name=strings[called],
            recorded_summary=summaries[summary],
        )
        for where, kind, home, form, requires_grad, version, array, why, called, summary in zip(
            places,
            dtype,
            device,
            layout,
            columns.flags("tensors.requires_grad", count),
            columns.integers("tensors.version", count, -(2**63)),
            columns.integers("tensors.array", count, 0, len(arrays) - 1),
            note,
            label,
            columns.integers("tensors.summary", count, 0, len(summaries) - 1),
            strict=True,
        )
    ]
    return infos


def _read_arrays(columns: Reader, listed: Any) -> list[Array]:
    if not isinstance(listed, list):
        raise columns.fail("field 'arrays'", "it is not a list")
    arrays = []
    for row in listed:
        if not isinstance(row, list) or not 1 <= len(row) <= 2 or not all(isinstance(item, str) for item in row):
            raise columns.fail("field 'arrays'", "an item is neither [name] nor [name, complex type]")
        array = columns.tensors.pop(row[0], None)
        if array is None:
            raise columns.fail("field 'arrays'", f"there is no tensor {row[0][:100]!r}, or it is named twice")
        if array.dtype.kind == "b" and array.size and int(array.view(np.uint8).max()) > 1:
            raise columns.fail(f"tensor {row[0][:100]!r}", "it has bytes that are neither 0 nor 1")
        if len(row) == 2:
            real, whole = _PARTS.get(row[1], ("", ""))
            if not real or array.dtype != np.dtype(real) or array.ndim == 0 or array.shape[-1] != 2:
                raise columns.fail(f"tensor {row[0][:100]!r}", f"it does not hold numbers of type {row[1][:20]!r}")
            array = array.reshape(-1).view(whole).reshape(array.shape[:-1])
        arrays.append(array)
    return arrays


def _write_summaries(summaries: list[Summary], out: Writer) -> None:
    for field in _COUNTS:
        out.integers(f"summaries.{field}", [getattr(summary, field) for summary in summaries])
    for field in _FLOATS:
        out.floats(f"summaries.{field}", [getattr(summary, field) for summary in summaries])
    # The lowest and highest finite value mostly are the minimum and the maximum: those rows are left out.
    for field, usual in (("low", "min"), ("high", "max")):
        values = np.array([getattr(summary, field) for summary in summaries], dtype="<f8")
        differs = values.view(np.uint64) != out.tensors[f"summaries.{usual}"].view(np.uint64)
        out.tensors[f"summaries.{field}.differs"] = differs
        out.tensors[f"summaries.{field}"] = values[differs]
    out.lists("summaries.histogram", [summary.histogram for summary in summaries])


def _read_summaries(columns: Reader) -> list[Summary]:
    count = columns.rows("summaries.count")
    counts = {field: columns.integers(f"summaries.{field}", count) for field in _COUNTS}
    floats = {field: columns.floats(f"summaries.{field}", count) for field in _FLOATS}
    for field, usual in (("low", "min"), ("high", "max")):
        differs = np.array(columns.flags(f"summaries.{field}.differs", count), dtype=np.bool_)
        values = np.array(floats[usual], dtype=np.float64)
        values[differs] = columns.floats(f"summaries.{field}", int(differs.sum()))
        floats[field] = values.tolist()
    histograms = columns.lists("summaries.histogram", count)
    names = (*counts, *floats)
    rows = zip(*counts.values(), *floats.values(), strict=True)
    return [
        Summary(**dict(zip(names, row, strict=True)), histogram=tuple(histogram))
        for row, histogram in zip(rows, histograms, strict=True)
    ]
