"""trainer_state.json, which Hugging Face's Trainer writes anew at every checkpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .jsonl import add_numbers
from .log import Collected, RunLog

FILE_NAME = "trainer_state.json"
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,18})")
_LIMIT = 256 << 20


def match(path: Path, head: bytes) -> bool:
    """A file of that name, or an object with a log history near its beginning."""
    return path.name == FILE_NAME or (head.lstrip()[:1] == b"{" and b'"log_history"' in head)


def open_run(path: Path, name: str | None = None) -> RunLog:
    """The run whose state this is."""
    return TrainerStateLog(path, name)


class TrainerStateLog(RunLog):
    """The `log_history` of a run. In a checkpoint's folder, the newest checkpoint beside it is read."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        super().__init__(path, name)
        self._seen: tuple[str, int, int] | None = None
        self._unreadable: tuple[str, int, int] | None = None
        self._is_first = True

    def _read(self) -> Iterator[tuple[str, Collected]]:
        path = newest(self.path)
        try:
            state = path.stat()
            seen = (str(path), state.st_mtime_ns, state.st_size)
            if seen == self._seen:
                return
            if state.st_size > _LIMIT:
                self.note_problem(f"{str(path)!r} has {state.st_size:,} bytes; only {_LIMIT:,} are read.")
                return
            text = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            self.note_problem(f"{str(path)!r} cannot be read: {error.strerror or error}. Check its permissions.")
            return
        history = _history(text)
        if history is None:
            if self._unreadable == seen:  # the second time: it is not just being written
                self.note_problem(f"{str(path)!r} is not a whole trainer state; it is read again when it changes.")
            self._unreadable = seen
            return
        self._seen = seen
        collected = Collected()
        for count, row in enumerate(history):
            if isinstance(row, dict):
                add_numbers(row, count, collected)
        if not self._is_first:
            # The file holds the whole history each time; only what goes beyond the known part is new.
            self.note_restart("")
            self.restarts -= 1
        self._is_first = False
        yield "", collected


def newest(path: Path) -> Path:
    """The state in the checkpoint with the highest number beside that of `path`; else `path` itself."""
    if not _CHECKPOINT.fullmatch(path.parent.name):
        return path
    best, best_number = path, -1
    try:
        for folder in path.parent.parent.iterdir():
            found = _CHECKPOINT.fullmatch(folder.name)
            if found and int(found[1]) > best_number and (folder / path.name).is_file():
                best, best_number = folder / path.name, int(found[1])
    except OSError:
        return path
    return best


def _history(text: bytes) -> list[Any] | None:
    try:
        state = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    history = state.get("log_history") if isinstance(state, dict) else None
    return history if isinstance(history, list) else None
