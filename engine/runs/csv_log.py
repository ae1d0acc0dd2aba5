"""Logs as comma-separated tables, such as the metrics.csv of Lightning's CSVLogger."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from .log import STEP_NAMES, Collected, RunLog, as_step
from .tail import Lines, Tail

_DELIMITERS = ",\t;"


def match(path: Path, head: bytes) -> bool:
    """A table whose header has a column of steps."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return False
    first, is_whole, _ = head.partition(b"\n")
    return not head or (bool(is_whole) and any(name in STEP_NAMES for name in _cells(first)[0]))


def open_run(path: Path, name: str | None = None) -> RunLog:
    """The run in such a table."""
    return CsvLog(path, name)


class CsvLog(RunLog):
    """Every column of numbers is a series; empty cells are no points.

    The step is taken from the first of STEP_NAMES that the header has, else rows are counted from 0.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__(path, name)
        self._tail = Tail(path)
        self._begin()

    def _begin(self) -> None:
        self._lines = Lines()
        self._header: list[str] | None = None
        self._delimiter = ","
        self._step: int | None = None
        self._count = 0

    def _read(self) -> Iterator[tuple[str, Collected]]:
        collected = Collected()
        for chunk, is_new in self._tail.chunks():
            if is_new:  # Lightning rewrites the table when a column is added
                self._begin()
                self.note_restart(self._tail.path)
            for line in self._lines.feed(chunk):
                self._take(line, collected)
        if self._tail.error:
            self.note_problem(self._tail.error)
        yield self._tail.path, collected

    def _take(self, line: bytes, into: Collected) -> None:
        if not line.strip():
            return
        if self._header is None:
            self._header, self._delimiter = _cells(line)
            names = [name for name in STEP_NAMES if name in self._header]
            self._step = self._header.index(names[0]) if names else None
            return
        cells, _ = _cells(line, self._delimiter)
        if len(cells) != len(self._header):
            self.note_problem(
                f"{self._tail.path!r}: line {self._lines.number:,} has {len(cells)} cells instead of "
                f"{len(self._header)} and was skipped."
            )
            return
        step: int | None = self._count
        if self._step is not None:
            step = as_step(_number(cells[self._step]))
        self._count += 1
        if step is None:
            self.note_problem(f"{self._tail.path!r}: line {self._lines.number:,} has no step and was skipped.")
            return
        for place, (name, cell) in enumerate(zip(self._header, cells, strict=True)):
            value = _number(cell)
            if value is not None and place != self._step:
                into.add(name, step, value)


def _cells(line: bytes, delimiter: str | None = None) -> tuple[list[str], str]:
    text = line.decode("utf-8-sig", "replace")
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=text.count)
    try:
        return next(csv.reader([text], delimiter=delimiter), []), delimiter
    except csv.Error:  # a cell of more than 128 kB
        return [], delimiter


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
