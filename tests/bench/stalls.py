"""How long the window does not answer while it opens, folds, recolours and finds: its longest block for each action.

`python -m tests.bench.stalls FILE` opens a trace file in the real window, in a process without torch. A timer that is
due each millisecond tells when the event loop was held up; a thread looks meanwhile at what held it up.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer

from gui.app import make_application, make_window
from gui.window import MainWindow

ROOT = Path(__file__).parents[2]
LEAST_S = 0.01
"""Shorter blocks are none."""
LOOK_S = 0.004
CALM_S = 0.6
"""So long an action is watched after it seems to be done."""
PATIENCE_S = 60.0
TYPED = ("r", "relu", "addmm", "0.weight", "grad>1e3", "xyz")
OVERLAYS = ("gradient norm", "value norm", "gradient / value", "time", "memory", "dtype", "kind")


class Block(NamedTuple):
    """Seconds by the clock and of this thread's work, and the place in our code where most of it passed."""

    wall: float
    cpu: float
    where: str


class Stalls(QObject):
    """Watches the event loop of the thread that makes it."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._last, self._cpu = time.perf_counter(), time.thread_time()
        self._seen: Counter[str] = Counter()
        self._blocks: list[Block] = []
        self._is_over = threading.Event()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._on_timer_timeout)
        self._timer.start()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def take(self) -> list[Block]:
        """The blocks since the last call, the longest first."""
        blocks, self._blocks = self._blocks, []
        return sorted(blocks, reverse=True)

    def stop(self) -> None:
        self._is_over.set()
        self._timer.stop()
        self._watcher.join()

    def _on_timer_timeout(self) -> None:
        now, cpu = time.perf_counter(), time.thread_time()
        if now - self._last > LEAST_S:
            where = self._seen.most_common(1)[0][0] if self._seen else "Qt"
            self._blocks.append(Block(now - self._last, cpu - self._cpu, where))
        self._last, self._cpu = now, cpu
        self._seen = Counter()

    def _watch(self) -> None:
        while not self._is_over.wait(LOOK_S):
            if time.perf_counter() - self._last > LEAST_S:
                self._seen[_place(sys._current_frames().get(self._thread))] += 1


def _place(frame: FrameType | None) -> str:
    """The innermost function of the window or the engine that runs, with its file."""
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT) and path.parent != Path(__file__).parent and ".venv" not in path.parts:
            return f"{path.relative_to(ROOT)}: {frame.f_code.co_name}"
        frame = frame.f_back
    return "Qt"


class Session:
    """Does one action after the other in a window, and prints what each cost."""

    def __init__(self, folder: Path) -> None:
        self.window: MainWindow
        self.window, self._crash = make_window(settings_path=folder / "settings.json", theme="light", warm_up=False)
        self.window.resize(1600, 900)
        self.window.show()
        self._stalls = Stalls()

    def wait(self, seconds: float, until: Callable[[], bool] | None = None) -> None:
        """Run the event loop for so long, or until something holds."""
        loop, end = QEventLoop(), time.perf_counter() + seconds

        def check() -> None:
            if time.perf_counter() > end or (until is not None and until()):
                loop.quit()

        timer = QTimer()
        timer.timeout.connect(check)
        timer.start(10)
        loop.exec()

    def do(self, name: str, action: Callable[[], object], until: Callable[[], bool] | None = None) -> None:
        self.wait(0.2)
        self._stalls.take()
        began = time.perf_counter()
        action()
        if until is not None:
            self.wait(PATIENCE_S, until)
        took = time.perf_counter() - began
        self.wait(CALM_S)
        blocks = self._stalls.take()
        text = f"{name}: "
        if until is not None:
            text += f"done in {took:.2f} s, "
        if blocks:
            longest = blocks[0]
            text += f"longest block {longest.wall * 1e3:.0f} ms (CPU {longest.cpu * 1e3:.0f} ms, {longest.where})"
        else:
            text += f"no block of {LEAST_S * 1e3:.0f} ms"
        print(text, flush=True)

    def close(self) -> None:
        self._stalls.stop()
        self.window.close_now()
        self._crash.uninstall()


def main(file: str) -> None:
    """Everything that is measured, in order."""
    application = make_application()
    with tempfile.TemporaryDirectory() as folder:
        session = Session(Path(folder))
        window = session.window
        session.do("panels built after the window is shown", window.finish_start, lambda: window.canvas is not None)
        canvas, document = window.canvas, window.document
        assert canvas is not None

        def is_drawn() -> bool:
            return document.trace is not None and not canvas.is_laying_out

        session.do("opened", lambda: window.open_target(file), is_drawn)
        session.do("unfolded all", canvas.unfold_all, is_drawn)
        session.do("folded all", canvas.fold_all, is_drawn)
        canvas.unfold_all()
        session.wait(PATIENCE_S, is_drawn)
        canvas.fit()
        for name in OVERLAYS:
            session.do(f"overlay {name}", partial(canvas.set_overlay, name))
        session.do("palette", window.show_palette)
        for text in TYPED:
            session.do(f"typed {text}", partial(window.palette_.field.setText, text))
        window.palette_.dismiss()
        session.do("stepped to the middle", lambda: document.move_to(document.length // 2))
        session.do("stepped to the end", lambda: document.move_to(document.last))
        for panel in ("tree", "engine", "problems", "flow"):
            session.do(f"panel {panel} to the front", partial(window.docks.raise_, panel))
        session.do("theme dark", lambda: window.themes.choose("dark"))
        session.do("theme light again", lambda: window.themes.choose("light"))
        first = document.trace
        session.do("opened again", lambda: window.open_target(file), lambda: document.trace is not first and is_drawn())
        session.close()
    application.quit()


if __name__ == "__main__":
    main(sys.argv[1])
