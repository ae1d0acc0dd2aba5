"""The worker's end: what waits is sent, and an interrupt that comes too late shows no traceback."""

from __future__ import annotations

import subprocess
import sys

from engine.session.process import BOOTSTRAP

_CODE = """
import os, signal, socket, sys, time
sys.path.insert(0, {root!r})
from engine.session.messages import Shutdown, ToWindow
from engine.session.protocol import Channel
from engine.worker.outbox import Outbox
from engine.worker.runner import run_worker

close = Outbox.close
def interrupted_close(self, timeout_s):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    return close(self, timeout_s)
Outbox.close = interrupted_close
window, worker = socket.socketpair()
Channel(window, ToWindow).send(Shutdown())
print("code", run_worker(worker.detach()))
os.kill(os.getpid(), signal.SIGINT)
"""


def test_an_interrupt_after_the_program_has_ended_is_silent() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", _CODE.format(root=str(BOOTSTRAP.parents[2]))],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.stdout == "code 0\n"
    assert finished.stderr == ""
    assert finished.returncode == 0
