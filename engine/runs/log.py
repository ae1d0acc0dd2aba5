"""What every log of a training run offers: new points at each poll, and what was wrong with the file."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..pyramid import Growing

Points = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
MAX_PROBLEMS = 50
STEP_NAMES = ("step", "global_step", "_step", "iteration", "iter", "steps", "batch", "epoch")
"""Names of the column that counts the steps; the first that a log has is taken."""


class Collected:
    """Points that one poll found in one file, by tag."""

    def __init__(self) -> None:
        self.by_tag: dict[str, tuple[list[int], list[float]]] = {}

    def add(self, tag: str, step: int, value: float) -> None:
        pair = self.by_tag.get(tag)
        if pair is None:
            pair = self.by_tag[tag] = ([], [])
        pair[0].append(step)
        pair[1].append(value)


class _Delivered:
    """Points of one tag that were handed out; a file that is read anew must not hand them out again."""

    def __init__(self) -> None:
        self.steps = Growing(np.int64)
        self.values = Growing(np.float64)
        self.position: int | None = None
        """While a file is read anew: how many of these points it has repeated so far."""

    def fresh(self, steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> Points:
        """Those that were not handed out before."""
        if self.position is not None:
            old_steps = self.steps.data[self.position : self.position + len(steps)]
            old_values = self.values.data[self.position : self.position + len(steps)]
            count = len(old_steps)
            is_same = (old_steps == steps[:count]) & (
                (old_values == values[:count]) | (np.isnan(old_values) & np.isnan(values[:count]))
            )
            repeated = count if is_same.all() else int(is_same.argmin())
            self.position += repeated
            steps, values = steps[repeated:], values[repeated:]
            if not len(steps):
                return steps, values
            if self.position < len(self.steps):  # it is another run: what it says is new, from here on
                kept_steps, kept_values = self.steps.data[: self.position], self.values.data[: self.position]
                self.steps, self.values = Growing(np.int64), Growing(np.float64)
                self.steps.append(kept_steps)
                self.values.append(kept_values)
            self.position = None
        self.steps.append(steps)
        self.values.append(values)
        return steps, values


class RunLog(ABC):
    """The log of one training run, which may still be written.

    Attributes
    ----------
    name : what to call the run; a folder's or file's name.
    path : the file or folder.
    problems : sentences about what could not be read, and where; the first MAX_PROBLEMS.
    restarts : how often the file was replaced or cut and has been read anew.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None) -> None:
        self.path = Path(path)
        self.name = name if name is not None else self.path.name
        self.problems: list[str] = []
        self.restarts = 0
        self._delivered: dict[str, dict[str, _Delivered]] = {}

    def poll(self) -> dict[str, Points]:
        """Everything that is new since the last poll: by tag, steps (int64) and values (float64), in file order.

        A record that is not yet complete waits for the next poll. A file that is not there for the moment is no error.
        When the file was cut, replaced or rewritten it is read anew, and only points that differ are handed out.
        """
        found: dict[str, list[Points]] = {}
        for file, collected in self._read():
            by_tag = self._delivered.setdefault(file, {})
            for tag, (steps, values) in collected.by_tag.items():
                delivered = by_tag.setdefault(tag, _Delivered())
                fresh = delivered.fresh(np.array(steps, dtype=np.int64), np.array(values, dtype=np.float64))
                if len(fresh[0]):
                    found.setdefault(tag, []).append(fresh)
        return {
            tag: pieces[0]
            if len(pieces) == 1
            else (np.concatenate([piece[0] for piece in pieces]), np.concatenate([piece[1] for piece in pieces]))
            for tag, pieces in found.items()
        }

    @abstractmethod
    def _read(self) -> Iterator[tuple[str, Collected]]:
        """Read what has been written since the last time, one file after the other."""

    def note_restart(self, file: str) -> None:
        """That file begins anew: what it repeats is not new."""
        self.restarts += 1
        for delivered in self._delivered.get(file, {}).values():
            delivered.position = 0

    def note_problem(self, text: str) -> None:
        """Add a sentence to `problems`, unless it is there already or there are too many."""
        if len(self.problems) < MAX_PROBLEMS and text not in self.problems:
            self.problems.append(text)


def as_step(value: object) -> int | None:
    """`value` as a step number, or None if it is none; 12.0 is one, 12.5 counts as 12."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**62:
        return None
    return int(value)
