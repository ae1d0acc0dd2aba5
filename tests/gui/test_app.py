"""gui.app: no display, missing libraries, order of imports, pictures of a saved trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtGui import QImage

from gui import app

ROOT = Path(__file__).resolve().parent.parent.parent


def test_without_a_display_there_is_a_sentence_and_an_exit_code(tmp_path: Path) -> None:
    hidden = ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    code = "import sys; from gui.app import run; sys.exit(run(None, ()))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == app.EXIT_NO_DISPLAY
    assert "no display" in done.stderr
    assert "Traceback" not in done.stderr


def test_advice_names_the_package() -> None:
    advice = app.library_advice("libEGL.so.1: cannot open shared object file: No such file or directory")
    assert "sudo apt install libegl1" in advice
    assert "something else" in app.library_advice("something else")


def test_window_is_shown_before_the_heavy_libraries_are_imported() -> None:
    code = (
        "import sys\n"
        "from gui.app import make_application, make_window\n"
        "application = make_application()\n"
        "window, crash = make_window(warm_up=False)\n"
        "window.show()\n"
        "heavy = {'torch', 'pyqtgraph', 'networkx', 'pygments', 'ziamath', 'scipy'} & set(sys.modules)\n"
        "window.finish_start()\n"
        "assert window.panels is None\n"
        "turns = 0\n"
        "while window.panels is None:\n"
        "    application.processEvents()\n"
        "    turns += 1\n"
        "assert turns > 10\n"
        "assert 'torch' not in sys.modules\n"
        "window.close_now()\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "heavy: []"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screenshot_of_a_saved_trace(trace_file: Path, tmp_path: Path, theme: str) -> None:
    output = tmp_path / "window.png"
    code = app.screenshot(str(trace_file), output=output, step=3, size=(1280, 800), theme=theme, select=None)  # type: ignore[arg-type] # parametrised
    assert code == app.EXIT_FINE
    image = QImage(str(output))
    assert (image.width(), image.height()) == (1280, 800)
    assert (image.pixelColor(640, 4).lightness() < 128) == (theme == "dark")


def test_pictures_of_different_steps_differ_only_where_they_should(trace_file: Path, tmp_path: Path) -> None:
    for name, step in (("a", 2), ("b", 2), ("c", -1)):
        assert app.screenshot(str(trace_file), output=tmp_path / f"{name}.png", step=step, size=(1280, 800)) == 0
    first, again, other = (_pixels(tmp_path / f"{name}.png") for name in "abc")
    # Antialiased edges may be rounded otherwise when a part of the picture was painted earlier: no more than that.
    assert np.abs(first - again).max() < 64
    assert np.abs(first - other).max() > 128


def _pixels(path: Path) -> npt.NDArray[np.int64]:
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB32)
    values = np.frombuffer(bytes(image.constBits()), np.uint8)
    return values.reshape(image.height(), image.width(), 4)[:, :, :3].astype(np.int64)


def test_screenshot_says_what_is_wrong(trace_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "x.png"
    assert app.screenshot("no such file", output=picture) == app.EXIT_USAGE
    assert app.screenshot(str(trace_file), output=picture, select="nothing called so") == app.EXIT_USAGE
    assert app.screenshot(str(trace_file), output=tmp_path / "none" / "x.png") == app.EXIT_USAGE
    damaged = tmp_path / "damaged.retrograd"
    damaged.write_bytes(trace_file.read_bytes()[:200])
    assert app.screenshot(str(damaged), output=picture) == app.EXIT_USAGE
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 4
    assert "no such file" in errors[0]
    assert "There are:" in errors[1]
    assert "cannot be written" in errors[2]
    assert not picture.exists()
