"""The journal that a worker writes of a training: the losses of a run that this program watched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import LogError
from ..session.folders import JOURNAL_NAME
from ..session.journal import read_losses
from ..storage.journal import MAGIC
from .log import Collected, RunLog


def match(path: Path, head: bytes) -> bool:
    """A file of whole records; by its name while it is empty."""
    return head.startswith(MAGIC) or path.name == JOURNAL_NAME


def open_run(path: Path, name: str | None = None) -> RunLog:
    """The run in such a file."""
    return JournalLog(path, name)


class JournalLog(RunLog):
    """The losses, as the tag "loss"."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__(path, name)
        self._size = -1
        self._count = 0

    def _read(self) -> Iterator[tuple[str, Collected]]:
        collected = Collected()
        file = os.fspath(self.path)
        try:
            size = os.stat(file).st_size
            if size != self._size:
                found = read_losses(file)
                if len(found.steps) < self._count:
                    self._count = 0
                    self.note_restart(file)
                steps, losses = found.steps[self._count :].tolist(), found.losses[self._count :].tolist()
                for step, loss in zip(steps, losses, strict=True):
                    collected.add("loss", step, loss)
                self._size, self._count = size, len(found.steps)
                for problem in found.problems:
                    self.note_problem(problem)
        except FileNotFoundError:
            pass  # for the moment
        except OSError as error:
            self.note_problem(f"{file!r} cannot be read: {error.strerror or error}. Check its permissions.")
        except LogError as error:
            self.note_problem(str(error))
        yield file, collected
