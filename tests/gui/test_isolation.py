"""The two promises of the processes: the window works without torch, the engine without Qt."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

_BLOCK = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is blocked in this test")
        return None

sys.meta_path.insert(0, Blocker())
"""

_IMPORT_ALL = """
import importlib, pkgutil
import {package}
names = [module.name for module in pkgutil.walk_packages({package}.__path__, "{package}.")]
names = [name for name in names if not name.startswith({skipped!r})]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

_WINDOW = """
import sys, time
from gui.app import make_application, make_window
application = make_application()
window, crash = make_window(warm_up=False)
window.show()
window.build_panels()
window.open_target(sys.argv[1])
deadline = time.monotonic() + 30
while (window.document.trace is None or window.canvas.is_laying_out) and time.monotonic() < deadline:
    application.processEvents()
window.document.move_to_end()
picture = window.grab()
print(window.document.cursor, picture.width() > 0, "torch" in sys.modules)
window.close_now()
"""

TORCH_USERS = (
    "engine.capture",
    "engine.edits",
    "engine.verify",
    "engine.programs",
    "engine.demos",
    "engine.training",
    "engine.worker",
)
"""Parts of the engine that may import torch."""


def _python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_module_of_the_window_is_imported_without_torch() -> None:
    block = _BLOCK.format(blocked={"torch"})
    assert int(_python(block + _IMPORT_ALL.format(package="gui", skipped=("gui.nothing",)))) > 40


def test_the_window_shows_a_saved_trace_without_torch(trace_file: Path) -> None:
    assert _python(_BLOCK.format(blocked={"torch"}) + _WINDOW, str(trace_file)) == "6 True False"


def test_every_module_of_the_engine_is_imported_without_qt() -> None:
    block = _BLOCK.format(blocked={"PySide6", "pyqtgraph", "shiboken6", "gui"})
    assert (
        int(_python(block + _IMPORT_ALL.format(package="engine", skipped=("engine.worker.__main__", "engine.demos."))))
        > 40
    )


def test_the_torch_free_engine_is_imported_without_torch_and_qt() -> None:
    block = _BLOCK.format(blocked={"torch", "PySide6", "pyqtgraph", "shiboken6", "gui"})
    assert int(_python(block + _WALK_SHALLOW.format(skipped=TORCH_USERS))) > 20


# `walk_packages` imports each package to look into it: those that need torch must not even be entered.
_WALK_SHALLOW = """
import importlib, pkgutil
import engine
names = []
folders = [(engine.__path__, "engine.")]
while folders:
    path, prefix = folders.pop()
    for module in pkgutil.iter_modules(path, prefix):
        if not module.name.startswith({skipped!r}):
            loaded = importlib.import_module(module.name)
            names.append(module.name)
            if module.ispkg:
                folders.append((loaded.__path__, module.name + "."))
print(len(names))
"""
