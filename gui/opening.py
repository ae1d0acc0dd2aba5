"""What a target is, by its name alone: nothing is read or executed to find out."""

from __future__ import annotations

import tokenize
from pathlib import Path
from typing import Literal, NamedTuple

from engine.catalogue import DEMOS, find_demo
from engine.errors import RetrogradError, TargetError

TargetKind = Literal["demo", "script", "callable", "exported", "trace", "log"]

TRACE_SUFFIX = ".retrograd"
LOG_SUFFIXES = (".csv", ".jsonl", ".json", ".tfevents")
FILE_FILTER = (
    "All that can be opened (*.retrograd *.py *.pt2 *.csv *.jsonl *.json *tfevents*);;Traces (*.retrograd);;"
    "Python scripts (*.py);;Exported models (*.pt2);;Training logs (*.csv *.jsonl *.json *tfevents*);;All files (*)"
)


class Target(NamedTuple):
    """One thing to open: as it was named, what it is, its file or folder (None for a demo), and a short title."""

    text: str
    kind: TargetKind
    path: Path | None
    title: str

    @property
    def is_program(self) -> bool:
        """Whether opening it means running something."""
        return self.kind in ("demo", "script", "callable", "exported")

    @property
    def needs_consent(self) -> bool:
        """Whether it runs code of the user's, not of this program's."""
        return self.kind in ("script", "callable", "exported")


def classify(text: str) -> Target:
    """Find out what `text` names; raises TargetError with a sentence where it is nothing that can be opened."""
    if text.startswith("demo:"):
        return _demo(text)
    path = Path(text).expanduser()
    if not _exists(path):
        file, colon, name = text.rpartition(":")
        if colon and file.endswith(".py") and _exists(Path(file).expanduser()):
            path = Path(file).expanduser()
            return Target(f"{path.absolute()}:{name}", "callable", path.absolute(), f"{path.name}:{name}")
        raise TargetError(
            f"There is no file {text!r}. A demo is written demo:NAME; File > Open lets you choose a file."
        )
    path = path.absolute()
    kind = _kind(path)
    if kind is None:
        raise TargetError(
            f"{path.name} is nothing that can be opened: that is a trace (.retrograd), a script (.py), an exported "
            "model (.pt2), a training log (.csv, .jsonl, .json, tfevents) or a folder of logs."
        )
    return Target(str(path), kind, path, path.name or str(path))


def reading_problem(path: Path, error: Exception) -> str:
    """A sentence about a file that could not be read."""
    if isinstance(error, RetrogradError):
        return str(error)
    if isinstance(error, OSError):
        return f"{path.name} cannot be read: {error.strerror or error}."
    return f"{path.name} cannot be read: {type(error).__name__}: {error}"


def place_text(file: str | None, line: int | None, message: str) -> str:
    """ "train.py, line 3"; empty where the message says it already, or nobody knows."""
    where = f"{Path(file).name}, line {line}" if file and line else file or ""
    return "" if where in message else where


def text_of(file: str) -> dict[str, str]:
    """The text of a program that did not come to run, by its file; empty where it is no readable text."""
    try:
        with tokenize.open(file) as stream:
            return {file: stream.read()}
    except (OSError, SyntaxError, ValueError):
        return {}


def _demo(text: str) -> Target:
    demo = find_demo(text)
    if demo is None:
        names = ", ".join(known.target for known in DEMOS)
        raise TargetError(f"There is no demo called {text.removeprefix('demo:')!r}. There are: {names}.")
    return Target(demo.target, "demo", None, demo.title)


def _kind(path: Path) -> TargetKind | None:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in LOG_SUFFIXES or "tfevents" in path.name:
        return "log"
    return {TRACE_SUFFIX: "trace", ".py": "script", ".pt2": "exported"}.get(suffix)  # type: ignore[return-value] # literals


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, or with a null character, names no file
        return False
