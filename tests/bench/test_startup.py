"""From the command to the window, and from torch to the first demo: wall time of the real program, offscreen."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.benchmark(group="startup")

_WINDOW = """
import sys, time
sys.path.insert(0, {root!r})
from gui.app import make_application, make_window
application = make_application()
window, crash = make_window(warm_up=False)
window.show()
application.processEvents()
print(time.time())
window.close_now()
"""

_DEMO = """
import sys, time
sys.path.insert(0, {root!r})
from gui.app import make_application, make_window
from gui.opening import classify
application = make_application()
window, crash = make_window(warm_up=False)
window.show()
window.build_panels()
application.processEvents()
from engine.session.messages import Ready
ready = []
window.workspace.bridge.supervisor._on_event = (
    lambda event, body, tell=window.workspace.bridge.supervisor._on_event: (
        ready.append(time.perf_counter()) if isinstance(event, Ready) else None, tell(event, body)
    )
)
window.workspace.run(classify("demo:neuron"))
while window.document.trace is None or window.canvas.is_laying_out:
    application.processEvents()
    time.sleep(0.001)
window.grab()
print(time.perf_counter() - ready[0])
window.close_now()
"""


def _last_number(code: str) -> float:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    finished = subprocess.run(
        [sys.executable, "-c", code.format(root=str(ROOT))], capture_output=True, text=True, check=True, env=environment
    )
    return float(finished.stdout.split()[-1])


def test_window_is_visible(benchmark: Any) -> None:
    import time

    times = []
    for _ in range(5):
        started = time.time()
        times.append(_last_number(_WINDOW) - started)
    print(
        f"\nwindow visible {statistics.median(times):.2f} s after the command (of {len(times)}; least {min(times):.2f})"
    )
    benchmark.pedantic(lambda: None, rounds=1)


def test_first_demo_is_drawn(benchmark: Any) -> None:
    times = [_last_number(_DEMO) for _ in range(5)]
    print(f"\nfirst demo drawn {statistics.median(times):.2f} s after torch is imported (least {min(times):.2f})")
    benchmark.pedantic(lambda: None, rounds=1)
