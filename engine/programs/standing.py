"""A callable that stays built between runs: what it holds is put back before each; built anew where that cannot be."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil
import torch

from .held_kinds import is_users_module
from .held_state import HeldState
from .held_tensors import NotRestorableError
from .program import BuiltCall, CallableProgram, seed_all

_SHARE = 3
"""A copy of what the program holds may take one part in so many of the memory that is free."""


class StandingProgram(CallableProgram):
    """`build` gives the same function every time, with everything that it holds as it was when it was first built.

    Modules of the user, their parameters, buffers and gradients, optimizers, generators of random numbers, globals and
    closures are put back. A program with something that cannot be is built anew each time, as a fresh process would.

    Parameters
    ----------
    program : what is built; it is not built before `build` is called.
    most_bytes : of tensors that may be copied; a third of the free memory by default.
    """

    def __init__(self, program: CallableProgram, most_bytes: int | None = None) -> None:
        super().__init__(program.target, program.title, program.build, program.sources)
        self.why_anew = ""
        """Why it is built anew each time, as a clause: "batches is a generator, …"; empty while it stays."""
        self.is_anew = False
        """Whether the next builds are fresh ones; what is kept stays for later."""
        self.was_kept = False
        """Whether the last build was that of an earlier run."""
        self.build_s = 0.0
        """Seconds that the last fresh build took."""
        self._most_bytes = most_bytes
        self._surroundings: _Surroundings | None = None
        self._built: BuiltCall | None = None
        self._state: HeldState | None = None

    def build(self) -> BuiltCall:
        if self._surroundings is None:
            self._surroundings = _Surroundings({os.path.dirname(path) + os.sep for path in self.sources})
        self.was_kept = False
        if self._state is not None and self._built is not None and not self.is_anew:
            try:
                self._surroundings.restore()
                self._state.restore()
            except NotRestorableError as error:
                self.give_up(str(error))
            else:
                seed_all()
                self.was_kept = True
                return self._built
        self._surroundings.restore(forgets_modules=True)
        began_s = time.perf_counter()
        built = super().build()
        self.build_s = time.perf_counter() - began_s
        if not self.why_anew and self._state is None and not self.is_anew:
            self._keep(built)
        return built

    def give_up(self, why: str) -> None:
        """Build it anew from now on."""
        self.why_anew = why
        self._state = self._built = None

    def _keep(self, built: BuiltCall) -> None:
        assert self._surroundings is not None
        most_bytes = psutil.virtual_memory().available // _SHARE if self._most_bytes is None else self._most_bytes
        self._surroundings.know_modules()
        modules = self._surroundings.modules
        try:
            self._state = HeldState([("", built), *(("", module) for module in modules.values())], most_bytes)
        except NotRestorableError as error:
            self.give_up(str(error))
        else:
            self._built = built


class _Surroundings:
    """What a program shares with everything in its process: put back, so that no run sees the one before.

    Its modules, once known, are those that a kept program was built from; the others of its folders are forgotten, and
    imported anew.
    """

    def __init__(self, folders: set[str]) -> None:
        self._folders = tuple(folders)
        self._known = set(sys.modules)
        self._libraries: set[str] = set()
        self.modules: dict[str, Any] = {}
        self._folder = os.getcwd()
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        self._torch = [(read(), write) for read, write in _SETTINGS]

    def know_modules(self) -> None:
        """Note the program's modules, as they are now."""
        self.modules = self._users()

    def restore(self, *, forgets_modules: bool = False) -> None:
        for name, module in self._users().items():
            if self._is_programs(module):
                del sys.modules[name]
        if not forgets_modules:
            sys.modules.update(self.modules)
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        if _folder() != self._folder:
            os.chdir(self._folder)
        if forgets_modules:
            sys.path[:] = self._path
        for (read, write), (before, _) in zip(_SETTINGS, self._torch, strict=True):
            if read() != before:
                write(before)

    def _is_programs(self, module: Any) -> bool:
        return str(module.__file__).startswith(self._folders)

    def _users(self) -> dict[str, Any]:
        found = {}
        for name in sys.modules.keys() - self._libraries:  # over a thousand, and the same ones every time
            module = sys.modules[name]
            if not is_users_module(module):
                self._libraries.add(name)
            elif name not in self._known or self._is_programs(module):
                found[name] = module
        return found


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it is gone
        return ""


_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
)
