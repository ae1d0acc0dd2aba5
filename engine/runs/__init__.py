"""Logs of training runs that other tools write: one file per format, one interface, and how they are found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from ..errors import LogError
from . import csv_log, journal_log, jsonl, tfevents, trainer_state
from .log import Points, RunLog

__all__ = ["Points", "RunLog", "find_logs", "open_log"]


class _Format(Protocol):
    """What a module of this package offers for its format."""

    def match(self, path: Path, head: bytes) -> bool: ...

    def open_run(self, path: Path, name: str | None = None) -> RunLog: ...


_FORMATS: tuple[_Format, ...] = (tfevents, trainer_state, journal_log, csv_log, jsonl)
_HEAD = 4096
_MAX_FOLDERS = 20_000
_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages"})
_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".journal"})


def open_log(path: str | os.PathLike[str]) -> RunLog:
    """Open the log of one run: a file of a known format, or a folder that holds exactly one run.

    Raises
    ------
    LogError
        When there is none, or the format is not known, or the folder holds several runs (see `find_logs`).
    """
    place = Path(path)
    if place.is_dir():
        logs = find_logs(place)
        if not logs:
            raise LogError(f"There is no log of a training in {str(path)!r}. {_known()}")
        own = [log for log in logs if log.path == place]
        if len(logs) > 1 and not own:
            names = ", ".join(log.name for log in logs[:5])
            raise LogError(f"{str(path)!r} holds {len(logs)} runs ({names}). Open one of them.")
        return own[0] if own else logs[0]
    try:
        with open(place, "rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError as error:
        raise LogError(f"There is no file or folder {str(path)!r}. Check its name.") from error
    except (OSError, ValueError) as error:
        raise LogError(f"{str(path)!r} cannot be read: {error}. Check its permissions.") from error
    log = _opened(place, head, None)
    if log is None:
        raise LogError(f"{str(path)!r} is not a log of a known format. {_known()}")
    return log


def find_logs(folder: str | os.PathLike[str]) -> list[RunLog]:
    """Every run in a folder and the folders below it, by name (their path below `folder`); links are not followed.

    Of the checkpoints of one Trainer only the newest counts: it holds the history of those before it.
    """
    top = Path(folder)
    logs: list[RunLog] = []
    trainers: set[Path] = set()
    for visited, (place, folders, files) in enumerate(os.walk(top)):
        if visited >= _MAX_FOLDERS:
            break
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        here = Path(place)
        if any(tfevents.MARK in name for name in files):
            logs.append(tfevents.open_run(here, _name(here, top)))
        for name in sorted(files):
            path = here / name
            if name == trainer_state.FILE_NAME:
                path = trainer_state.newest(path)
                if path in trainers:
                    continue
                trainers.add(path)
                logs.append(trainer_state.open_run(path, _name(here, top)))
            elif path.suffix.lower() in _SUFFIXES:
                head = _head(path)
                is_log = trainer_state.match(path, head) or jsonl.has_lines(head)
                if path.suffix.lower() == ".json" and not is_log:
                    continue  # many a document in such a folder is no log
                log = _opened(path, head, _name(path, top))
                if log is not None:
                    logs.append(log)
    return sorted(logs, key=lambda log: log.name)


def _opened(path: Path, head: bytes, name: str | None) -> RunLog | None:
    for form in _FORMATS:
        if form.match(path, head):
            return form.open_run(path, name)
    return None


def _head(path: Path) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b"\0"  # no format begins so: the file is passed over


def _name(path: Path, top: Path) -> str:
    return str(path.relative_to(top)) if path != top else top.resolve().name


def _known() -> str:
    return (
        "Known are TensorBoard event files, tables with a column of steps (.csv), one JSON object a line (.jsonl), "
        "Hugging Face's trainer_state.json and this program's own journals."
    )
