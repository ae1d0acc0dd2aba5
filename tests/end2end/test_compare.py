"""Step 10 and step 100 of a training, compared in the real window; what it says equals what torch computes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.document import Document
from gui.opening import classify
from gui.widgets.questions import StepQuestion
from gui.window import MainWindow

pytestmark = pytest.mark.end2end
START_MS = 60_000
SCRIPT = """import torch
torch.manual_seed(3)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
x = torch.randn(32, 4)
y = x.sum(dim=1, keepdim=True)
gradients = {}
for step in range(120):
    loss = torch.nn.functional.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    gradients[step] = {name: p.grad.clone() for name, p in model.named_parameters()}
    optimizer.step()
"""


def expected() -> dict[int, dict[str, npt.NDArray[Any]]]:
    """The gradients of every step, by running the script here."""
    torch = pytest.importorskip("torch")
    state = torch.get_rng_state()
    names: dict[str, Any] = {}
    exec(compile(SCRIPT, "script.py", "exec"), names)
    torch.set_rng_state(state)
    return {step: {name: grad.numpy() for name, grad in row.items()} for step, row in names["gradients"].items()}


def is_at(document: Document, step: int) -> bool:
    return document.trace is not None and document.trace.step == step


def test_a_held_training_runs_on_to_the_step_to_compare_with(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    path.write_text(SCRIPT)
    window.workspace.run(classify(str(path)), (), 10)
    qtbot.waitUntil(lambda: window.workspace.is_held and is_at(window.document, 10), timeout=START_MS)
    window.actions_["run_on_to_step"].trigger()
    question = window.findChild(StepQuestion)
    assert question is not None
    assert question.field.value() == 100
    assert question.field.minimum() == 11
    qtbot.keyClick(question.field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.workspace.is_held and is_at(window.document, 100), timeout=START_MS)
    assert window.panels is not None
    assert sorted(window.panels.training.recorded) == [0, 10, 100]
    window.docks.raise_("compare")
    qtbot.waitUntil(window.panels.compare.isVisible)
    titles = [window.panels.compare.choices.itemText(k) for k in range(window.panels.compare.choices.count())]
    assert "Step 10 of this training" in titles
    window.commands.run_on.hold_at(5_000)
    qtbot.waitUntil(lambda: not window.workspace.is_running, timeout=START_MS)
    assert any("ended at step 119, before step 5,000" in shown.message for shown in window.notifications.shown)
    assert not window.actions_["run_on_to_step"].isEnabled()


def test_step_10_and_step_100_of_a_training(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    path.write_text(SCRIPT)
    document = window.document
    for step in (10, 100):  # the second is had by running the program again, as a click on the curve does
        window.workspace.run(classify(str(path)), (), step)
        qtbot.waitUntil(lambda: window.workspace.is_held, timeout=START_MS)
        qtbot.waitUntil(partial(is_at, document, step))
    assert window.panels is not None
    panel = window.panels.compare
    window.docks.raise_("compare")
    qtbot.waitUntil(panel.isVisible)
    titles = [panel.choices.itemText(index) for index in range(panel.choices.count())]
    place = next(index for index, title in enumerate(titles) if title.startswith("Before: training.py, step 10"))
    panel.choices.setCurrentIndex(place)
    panel.choices.activated.emit(place)
    comparison = panel.comparison
    assert comparison is not None
    assert (comparison.before.step, comparison.after.step) == (10, 100)
    assert panel.message.text().startswith("Same graph.")
    gradients = expected()
    leaves = comparison.after.leaves()
    assert len(leaves) == 4
    for leaf in leaves:
        change = comparison.change_of(leaf)
        assert change is not None
        assert change.gradient is not None
        assert leaf.name is not None
        before, after = gradients[10][leaf.name].astype(np.float64), gradients[100][leaf.name].astype(np.float64)
        assert change.gradient.max_abs == pytest.approx(float(np.abs(after - before).max()), rel=1e-9)
        assert change.gradient.norm_ratio == pytest.approx(float(np.linalg.norm(after) / np.linalg.norm(before)))
    panel.parts.setCurrentIndex(panel.parts.findText("Gradients"))
    amounts = [change.gradient.amount for change in panel.model.changes if change.gradient is not None]
    assert amounts == sorted(amounts, reverse=True)
    panel.list.setCurrentIndex(panel.model.index(0, 0))
    assert document.selection == panel.model.changes[0].after
    panel.mark.setChecked(True)
    assert window.canvas is not None
    assert window.canvas.spotlight.lit == frozenset(c.after for c in panel.model.changes if c.after is not None)
