"""Two starts of the real program: one window, whatever the first did to end; both together, and both apart."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.traces import small_trace

ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT_S = 60.0

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the program in a process of its own; what still runs is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "main.py"), *arguments]
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", **more}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)


@pytest.fixture
def trace_file(tmp_path: Path) -> Path:
    path = tmp_path / "neuron.retrograd"
    small_trace().save(path)
    return path


def _wait(what: str, is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.02)


def _meeting() -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"], "retrograd")


def _is_listening() -> bool:
    return any(path.suffix == ".socket" for path in _meeting().glob("*"))


def _recent() -> list[str]:
    """What was opened: a window notes it in its settings."""
    path = Path(os.environ["RETROGRAD_SETTINGS_DIR"], "settings.json")
    return json.loads(path.read_bytes())["recent"] if path.exists() else []


def test_the_second_hands_its_file_over_while_the_first_is_still_starting(start: Start, trace_file: Path) -> None:
    first = start()
    _wait("the first listens", _is_listening)
    second = start(str(trace_file))
    said, _ = second.communicate(timeout=TIMEOUT_S)
    assert second.returncode == 0
    assert "the window that is there already" in said
    _wait("the first has opened it", lambda: _recent() == [str(trace_file)])
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=TIMEOUT_S)
    assert first.returncode == 0
    assert list(_meeting().iterdir()) == []


def test_a_killed_first_is_no_obstacle(start: Start, trace_file: Path) -> None:
    first = start()
    _wait("the first listens", _is_listening)
    first.kill()
    first.communicate(timeout=TIMEOUT_S)
    assert _is_listening()  # what it left behind
    start(str(trace_file))
    _wait("the next is a window of its own", lambda: _recent() == [str(trace_file)])
    third = start(str(trace_file))
    third.communicate(timeout=TIMEOUT_S)
    assert third.returncode == 0  # the next one listens


def test_a_new_window_is_a_process_of_its_own(start: Start, trace_file: Path) -> None:
    first = start()
    _wait("the first listens", _is_listening)
    second = start("--new-window", str(trace_file))
    _wait("the second has opened it", lambda: _recent() == [str(trace_file)])
    assert (first.poll(), second.poll()) == (None, None)


def test_starts_at_the_same_moment_agree_on_one(start: Start, trace_file: Path) -> None:
    processes = [start(str(trace_file)) for _ in range(4)]
    _wait("all but one are done", lambda: sum(process.poll() is not None for process in processes) == 3)
    assert [process.returncode for process in processes if process.poll() is not None] == [0, 0, 0]
    _wait("it is open", lambda: _recent() == [str(trace_file)])


def test_commands_without_a_window_ask_nobody(start: Start, trace_file: Path, tmp_path: Path) -> None:
    first = start()
    _wait("the first listens", _is_listening)
    first.send_signal(signal.SIGSTOP)  # whoever asked it would wait
    try:
        for arguments in (["demos"], ["export", str(trace_file), "-o", str(tmp_path / "x.json")], ["--version"]):
            process = start(*arguments)
            process.communicate(timeout=TIMEOUT_S)
            assert process.returncode == 0
    finally:
        first.send_signal(signal.SIGCONT)
    assert _recent() == []


def test_an_interrupt_at_any_moment_of_the_start_ends_it(start: Start) -> None:
    first = start()
    _wait("the first listens", _is_listening)  # and from there on loads Qt
    others = [start("--new-window") for _ in range(3)]
    for process in (first, *others):
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
    for process in (first, *others):
        _, said = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode in (0, 130), said


def test_without_a_display_there_is_the_same_sentence_as_ever(start: Start, trace_file: Path) -> None:
    start()
    _wait("the first listens", _is_listening)
    second = start(str(trace_file), QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    _, complaint = second.communicate(timeout=TIMEOUT_S)
    assert second.returncode == 4
    assert "no display" in complaint
    assert _recent() == []
