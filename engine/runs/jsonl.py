"""Logs with one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .log import STEP_NAMES, Collected, RunLog, as_step
from .tail import Lines, Tail

_DEPTH = 4


def match(path: Path, head: bytes) -> bool:
    """A file whose first line is a JSON object; by its name while it is empty."""
    if path.suffix.lower() in (".jsonl", ".ndjson"):
        return True
    first, is_whole, _ = head.partition(b"\n")
    return bool(is_whole) and _decode(first) is not None


def has_lines(head: bytes) -> bool:
    """Whether a file begins with two objects, a line each: a document of one object (a configuration, say) does not."""
    lines = [line for line in head.split(b"\n")[:-1] if line.strip()]
    return len(lines) > 1 and all(_decode(line) is not None for line in lines[:2])


def open_run(path: Path, name: str | None = None) -> RunLog:
    """The run in such a file."""
    return JsonLinesLog(path, name)


class JsonLinesLog(RunLog):
    """Every number of an object is a point of the series of its key; objects inside are joined by "/".

    The step is taken from the first of STEP_NAMES that the object has, else objects are counted from 0.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__(path, name)
        self._tail = Tail(path)
        self._lines = Lines()
        self._count = 0
        self._early = b""
        """An object at the end of the file that was taken although no line break follows it yet."""

    def _read(self) -> Iterator[tuple[str, Collected]]:
        collected = Collected()
        for chunk, is_new in self._tail.chunks():
            if is_new:
                self._lines, self._count, self._early = Lines(), 0, b""
                self.note_restart(self._tail.path)
            for line in self._lines.feed(chunk):
                early, self._early = self._early, b""
                if not early or line != early:
                    self._take(line, collected)
        rest = self._lines.rest.removesuffix(b"\r")
        if (
            rest != self._early and rest.endswith(b"}") and _decode(rest) is not None
        ):  # whole, since its brace is closed
            self._take(rest, collected)
            self._early = rest
        for number in self._lines.too_long:
            self.note_problem(f"{self._tail.path!r}: line {number:,} is too long and was skipped.")
        if self._tail.error:
            self.note_problem(self._tail.error)
        yield self._tail.path, collected

    def _take(self, line: bytes, into: Collected) -> None:
        if not line.strip():
            return
        row = _decode(line)
        if row is None:
            self.note_problem(f"{self._tail.path!r}: line {self._lines.number:,} is not a JSON object and was skipped.")
            return
        add_numbers(row, self._count, into)
        self._count += 1


def add_numbers(row: dict[str, Any], count: int, into: Collected) -> None:
    """Add every number of `row` under its key; `count` is the step of a row that names none."""
    step, step_name = count, None
    for candidate in STEP_NAMES:
        found = as_step(row.get(candidate))
        if found is not None:
            step, step_name = found, candidate
            break
    _add(row, "", step, step_name, into, _DEPTH)


def _add(row: dict[str, Any], prefix: str, step: int, skipped: str | None, into: Collected, depth: int) -> None:
    for key, value in row.items():
        if key == skipped:
            continue
        if isinstance(value, dict) and depth > 0:
            _add(value, f"{prefix}{key}/", step, None, into, depth - 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:
                number = float("inf") if value > 0 else float("-inf")
            into.add(prefix + key, step, number)


def _decode(line: bytes) -> dict[str, Any] | None:
    """The object on a line; NaN and Infinity, which many programs write, are numbers."""
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
