"""The journal of a training: every loss as the worker wrote it, readable after any crash. No torch."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import LogError
from ..storage.journal import JournalWriter, read_journal

_RUN = 1
_LOSS = 2
_POINT = struct.Struct("<qd")


class JournaledRun(msgspec.Struct, frozen=True):
    """What was run."""

    target: str
    arguments: tuple[str, ...] = ()
    started_s: float = 0.0
    """Seconds since the epoch."""


class Losses(NamedTuple):
    """Content of a journal: the run (None if not even that was written), int64 steps, float64 losses, and problems."""

    run: JournaledRun | None
    steps: npt.NDArray[np.int64]
    losses: npt.NDArray[np.float64]
    problems: list[str]


class LossJournal:
    """Writes a training's losses. Each has left the process when `append` returns.

    Parameters
    ----------
    on_problem : told in a sentence when records begin to be lost, as on a full disk; the training goes on.

    Raises
    ------
    engine.errors.SaveError
        If the file cannot be opened.
    """

    def __init__(
        self, path: str | os.PathLike[str], run: JournaledRun, on_problem: Callable[[str], None] | None = None
    ) -> None:
        self._writer = JournalWriter(path)
        self._on_problem = on_problem
        self._is_told = False
        self._writer.append(_RUN, msgspec.json.encode(run))

    @property
    def problem(self) -> str | None:
        """Why records are being lost, as a sentence; None while all is well."""
        return self._writer.error

    def append(self, step: int, loss: float) -> None:
        self._writer.append(_LOSS, _POINT.pack(step, loss))
        problem = self._writer.error
        if problem is not None and not self._is_told and self._on_problem is not None:
            self._on_problem(problem)
        self._is_told = problem is not None

    def close(self) -> None:
        self._writer.close()


def read_losses(path: str | os.PathLike[str]) -> Losses:
    """Read the whole points of a journal, also one that is cut or damaged.

    Raises
    ------
    engine.errors.LogError
        If the file cannot be read at all.
    """
    reader = read_journal(path)
    run = None
    steps: list[int] = []
    losses: list[float] = []
    try:
        for kind, payload in reader:
            if kind == _LOSS and len(payload) == _POINT.size:
                step, loss = _POINT.unpack(payload)
                steps.append(step)
                losses.append(loss)
            elif kind == _RUN:
                run = _run_in(payload)
    except OSError as error:
        raise LogError(f"The journal {os.fspath(path)!r} cannot be read: {error.strerror or error}.") from error
    return Losses(run, np.array(steps, np.int64), np.array(losses, np.float64), list(reader.problems))


def _run_in(payload: bytes) -> JournaledRun | None:
    try:
        return msgspec.json.decode(payload, type=JournaledRun)
    except msgspec.DecodeError:
        return None
