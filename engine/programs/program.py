"""The two kinds of programs: a callable that is built afresh for each trace, and a script that runs as `__main__`."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

BuiltCall = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class CallableProgram:
    """A program whose result is the root of the backward pass.

    Parameters
    ----------
    target : what the command line calls it.
    title : a name for people.
    make : returns the function, its arguments and its keyword arguments; called for each build.
    sources : path and text of the files that are known before it runs.
    """

    def __init__(self, target: str, title: str, make: Callable[[], BuiltCall], sources: dict[str, str]) -> None:
        self.target = target
        self.title = title
        self.sources = sources
        self._make = make

    def build(self) -> BuiltCall:
        """A fresh function with fresh arguments. Random numbers are seeded with 0 first, so that builds are equal.

        Raises
        ------
        engine.errors.TargetError
            If the file has no such callable, or one that cannot be called like this.
        Exception
            Whatever the user's file raises while it is imported.
        """
        seed_all()
        built = self._make()
        seed_all()  # importing the file may have drawn numbers; the second build does not import it again
        return built


class ScriptProgram:
    """A script that runs unchanged, as `python script.py` would run it.

    Parameters
    ----------
    target : what the command line calls it.
    title : a name for people.
    path : absolute path of the script.
    code : the compiled script: a snapshot, whatever happens to the file from now on.
    arguments : its `sys.argv[1:]`.
    """

    def __init__(
        self,
        target: str,
        title: str,
        path: Path,
        code: CodeType,
        arguments: tuple[str, ...],
        sources: dict[str, str],
    ) -> None:
        self.target = target
        self.title = title
        self.path = path
        self.arguments = arguments
        self.sources = sources
        self._code = code

    def run(self) -> None:
        """Execute the script as `__main__`; whatever it raises (SystemExit too) is raised here."""
        with _as_main(self.path, self.arguments) as module:
            exec(self._code, module.__dict__)


Program = CallableProgram | ScriptProgram


class SavedInterpreter(NamedTuple):
    """What running a script replaces."""

    main: ModuleType | None
    argv: list[str]
    path: list[str]


@contextmanager
def _as_main(path: Path, arguments: tuple[str, ...]) -> Iterator[ModuleType]:
    module = ModuleType("__main__")
    # As the interpreter itself sets them up; with a __file__ and no __spec__, multiprocessing's spawned children (the
    # workers of a DataLoader) can import this module again under the name "__mp_main__".
    module.__dict__.update(
        __file__=str(path),
        __builtins__=builtins,
        __loader__=SourceFileLoader("__main__", str(path)),
        __spec__=None,
        __package__=None,
        __cached__=None,
    )
    saved = SavedInterpreter(sys.modules.get("__main__"), sys.argv, list(sys.path))
    sys.modules["__main__"] = module
    sys.argv = [str(path), *arguments]
    sys.path.insert(0, str(path.parent))
    try:
        yield module
    finally:
        if saved.main is not None:
            sys.modules["__main__"] = saved.main
        sys.argv = saved.argv
        sys.path[:] = saved.path


def seed_all() -> None:
    import random

    import numpy as np
    import torch

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
