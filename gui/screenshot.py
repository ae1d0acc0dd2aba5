"""Pictures of the real window, drawn without a screen: opened on a target, stepped, unfolded, settled."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QEventLoop, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from engine.errors import TargetError
from engine.graph.model import ScopePath
from engine.graph.trace import Trace
from engine.session.messages import Failed
from gui.app import EXIT_FAILED, EXIT_FINE, EXIT_USAGE, make_application, make_window
from gui.canvas.widget import GraphCanvas
from gui.opening import classify
from gui.theme import ThemeName
from gui.widgets.notification import Notification
from gui.window import MainWindow

LIMIT_S = 300.0
"""How long the program may take to its first backward pass, or to the training step that was asked for."""
SETTLE_MS = 450
"""Longer than any motion in the window."""
MAX_LOOKS = 6
"""A window that never rests (its program writes on and on) is drawn as it is after so many looks."""


class Picture:
    """One picture to be taken.

    Parameters
    ----------
    target, arguments : what to open, as on the command line. A script is run without asking.
    output : the PNG file.
    step : how many backward steps are taken; negative counts from the end, None takes none.
    size : of the window, in logical pixels.
    unfold : "all", or dotted paths of module calls to open.
    select : name of a variable, an operation or a module's parameter, or a node's number.
    """

    def __init__(
        self,
        target: str,
        arguments: tuple[str, ...],
        output: Path,
        *,
        step: int | None = None,
        size: tuple[int, int] = (1440, 900),
        unfold: tuple[str, ...] = (),
        select: str | None = None,
    ) -> None:
        self._target = target
        self._arguments = arguments
        self._output = output
        self._step = step
        self._size = size
        self._unfold = unfold
        self._select = select
        self._problem: Notification | None = None
        self._has_run = True
        """Whether the target was more than a file that cannot be read, or a program that cannot be run at all."""

    def take(self, theme: ThemeName = "light", train_steps: int | None = None) -> int:
        """Open, wait, draw, close; errors are printed as sentences. Returns the exit code."""
        application = make_application()
        with tempfile.TemporaryDirectory(prefix="retrograd-") as folder:  # neither use nor change the user's settings
            window, crash = make_window(settings_path=Path(folder, "settings.json"), theme=theme, warm_up=False)
            window.workspace.notified.connect(self._on_workspace_notified)
            window.workspace.bridge.failed.connect(self._on_bridge_failed)
            try:
                return self._take(window, train_steps)
            except TargetError as error:
                return _complain(str(error), EXIT_USAGE)
            except TimeoutError as error:
                return _complain(str(error), EXIT_FAILED)
            finally:
                window.close_now()
                crash.uninstall()
                window.deleteLater()
                with contextlib.suppress(RuntimeError):
                    application.sendPostedEvents(window)

    def _take(self, window: MainWindow, train_steps: int | None) -> int:
        window.resize(*self._size)
        window.show()
        panels = window.build_panels()
        window.docks.fit_sizes()
        self._open(window, train_steps)
        if not self._has_run:
            _wait_until(lambda: not panels.runs.is_reading, "reading the logs")
            if panels.runs.has_opened and panels.runs.message:
                return _complain(panels.runs.message, EXIT_USAGE)
        window.resize(*self._size)
        trace = window.document.trace
        if trace is None and self._problem is not None:
            return self._complain_of_problem(self._problem)
        if trace is not None:
            _wait_until(lambda: not panels.canvas.is_laying_out, "laying out the graph")
            for path in self._unfold:
                if path == "all":
                    panels.canvas.unfold_all()
                else:
                    panels.canvas.unfold(find_scope(trace, path))
                _wait_until(lambda: not panels.canvas.is_laying_out, "laying out the graph")
            if self._step is not None:
                window.document.move_to(self._step if self._step >= 0 else window.document.length + 1 + self._step)
            if self._select is not None:
                window.document.select(find_node(trace, self._select))
            if self._unfold:
                self._look_at_unfolded(panels.canvas, trace)
        picture = _settled_picture(window)
        if not picture.save(str(self._output), "PNG"):  # type: ignore[call-overload] # the stubs want bytes
            return _complain(
                f"The picture cannot be written to {self._output}. Choose a folder that exists.", EXIT_USAGE
            )
        return EXIT_FINE if self._problem is None else self._complain_of_problem(self._problem)

    def _complain_of_problem(self, problem: Notification) -> int:
        return _complain(_text(problem), EXIT_FAILED if self._has_run else EXIT_USAGE)

    def _look_at_unfolded(self, canvas: GraphCanvas, trace: Trace) -> None:
        """Fill the view with the module call that was unfolded last; with everything where all were."""
        canvas.fit()
        if canvas.scene is None or self._unfold[-1] == "all":
            return
        item = canvas.scene.item_of_scope(find_scope(trace, self._unfold[-1]))
        if item is not None:
            x, y, right, bottom = canvas.scene.rect_of(item)
            canvas.view.fit((x, y, right - x, bottom - y))

    def _open(self, window: MainWindow, train_steps: int | None) -> None:
        workspace = window.workspace
        target = classify(self._target)
        if not target.is_program:
            self._has_run = False
            workspace.open(self._target)
            _wait_until(lambda: not workspace.busy or self._problem is not None, f"reading {target.title}")
            return
        workspace.run(target, self._arguments, train_steps)

        def is_there() -> bool:
            if not workspace.is_running:
                return True
            if train_steps is not None:
                return workspace.is_held and window.document.trace is not None
            return window.document.trace is not None

        _wait_until(is_there, f"running {target.title}")
        _settle(60)  # the last events of a program that has just ended

    def _on_workspace_notified(self, notification: Notification) -> None:
        if notification.level != "info" and self._problem is None:
            self._problem = notification

    def _on_bridge_failed(self, failed: Failed) -> None:
        self._has_run = not failed.before_run


def find_scope(trace: Trace, text: str) -> ScopePath:
    """The module call whose dotted path is `text`, or ends with it; raises TargetError where there is none."""
    paths = list(trace.graph.scopes) or _paths_of_nodes(trace)
    for path in paths:
        if ".".join(path) == text:
            return path
    for path in paths:
        if ".".join(path).endswith(f".{text}") or (path and path[-1] == text):
            return path
    raise TargetError(
        f"There is no module call {text!r} in the graph. There are: {_some('.'.join(path) for path in paths)}."
    )


def find_node(trace: Trace, text: str) -> int:
    """The node that `text` names: by its number, its variable, its operation or its autograd node (the first one)."""
    if text.isdecimal() and int(text) < len(trace.graph.nodes):
        return int(text)
    for field in ("name", "label", "grad_fn"):
        for node in trace.graph.nodes:
            if getattr(node, field) == text:
                return node.id
    names = _some(node.name or node.label for node in trace.graph.nodes)
    raise TargetError(f"There is no node {text!r} in the graph. There are: {names}.")


def _paths_of_nodes(trace: Trace) -> list[ScopePath]:
    return list(dict.fromkeys(node.scope for node in trace.graph.nodes if node.scope))


def _some(names: Iterable[str]) -> str:
    different = list(dict.fromkeys(names))
    return ", ".join(different[:8]) + (" and others" if len(different) > 8 else "") if different else "none"


def _wait_until(is_true: Callable[[], bool], doing: str) -> None:
    """Handle events until the condition holds; raises TimeoutError with a sentence after `LIMIT_S`."""
    clock = QElapsedTimer()
    clock.start()
    while not is_true():
        if clock.elapsed() > LIMIT_S * 1000:
            raise TimeoutError(f"Gave up {doing} after {LIMIT_S:.0f} seconds.")
        _settle(10)


def _settle(duration_ms: int) -> None:
    """Handle events for a while."""
    loop = QEventLoop()
    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(loop.quit)
    timer.start(duration_ms)
    loop.exec()
    QApplication.sendPostedEvents()


def _settled_picture(window: MainWindow) -> QImage:
    """The window once it looks the same twice: what moves is painted quickly first, and refined when it rests."""
    picture = window.grab().toImage()
    for _ in range(MAX_LOOKS):
        _settle(SETTLE_MS)
        last, picture = picture, window.grab().toImage()
        if picture == last:
            break
    return picture


def _text(notification: Notification) -> str:
    where = f" ({notification.where})" if notification.where else ""
    return f"{notification.message}{where}"


def _complain(text: str, code: int) -> int:
    print(f"main.py: {text}", file=sys.stderr)
    return code
