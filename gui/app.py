"""Starting the window: shows it first, loads the rest after; and pictures of it without a screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gui.theme import ThemeName

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from gui.crash import CrashReporter
    from gui.handover import Listener
    from gui.interrupts import Interrupts
    from gui.window import MainWindow

EXIT_FINE = 0
EXIT_USAGE = 2
EXIT_FAILED = 3
EXIT_NO_DISPLAY = 4
SWITCH_S = 0.001
"""So long at most the window waits for another thread of Python, such as a layout, each time it is called."""


def run(
    target: str | None = None,
    arguments: Sequence[str] = (),
    listener: Listener | None = None,
    interrupts: Interrupts | None = None,
) -> int:
    """Show the window, opened on `target` if there is one, until it is closed.

    Parameters
    ----------
    listener : where later starts hand over what they should open; closed in the end.
    interrupts : what hears of Ctrl+C; made before this module is loaded.

    Returns
    -------
    int
        The exit code: 0, or 4 where there is no display to show a window on.
    """
    problem = display_problem()
    if problem:
        print(problem, file=sys.stderr)
        return EXIT_NO_DISPLAY
    from PySide6.QtCore import QTimer

    application = make_application()
    window, crash = make_window()
    window.show()
    QTimer.singleShot(0, window, window.finish_start)
    QTimer.singleShot(0, window, lambda: _offer_recovery(window))
    if target is not None:
        window.open_after_start(target, tuple(arguments))
    from gui.windows import Windows

    windows = Windows(window, crash)
    server = None
    if listener is not None:
        from gui.instance import HandOverServer

        server = HandOverServer(listener, windows.takes, windows.take, windows)
    if interrupts is not None:
        interrupts.close(windows)
    try:
        return application.exec()
    finally:
        if server is not None:
            server.close()
        crash.uninstall()


def _offer_recovery(window: MainWindow) -> None:
    from gui.recovery import offer_recovery

    offer_recovery(window)


def make_application() -> QApplication:
    """The one QApplication, named, with the choice of Qt binding made for the plotting library."""
    os.environ["PYQTGRAPH_QT_LIB"] = "PySide6"  # it would take another binding where one is installed
    from PySide6.QtCore import QCoreApplication, qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    from gui.garbage import Collector

    existing = QCoreApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    sys.setswitchinterval(SWITCH_S)
    before = qInstallMessageHandler(_leave_without_display)
    application = QApplication(["retrograd"])
    qInstallMessageHandler(before)
    application.setApplicationName("retrograd")
    application.setApplicationDisplayName("")  # the window's own title says it already
    application.setDesktopFileName("retrograd")
    Collector(application)
    return application


def make_window(
    *, settings_path: Path | None = None, theme: ThemeName | None = None, warm_up: bool = True
) -> tuple[MainWindow, CrashReporter]:
    """A main window with settings, theme and crash reports; not shown yet."""
    from PySide6.QtWidgets import QApplication

    from gui.crash import CrashReporter
    from gui.settings import Settings
    from gui.style import Style
    from gui.theme import ThemeManager
    from gui.window import MainWindow

    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("make_application comes first")
    settings = Settings(settings_path)
    themes = ThemeManager(application)
    themes.choose(theme or settings.values.theme)
    style = Style(application, themes)
    crash = CrashReporter()
    crash.install()
    window = MainWindow(settings, themes, crash, warm_up=warm_up)
    for owned in (settings, crash, style):
        owned.setParent(window)
    return window, crash


def display_problem() -> str:
    """Why no window can be shown, as a sentence that says what to do; "" if one can."""
    try:
        from PySide6 import QtGui  # noqa: F401 - whether it loads is the question
    except ImportError as error:
        return library_advice(str(error))
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return ""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        return missing_platform_library()
    return (
        "There is no display to show a window on (neither DISPLAY nor WAYLAND_DISPLAY is set). Use the program without "
        "one (main.py --help lists trace, export, check, diagnose and screenshot), or start it under xvfb-run."
    )


def _leave_without_display(kind: object, _context: object, text: str | None) -> None:
    """Hears Qt while it connects to the display: where it cannot, it would abort the whole process."""
    from PySide6.QtCore import QtMsgType

    if kind == QtMsgType.QtFatalMsg:
        print(
            f"No window can be shown: Qt cannot reach the display{_named_display()}. "
            "Check that it is running and that you may use it, or use the program without one: main.py --help lists "
            "trace, export, check, diagnose and screenshot.",
            file=sys.stderr,
            flush=True,
        )
        os._exit(EXIT_NO_DISPLAY)  # nothing is open yet, and Qt aborts as soon as this returns
    elif kind == QtMsgType.QtWarningMsg and text:
        print(text, file=sys.stderr)


def _named_display() -> str:
    for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return f", {name}={os.environ[name]}"
    return ""


_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
_X11_LIBRARIES = ("libxkbcommon-x11.so.0", "libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-keysyms.so.1")


def library_advice(error: str) -> str:
    """Turn a loader's message about a missing library into one that names the Debian package."""
    for library, package in _PACKAGES.items():
        if library in error:
            return f"Qt cannot start, because {library} is missing. On Debian or Ubuntu: sudo apt install {package}"
    return f"Qt cannot start: {error}"


def missing_platform_library() -> str:
    """Advice about a library that Qt needs on X11 and that is not there: Qt itself would abort the process."""
    if os.environ.get("WAYLAND_DISPLAY"):
        return ""
    import ctypes

    for library in _X11_LIBRARIES:
        try:
            ctypes.CDLL(library)
        except OSError as error:
            return library_advice(str(error) if library in str(error) else library)
    return ""


def screenshot(
    target: str,
    *,
    output: str | os.PathLike[str],
    step: int | None = None,
    size: tuple[int, int] = (1440, 900),
    theme: ThemeName = "light",
    unfold: Sequence[str] = (),
    train_steps: int | None = None,
    select: str | None = None,
    scale: float = 1.0,
    arguments: Sequence[str] = (),
) -> int:
    """Draw the real window, opened on `target`, into a PNG file; see `gui.screenshot.Picture` for the details.

    Returns
    -------
    int
        0; 2 for a target that cannot be read or run, or a node that does not exist; 3 where the program failed; 4
        where Qt cannot draw.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["QT_SCALE_FACTOR"] = f"{scale:g}"
    problem = display_problem()
    if problem:
        print(problem, file=sys.stderr)
        return EXIT_NO_DISPLAY
    from gui.screenshot import Picture

    picture = Picture(target, tuple(arguments), Path(output), step=step, size=size, unfold=tuple(unfold), select=select)
    return picture.take(theme, train_steps)
