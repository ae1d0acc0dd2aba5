"""A large tensor in the real window with a real worker: an overview, its parts, and the whole only where asked for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from pytestqt.qtbot import QtBot

from gui.opening import classify
from gui.widgets.large_view import LargeTensorView
from gui.window import MainWindow
from tests.gui.conftest import _no_qt_left_behind, window

__all__ = ["_no_qt_left_behind", "window"]
pytestmark = pytest.mark.end2end
START_MS = 60_000
PROGRAM = """
import torch
from torch import nn

model = nn.Linear(2048, 1)

def loss():
    with open(__file__ + ".runs", "a") as runs:
        runs.write("x")
    scores = torch.randn(2, 3, 512, 2048)
    scores[1, 2, 300, 1000] = 40.0
    attention = scores + model.weight
    return attention.square().mean()
"""


def _is_there(view: LargeTensorView) -> bool:
    return view.status.startswith("rows")


def test_a_tensor_is_looked_at_in_parts(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    path.write_text(PROGRAM)
    document = window.document
    window.workspace.run(classify(f"{path}:loss"))
    qtbot.waitUntil(lambda: document.trace is not None and not window.workspace.is_running, timeout=START_MS)
    trace, panels = document.trace, window.panels
    assert trace is not None
    assert panels is not None
    node = next(node for node in trace.graph.nodes if node.name == "attention" and node.label == "add")
    document.move_to_end()
    document.select(node.id)
    quantity = panels.inspector.value.value
    qtbot.waitUntil(quantity.look_link.isVisible)
    assert quantity.fetch_link.whole_text == "Fetch all 25.2 MB"
    messages: list[int] = []
    quantity.look_link.click()
    view = quantity.large
    assert view.isVisible()
    assert not quantity.look_link.isVisible()
    assert view.status == "The program runs again…"
    bridge = window.workspace.fetcher._worker.bridge()
    bridge.tile_received.connect(lambda _ready, body: messages.append(len(body)))
    qtbot.waitUntil(lambda: _is_there(view), timeout=START_MS)
    runs = Path(f"{path}.runs")
    ran = len(runs.read_text())
    _picture(window, "overview")

    torch.manual_seed(0)
    weight = torch.nn.Linear(2048, 1).weight
    torch.manual_seed(0)
    scores = torch.randn(2, 3, 512, 2048)
    scores[1, 2, 300, 1000] = 40.0
    expected = (scores + weight).detach()
    view.set_index((1, 2))
    qtbot.waitUntil(lambda: _is_there(view), timeout=START_MS)
    texts = [view.cell_text(row, column) for row in range(168) for column in range(256)]
    assert [text for text in texts if " to 40" in text or " to 39.9" in text], "the extreme is seen from afar"
    while view.tile.rows[1] - view.tile.rows[0] > 16:
        view.zoom(1, x=1000 / 2048, y=300 / 512)
    qtbot.waitUntil(lambda: _is_there(view), timeout=START_MS)
    rows, columns = view.tile.rows, view.tile.columns
    assert rows[0] <= 300 < rows[1]
    for row, column in ((rows[0], columns[0]), (rows[1] - 1, columns[1] - 1)):
        text = view.cell_text(row - rows[0], column - columns[0])
        assert text.replace("−", "-") == f"[1, 2, {row}, {column}] {expected.numpy()[1, 2, row, column]!s}"
    _picture(window, "zoomed")
    view.zoom(1)
    qtbot.waitUntil(lambda: _is_there(view), timeout=START_MS)
    _picture(window, "near")
    assert len(runs.read_text()) == ran, "the worker kept the tensor"
    assert messages
    assert max(messages) < 4 << 20

    qtbot.waitUntil(quantity.fetch_link.isVisible)
    quantity.fetch_link.click()
    qtbot.waitUntil(lambda: node.outputs[0].array is not None, timeout=START_MS)
    np.testing.assert_array_equal(node.outputs[0].array, expected.numpy())
    qtbot.waitUntil(lambda: not view.isVisible())  # the panel follows a moment after the value
    assert quantity.tensor.isVisible()


def _picture(window: MainWindow, name: str) -> None:
    folder = os.environ.get("RETROGRAD_PICTURES")
    if folder:
        window.grab().save(f"{folder}/{name}.png")
