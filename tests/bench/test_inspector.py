"""The inspector and the watch list while the cursor moves: from a step to the painted panel, and the longest block."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from torch import nn

from engine import Trace, trace
from gui.app import make_application
from gui.document import Document
from gui.panels.following import IN_A_ROW_MS
from gui.panels.inspector import REST_MS, InspectorPanel
from gui.panels.watch import WatchPanel
from gui.style import Style
from gui.theme import ThemeManager
from gui.watching import Watch, WatchModel

from .gpt2 import gpt2_step

STEPS = 200

pytestmark = pytest.mark.benchmark(group="inspector")


def _deep() -> Trace:
    torch.manual_seed(0)
    layers = nn.ModuleList(nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.LayerNorm(16)) for _ in range(1000))
    x = torch.randn(4, 16)

    def loss() -> torch.Tensor:
        h = x
        for layer in layers:
            h = torch.relu(layer(h)) * 0.5 + h
        return (h**2).mean()

    return trace(loss)


def _say(name: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95)]
    print(
        f"\n{name}: median {statistics.median(ordered) * 1e3:.1f} ms, p95 {p95 * 1e3:.1f}, max {ordered[-1] * 1e3:.1f}"
    )


@pytest.mark.parametrize("name", ["GPT-2", "11k nodes"])
def test_a_step(benchmark: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / "trace.retrograd"
    (trace(gpt2_step()[0]) if name == "GPT-2" else _deep()).save(path)
    recorded = Trace.load(path)
    application = make_application()
    document = Document()
    themes = ThemeManager(document)
    style = Style(application, themes)
    panel = InspectorPanel(document, themes)
    panel.follows_later = True
    model = WatchModel(document)
    watch = WatchPanel(document, model, themes)
    for widget in (panel, watch):
        widget.resize(340, 820)
        widget.show()
    document.set_trace(recorded)
    for first in recorded.backward[:8]:
        model.toggle(Watch(first.node.id, 0, is_gradient=True))
    QApplication.processEvents()

    def step() -> tuple[float, float]:
        time.sleep(1.5 * IN_A_ROW_MS / 1e3)  # a single step: of many in a row the panels show the last one alone
        document.move_to(document.cursor % STEPS + 1)
        started = time.perf_counter()
        longest = 0.0
        for _ in range(4):  # the panels' turn, their layout, their painting
            began = time.perf_counter()
            QApplication.processEvents()
            longest = max(longest, time.perf_counter() - began)
        return time.perf_counter() - started, longest

    times = [step() for _ in range(STEPS)]
    _say(f"{name}: a step, first time", [row[0] for row in times])
    times = [step() for _ in range(STEPS)]
    _say(f"{name}: a step, later", [row[0] for row in times])
    _say(f"{name}: longest block of a step", [row[1] for row in times])
    rests = []
    for position in range(0, STEPS, 8):
        document.move_to(position + 1)
        for _ in range(4):
            QApplication.processEvents()
        time.sleep(REST_MS / 1e3)
        began = time.perf_counter()
        QApplication.processEvents()
        rests.append(time.perf_counter() - began)
    _say(f"{name}: numbers put in, at rest", rests)
    benchmark.pedantic(step, rounds=20)
    panel.deleteLater()
    watch.deleteLater()
    style.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
