"""Logs as comma-separated tables, such as the metrics.csv of Lightning's CSVLogger."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from .log import STEP_NAMES, Collected, RunLog, as_step
from .tail import Lines, Tail

_DELIMITERS = ",\t;"
_LARGEST_ROW_BYTES = 1 << 20


def match(path: Path, head: bytes) -> bool:
    """A table whose header has a column of steps."""
    if path.suffix.lower() not in (".csv", ".tsv"):
        return False
    first, is_whole, _ = head.partition(b"\n")
    return not head or (bool(is_whole) and bool(_step_names(_header_of(first)[0])))


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
        self._begun = b""
        """Lines of a row whose quoted cell goes on in the next line."""
        self._early = b""
        """A row at the end of the file that was taken although no line break follows it yet."""

    def _read(self) -> Iterator[tuple[str, Collected]]:
        collected = Collected()
        for chunk, is_new in self._tail.chunks():
            if is_new:  # Lightning rewrites the table when a column is added
                self._begin()
                self.note_restart(self._tail.path)
            for line in self._lines.feed(chunk):
                early, self._early = self._early, b""
                if not early or line != early:
                    self._take(line, collected)
        self._take_last(collected)
        if self._tail.error:
            self.note_problem(self._tail.error)
        yield self._tail.path, collected

    def _take_last(self, into: Collected) -> None:
        """A row without a line break, once it seems to be the last one: before, its last number may be half written."""
        rest = self._lines.rest.removesuffix(b"\r")
        if not rest or rest == self._early or self._header is None or self._begun or not self._tail.seems_complete:
            return
        if rest.count(b'"') % 2 == 0 and len(_cells(rest, self._delimiter)) == len(self._header):
            self._take(rest, into)
            self._early = rest

    def _take(self, line: bytes, into: Collected) -> None:
        if not line.strip():
            return
        if self._header is None:
            self._header, self._delimiter = _header_of(line)
            names = _step_names(self._header)
            self._step = self._header.index(names[0]) if names else None
            return
        line = self._begun + line
        is_open = line.count(b'"') % 2 == 1 and len(line) < _LARGEST_ROW_BYTES
        self._begun = line + b"\n" if is_open else b""
        if is_open:
            return
        cells = _cells(line, self._delimiter)
        if len(cells) != len(self._header):
            self.note_problem(
                f"{self._tail.path!r}: line {self._lines.number:,} has {len(cells)} cells instead of "
                f"{len(self._header)} and was skipped."
            )
            return
        step: int | None = self._count
        if self._step is not None:
            step = as_step(self._number(cells[self._step]))
        self._count += 1
        if step is None:
            self.note_problem(f"{self._tail.path!r}: line {self._lines.number:,} has no step and was skipped.")
            return
        for place, (name, cell) in enumerate(zip(self._header, cells, strict=True)):
            value = self._number(cell)
            if value is not None and place != self._step:
                into.add(name, step, value)

    def _number(self, cell: str) -> float | None:
        # Where columns are parted by semicolons, the comma is often the decimal one.
        text = cell.replace(",", ".") if self._delimiter == ";" and cell.count(",") == 1 else cell
        try:
            return float(text)
        except ValueError:
            return None


def _header_of(line: bytes) -> tuple[list[str], str]:
    """Names of the columns, without spaces around them, and what parts them."""
    text = line.decode("utf-8-sig", "replace")
    delimiter = max(_DELIMITERS, key=text.count)
    return [name.strip() for name in _cells(line, delimiter)], delimiter


def _step_names(header: list[str]) -> list[str]:
    """The columns that may count the steps ("step", but also "Step"), the best first."""
    return [name for wanted in STEP_NAMES for name in header if name.lower() == wanted]


def _cells(line: bytes, delimiter: str) -> list[str]:
    text = line.decode("utf-8-sig", "replace")
    try:
        return next(csv.reader([text] if "\n" not in text else text.splitlines(keepends=True), delimiter=delimiter), [])
    except csv.Error:  # a cell of more than 128 kB
        return []
