"""A worker's stdout and stderr: read in a thread, bounded for the view, kept whole (under a cap) in a log file."""

from __future__ import annotations

import codecs
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO

from .events import Stream

LOG_CAP_BYTES = 64 << 20
WINDOW_S = 0.05
WINDOW_BYTES = 64 << 10
"""So much text is handed to the view in one window of time for as long as a program likes to write."""
BURST_BYTES = 768 << 10
"""At most this much at once, after a while with less: ten thousand lines. What is older is left to the log."""
TAIL_BYTES = 64 << 10
_READ_BYTES = 64 << 10
_DRAIN_S = 1.0


class OutputLog:
    """The whole output of one run in a file, up to `cap_bytes`. A full disk or cap ends the log, never the run."""

    def __init__(self, path: Path, *, cap_bytes: int = LOG_CAP_BYTES) -> None:
        self.path = path
        self._cap_bytes = cap_bytes
        self._written = 0
        self._file: IO[bytes] | None = None
        self._is_ended = False

    def write(self, data: bytes) -> None:
        """Append `data`; the file is created by the first byte."""
        if self._is_ended:
            return
        room = self._cap_bytes - self._written
        try:
            if self._file is None:
                self._file = self.path.open("wb", buffering=0)
            self._file.write(data[:room])
            self._written += len(data)
            if len(data) > room:
                self._file.write(f"\n[The log ends here: it is limited to {self._cap_bytes} bytes.]\n".encode())
                self.close()
        except OSError:  # disk full, folder removed: the program must go on
            self.close()

    def close(self) -> None:
        self._is_ended = True
        if self._file is not None:
            self._file.close()
            self._file = None


class OutputPump:
    """Reads both streams of one process until they end, in one thread.

    Parameters
    ----------
    streams : the read ends of the pipes; the pump owns and closes them.
    deliver : called in the pump's thread with the stream and the text, at most once per stream and `WINDOW_S`.
    """

    def __init__(self, streams: dict[Stream, IO[bytes]], deliver: Callable[[Stream, str], None]) -> None:
        self.log: OutputLog | None = None
        self._streams = streams
        self._deliver = deliver
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("backslashreplace") for name in streams}
        self._pending: deque[tuple[Stream, bytearray]] = deque()
        self._pending_bytes = 0
        self._skipped_bytes = 0
        self._room = BURST_BYTES
        self._flushed_s = time.monotonic()
        self._tail = bytearray()
        self._tail_lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        self._wake_lock = threading.Lock()
        self._drain_until: float | None = None
        self._thread = threading.Thread(target=self._run, name="worker output", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def stderr_tail(self) -> str:
        """The last `TAIL_BYTES` of the standard error."""
        with self._tail_lock:
            return self._tail.decode("utf-8", "backslashreplace")

    def finish(self) -> None:
        """Read what the ended process left in the pipes, deliver it, and end the thread, within a bound."""
        with self._wake_lock:  # the thread may end, and close the pipe, as soon as it sees the time
            if self._drain_until is None:
                self._drain_until = time.monotonic() + _DRAIN_S
                os.write(self._wake_write, b"x")
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=2 * _DRAIN_S)

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for name, stream in self._streams.items():
                selector.register(stream, selectors.EVENT_READ, name)
            selector.register(self._wake_read, selectors.EVENT_READ, None)
            self._read_until_end(selector)
        self._flush(is_final=True)
        for stream in self._streams.values():
            stream.close()
        with self._wake_lock:
            os.close(self._wake_read)
            os.close(self._wake_write)
        if self.log is not None:
            self.log.close()

    def _read_until_end(self, selector: selectors.BaseSelector) -> None:
        flush_at: float | None = None
        open_streams = len(self._streams)
        while open_streams or self._drain_until is None:
            now = time.monotonic()
            if self._drain_until is not None and now >= self._drain_until:
                return  # a process that escaped still holds the pipe
            waits = [at - now for at in (flush_at, self._drain_until) if at is not None]
            for key, _ in selector.select(max(0.0, min(waits)) if waits else None):
                if key.data is None:
                    os.read(self._wake_read, 1)
                elif data := os.read(key.fd, _READ_BYTES):
                    self._take(key.data, data)
                    flush_at = flush_at or time.monotonic() + WINDOW_S
                else:
                    selector.unregister(key.fileobj)
                    open_streams -= 1
            if flush_at is not None and time.monotonic() >= flush_at:
                self._flush()
                flush_at = None

    def _take(self, name: Stream, data: bytes) -> None:
        if self.log is not None:
            self.log.write(data)
        if name == "stderr":
            with self._tail_lock:
                self._tail += data
                del self._tail[:-TAIL_BYTES]
        if self._pending and self._pending[-1][0] == name:
            self._pending[-1][1].extend(data)
        else:
            self._pending.append((name, bytearray(data)))
        self._pending_bytes += len(data)
        while self._pending_bytes > self._room:
            oldest = self._pending[0][1]
            excess = min(len(oldest), self._pending_bytes - self._room)
            del oldest[:excess]
            if not oldest:
                self._pending.popleft()
            self._pending_bytes -= excess
            self._skipped_bytes += excess

    def _skip_to_line(self) -> None:
        """Leave out the rest of a line that was cut, too: a code for a colour would be read as text where it is cut."""
        if self._pending:
            oldest = self._pending[0][1]
            end = oldest.find(b"\n") + 1
            del oldest[:end]
            self._skipped_bytes += end

    def _flush(self, *, is_final: bool = False) -> None:
        if self._skipped_bytes:
            self._skip_to_line()
            where = f"; the whole output is in {self.log.path}" if self.log is not None else ""
            self._deliver("stderr", f"\n[{self._skipped_bytes} bytes of output are not shown here{where}.]\n")
            self._skipped_bytes = 0
        while self._pending:
            name, data = self._pending.popleft()
            if text := self._decoders[name].decode(bytes(data)):
                self._deliver(name, text)
        now_s = time.monotonic()
        refill = int(WINDOW_BYTES * (now_s - self._flushed_s) / WINDOW_S)
        self._room = max(WINDOW_BYTES, min(BURST_BYTES, self._room - self._pending_bytes + refill))
        self._pending_bytes, self._flushed_s = 0, now_s
        if is_final:
            for name, decoder in self._decoders.items():
                if text := decoder.decode(b"", final=True):
                    self._deliver(name, text)
