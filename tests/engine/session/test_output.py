"""Output arrives in order, decoded, and bounded; the log has all of it up to its cap."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from engine.session.events import Stream
from engine.session.output import BURST_BYTES, WINDOW_S, OutputLog, OutputPump

Write = Callable[[Stream, bytes], None]


class Pipes:
    """A pump on two real pipes."""

    def __init__(self) -> None:
        self.delivered: list[tuple[Stream, str]] = []
        reads: dict[Stream, IO[bytes]] = {}
        self._writes: dict[Stream, int] = {}
        names: tuple[Stream, ...] = ("stdout", "stderr")
        for name in names:
            read, write = os.pipe()
            reads[name] = os.fdopen(read, "rb", buffering=0)
            self._writes[name] = write
        self.pump = OutputPump(reads, lambda stream, text: self.delivered.append((stream, text)))

    def write(self, stream: Stream, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._writes[stream], view) :]

    def end(self) -> None:
        for descriptor in self._writes.values():
            os.close(descriptor)
        self._writes.clear()
        self.pump.finish()

    def text(self, *streams: Stream) -> str:
        return "".join(text for stream, text in self.delivered if stream in streams)


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    made = Pipes()
    yield made
    made.end()


def test_everything_written_before_the_end_is_delivered(pipes: Pipes) -> None:
    pipes.pump.start()
    pipes.write("stdout", b"one\n")
    pipes.write("stderr", "zwölf\n".encode())
    pipes.end()
    assert pipes.text("stdout") == "one\n"
    assert pipes.text("stderr") == "zwölf\n"
    assert pipes.pump.stderr_tail == "zwölf\n"


def test_a_character_cut_in_two_is_put_together(pipes: Pipes) -> None:
    pipes.pump.start()
    for byte in "ä€😀".encode():
        pipes.write("stdout", bytes([byte]))
    pipes.end()
    assert pipes.text("stdout") == "ä€😀"


def test_bytes_that_are_no_text_are_escaped(pipes: Pipes) -> None:
    pipes.pump.start()
    pipes.write("stdout", b"\xff\x00 50%\r\x1b[31mred\xe2")
    pipes.end()
    assert pipes.text("stdout") == "\\xff\x00 50%\r\x1b[31mred\\xe2"


def test_a_flood_is_bounded_in_the_view_and_whole_in_the_log(pipes: Pipes, tmp_path: Path) -> None:
    log = tmp_path / "output.log"
    pipes.pump.log = OutputLog(log)
    pipes.pump.start()
    data = b"".join(b"line %07d\n" % number for number in range(1_000_000))
    pipes.write("stdout", data)
    pipes.end()
    assert log.read_bytes() == data
    assert len(pipes.text("stdout")) < len(data) / 4
    assert pipes.text("stdout").endswith("line 0999999\n")
    assert "bytes of output are not shown here" in pipes.text("stderr")
    assert str(log) in pipes.text("stderr")
    assert max(len(text) for _, text in pipes.delivered) <= BURST_BYTES
    assert all(line.startswith("line ") for line in pipes.text("stdout").splitlines()), "no line is cut"


def test_ten_thousand_lines_at_once_are_all_delivered(pipes: Pipes) -> None:
    data = b"".join(b"\x1b[3%dmline %d\x1b[0m \x1b[1mof a long output\x1b[0m\n" % (k % 8, k) for k in range(10_000))
    pipes.pump.start()
    pipes.write("stdout", data)
    pipes.end()
    assert pipes.text("stdout") == data.decode()
    assert pipes.text("stderr") == ""


def test_the_log_has_a_cap_and_says_so(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "log", cap_bytes=10)
    log.write(b"123456")
    log.write(b"789abcdef")
    log.write(b"never")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"123456789a\n[The log ends here: it is limited to 10 bytes.]\n"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    log = OutputLog(tmp_path / "no" / "such" / "folder")
    log.write(b"text")
    log.write(b"more")
    log.close()
    assert not (tmp_path / "no").exists()


def test_a_pipe_held_open_by_an_escaped_process_does_not_hold_the_pump(pipes: Pipes) -> None:
    pipes.pump.start()
    pipes.write("stdout", b"last words")
    pipes.pump.finish()  # the write ends are still open
    assert pipes.text("stdout") == "last words"


def test_the_end_may_come_at_the_moment_in_which_the_streams_end() -> None:
    for attempt in range(60):
        pipes = Pipes()
        pipes.write("stdout", b"last words\n")
        pipes.pump.start()
        if attempt % 2:
            time.sleep(WINDOW_S)  # the pump is about to wake by itself
        pipes.end()
        assert pipes.text("stdout") == "last words\n"
