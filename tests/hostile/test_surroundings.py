"""Hostile surroundings: displays that are not there, no fonts, other locales and scales, windows from other screens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.traces import small_trace

ROOT = Path(__file__).resolve().parent.parent.parent

_WINDOW = """
import sys, time
from PySide6.QtCore import QLocale, Qt
from gui.app import make_application, make_window
application = make_application()
{before}
window, crash = make_window(warm_up=False)
window.resize(1280, 800)
window.show()
window.build_panels()
window.open_target(sys.argv[1])
deadline = time.monotonic() + 60
while window.document.trace is None or window.canvas.is_laying_out:
    assert time.monotonic() < deadline
    application.processEvents()
    time.sleep(0.005)
window.document.move_to(3)
for _ in range(20):
    application.processEvents()
    time.sleep(0.005)
{after}
window.close_now()
print("done")
"""


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    path = tmp_path / "neuron.retrograd"
    small_trace().save(path)
    return path


def _run(path: Path, *, before: str = "", after: str = "", **environment: str) -> str:
    """The real window in a process of its own, with a trace open at its third step; what it printed."""
    code = _WINDOW.format(before=before, after=after)
    surroundings = os.environ | {"QT_QPA_PLATFORM": "offscreen", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("done")
    return done.stdout


_NOTHING_CLIPPED = """
from PySide6.QtWidgets import QAbstractButton
for button in window.findChildren(QAbstractButton):
    seen = button.isVisibleTo(window) and not button.visibleRegion().isEmpty()
    if seen and button.text() and button.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly if hasattr(
        button, "toolButtonStyle") else seen and button.text():
        hint = button.minimumSizeHint()
        assert button.width() >= hint.width(), (button.text(), button.width(), hint.width())
        assert button.height() >= hint.height(), (button.text(), button.height(), hint.height())
line = window.toolbar.position
assert line.width() >= line.fontMetrics().horizontalAdvance(line.text()), line.text()
"""

# 57: fonts and locales


def test_without_any_font_those_of_a_dependency_are_used(trace_file: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    config = tmp_path / "fonts.conf"
    config.write_text(
        f"<?xml version='1.0'?><fontconfig><dir>{tmp_path / 'none'}</dir>"
        f"<cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>"
    )
    said = _run(
        trace_file,
        before="from PySide6.QtGui import QFontMetrics\nprint(QFontMetrics(application.font()).inFont('e'))",
        after="from gui.theme import mono_font\n"
        "print(window.toolbar.position.fontMetrics().inFont('e'), QFontMetrics(mono_font()).inFontUcs4(0x2212))\n"
        + _NOTHING_CLIPPED,
        FONTCONFIG_FILE=str(config),
        QT_QPA_FONTDIR=str(tmp_path / "none"),
    )
    assert said.splitlines()[:2] == ["False", "True True"]


_NUMBERS = """
from gui.widgets.number_editor import NumberEditor
from PySide6.QtTest import QTest
editor = NumberEditor("w", window)
editor.show()
told = []
editor.edited.connect(lambda value, is_dragging: told.append(value))
editor.set_value(2.5, is_other=True)
print(editor.spin.text())
editor.spin.selectAll()
QTest.keyClicks(editor.spin, "-1.25")
QTest.keyClick(editor.spin, Qt.Key.Key_Return)
assert told == [-1.25], told
print(window.toolbar.position.text())
print(window.toolbar.speed.text())
"""


@pytest.mark.parametrize("locale", ["de_DE", "ar_EG", "fa_IR"])
def test_numbers_are_written_and_read_the_same_in_every_locale(trace_file: Path, locale: str) -> None:
    said = [
        _run(
            trace_file,
            before=f"QLocale.setDefault(QLocale({name!r}))\nassert QLocale().name() == {name!r}",
            after=_NUMBERS + _NOTHING_CLIPPED,
            LC_ALL=f"{name}.UTF-8",
        )
        for name in (locale, "C")
    ]
    assert said[0] == said[1]
    assert said[0].splitlines()[0] == "2.5"


def test_a_window_from_right_to_left_is_whole(trace_file: Path) -> None:
    _run(
        trace_file,
        before="application.setLayoutDirection(Qt.LayoutDirection.RightToLeft)",
        after=_NOTHING_CLIPPED,
    )


# 58: scales and screens


@pytest.mark.parametrize("scale", ["1.25", "2.5"])
def test_nothing_is_clipped_at_any_scale(trace_file: Path, scale: str) -> None:
    _run(
        trace_file,
        after=f"assert abs(window.devicePixelRatioF() - {scale}) < 0.01\n"
        f"assert window.grab().width() == round(1280 * {scale})\n" + _NOTHING_CLIPPED,
        QT_SCALE_FACTOR=scale,
    )


# 61: a layout from elsewhere


def test_a_window_that_stood_on_another_screen_comes_up_on_this_one(trace_file: Path) -> None:
    _run(
        trace_file,
        before="window, crash = make_window(warm_up=False)\n"
        "window.show()\nwindow.setGeometry(9000, 7000, 1400, 900)\nwindow.close_now()",
        after="assert window.screen().availableGeometry().intersects(window.frameGeometry()), window.geometry()",
    )


# 59: displays


def test_the_window_needs_no_opengl(trace_file: Path) -> None:
    said = _run(
        trace_file,
        after="print([name for name in sys.modules if name.startswith('PySide6.QtOpenGL')])\n"
        "import pyqtgraph\nprint(pyqtgraph.getConfigOption('useOpenGL'))",
    )
    assert said.splitlines()[0] == "[]"
    assert said.splitlines()[1] in ("None", "False")


@pytest.mark.parametrize(
    "display",
    [{"DISPLAY": ":97"}, {"WAYLAND_DISPLAY": "wayland-97"}, {"QT_QPA_PLATFORM": "nosuch"}],
    ids=["x11", "wayland", "platform"],
)
def test_a_display_that_does_not_answer_is_a_sentence_and_an_exit_code(display: dict[str, str]) -> None:
    hidden = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    surroundings = {name: value for name, value in os.environ.items() if name not in hidden} | display
    done = subprocess.run(
        [sys.executable, str(ROOT / "main.py")], env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert "No window can be shown" in done.stderr
    assert next(iter(display.values())) in done.stderr
    assert "Traceback" not in done.stderr


# 36: nowhere to write


def test_a_home_that_cannot_be_written_is_one_notice(trace_file: Path, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    _run(
        trace_file,
        after="assert window.document.cursor == 3\n"
        "assert [shown.level for shown in window.notifications.shown] == ['warning'], window.notifications.shown",
        HOME=str(blocker),
        RETROGRAD_SETTINGS_DIR=str(blocker / "settings"),
        XDG_STATE_HOME=str(blocker / "state"),
        XDG_CONFIG_HOME=str(blocker / "config"),
        XDG_CACHE_HOME=str(blocker / "cache"),
        XDG_RUNTIME_DIR=str(blocker / "run"),
    )
