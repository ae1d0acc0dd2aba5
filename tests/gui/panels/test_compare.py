"""The compare panel: choosing the other trace, the list of changes, and what it marks and selects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.compare import ComparePanel
from gui.panels.compare_list import CHANGE_ROLE
from gui.theme import ThemeManager
from gui.training import TrainingModel
from tests.engine.traces import SIGMOID, B, W, scalar, small_trace


@pytest.fixture
def panel(qtbot: QtBot) -> Iterator[ComparePanel]:
    document, training = Document(), TrainingModel()
    panel = ComparePanel(document, training, ThemeManager())
    panel.document, panel.training = document, training  # type: ignore[attr-defined] # kept alive, and for the tests
    qtbot.addWidget(panel)
    panel.resize(360, 500)
    panel.show()
    yield panel
    panel.shut_down()


def changed_trace(weight: float = 0.5) -> Trace:
    trace = small_trace()
    trace.graph.nodes[W].outputs[0] = scalar(weight, requires_grad=True)
    step = trace.step_of(B)
    assert step is not None
    step.grad_outputs = [scalar(-0.25)]
    return trace


def titles(panel: ComparePanel) -> list[str]:
    return [str(panel.model.index(row, 0).data()) for row in range(panel.model.rowCount())]


def choose(panel: ComparePanel, title: str) -> None:
    index = next(k for k in range(panel.choices.count()) if panel.choices.itemText(k).startswith(title))
    panel.choices.setCurrentIndex(index)
    panel.choices.activated.emit(index)


def parts_of(panel: ComparePanel) -> tuple[Document, TrainingModel]:
    return panel.document, panel.training  # type: ignore[attr-defined] # set by the fixture


def test_two_steps_of_a_training(panel: ComparePanel) -> None:
    document, training = parts_of(panel)
    first, second = small_trace(), changed_trace()
    training.add_recorded(10, first)
    training.add_recorded(100, second)
    document.set_trace(second)
    assert panel.comparison is None
    assert "Choose" in panel.message.text()
    choose(panel, "Step 10 ")
    assert panel.comparison is not None
    assert panel.comparison.before is first
    assert panel.message.text() == "Same graph. 1 value changed, 1 gradient changed."
    assert titles(panel) == ["w (leaf)", "b (leaf)"]


def test_the_list_is_filtered_by_part_and_by_name(panel: ComparePanel) -> None:
    document, _ = parts_of(panel)
    document.set_trace(changed_trace())
    panel.compare_with(small_trace(), "Another")
    panel.parts.setCurrentIndex(panel.parts.findText("Gradients"))
    assert titles(panel) == ["b (leaf)"]
    panel.parts.setCurrentIndex(panel.parts.findText("Everything"))
    panel.filter.setText("w")
    assert titles(panel) == ["w (leaf)"]
    panel.filter.setText("neuron.py:5")
    assert titles(panel) == ["b (leaf)"]


def test_a_row_selects_its_node_and_enter_goes_there(panel: ComparePanel, qtbot: QtBot) -> None:
    document, _ = parts_of(panel)
    document.set_trace(changed_trace())
    panel.compare_with(small_trace(), "Another")
    index = panel.model.index(1, 0)
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=panel.list.visualRect(index).center())
    assert document.selection == B
    with qtbot.waitSignal(panel.node_activated) as caught:
        qtbot.keyClick(panel.list, Qt.Key.Key_Return)
    assert caught.args == [B]


def test_marks_follow_the_list(panel: ComparePanel) -> None:
    document, _ = parts_of(panel)
    document.set_trace(changed_trace())
    panel.compare_with(small_trace(), "Another")
    marks: list[list[int]] = []
    panel.marks_changed.connect(lambda _, nodes: marks.append(nodes))
    panel.mark.setChecked(True)
    panel.filter.setText("b (")
    panel.mark.setChecked(False)
    assert marks == [[W, B], [B], []]


def test_the_original_is_compared_with_at_once_and_follows_every_edit(panel: ComparePanel) -> None:
    document, _ = parts_of(panel)
    original = small_trace()
    document.set_trace(original)
    panel.set_original(original)
    for weight in (0.1, 0.2):
        document.set_trace(changed_trace(weight))
        assert panel.comparison is not None
        change = panel.comparison.change_of(W)
        assert change is not None
        assert change.value is not None
        assert change.value.max_abs == pytest.approx(abs(weight + 0.5), rel=1e-6)
    panel.set_original(None)
    assert panel.comparison is None
    assert panel.choices.itemText(0) == "Nothing recorded yet"


def test_the_trace_before_can_be_chosen_after_another_run(panel: ComparePanel) -> None:
    document, training = parts_of(panel)
    document.set_trace(small_trace())
    document.set_trace(None)
    training.reset()
    document.set_trace(changed_trace())
    choose(panel, "Before: demo:neuron")
    assert len(titles(panel)) == 2


def test_a_saved_trace_and_a_broken_one(panel: ComparePanel, qtbot: QtBot, tmp_path: Path) -> None:
    document, _ = parts_of(panel)
    path = tmp_path / "before.retrograd"
    small_trace().save(path)
    document.set_trace(changed_trace())
    with qtbot.waitSignal(panel.compared, check_params_cb=None):
        panel.compare_with(str(path), path.name)
    qtbot.waitUntil(lambda: panel.comparison is not None)
    assert len(titles(panel)) == 2
    broken = tmp_path / "broken.retrograd"
    broken.write_bytes(b"no trace at all")
    panel.compare_with(str(broken), broken.name)
    qtbot.waitUntil(lambda: "broken.retrograd" in panel.message.text())
    assert panel.comparison is None
    assert not panel.list.isVisible()


def test_identical_traces_say_so(panel: ComparePanel) -> None:
    document, _ = parts_of(panel)
    document.set_trace(small_trace())
    panel.compare_with(small_trace(), "Another")
    assert panel.message.text().startswith("Nothing changed")


def test_what_only_the_other_has_is_listed_but_leads_nowhere(panel: ComparePanel) -> None:
    document, _ = parts_of(panel)
    trace = small_trace()
    shorter = small_trace()
    node = shorter.graph.nodes[SIGMOID]
    node.op, node.kind, node.grad_fn = None, "constant", None
    document.set_trace(shorter)
    panel.compare_with(trace, "Another")
    assert panel.comparison is not None
    kinds = [panel.model.index(row, 0).data(CHANGE_ROLE).graph for row in range(panel.model.rowCount())]
    assert ("removed",) in kinds
    assert ("added",) in kinds
    row = kinds.index(("removed",))
    panel.list.setCurrentIndex(panel.model.index(row, 0))
    assert document.selection is None


def test_a_hidden_panel_compares_when_it_is_shown(panel: ComparePanel) -> None:
    document, _ = parts_of(panel)
    document.set_trace(changed_trace())
    panel.hide()
    panel.compare_with(small_trace(), "Another")
    assert panel.comparison is None
    panel.show()
    assert panel.comparison is not None
