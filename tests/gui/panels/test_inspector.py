"""The inspector describes the right node with the trace's own numbers at every position, and never scrolls sideways."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QScrollBar, QWidget
from pytestqt.qtbot import QtBot

from engine.graph.model import Edge, Graph, Node, SavedTensor, TensorInfo
from engine.graph.numbers import format_number
from engine.graph.trace import BackwardStep, Trace
from gui.document import Document
from gui.panels.inspector import InspectorPanel
from gui.panels.rows import Section
from gui.theme import ThemeManager

from .programs import Neuron, matrices, tensor

X, W, MUL, B, Z, A, Y, LOSS = range(8)


@pytest.fixture
def document(qtbot: QtBot) -> Document:
    return Document()


@pytest.fixture
def panel(qtbot: QtBot, document: Document) -> InspectorPanel:
    themes = ThemeManager(document)
    themes.choose("light")
    panel = InspectorPanel(document, themes)
    qtbot.addWidget(panel)
    panel.resize(280, 800)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def press(section: Section, name: str) -> None:
    """Click a link of a section."""
    QCoreApplication.processEvents()  # the layout's turn
    rows = section.list.rows
    number = next(k for k, row in enumerate(rows) if row.name == name)
    QTest.mouseClick(section.list, Qt.MouseButton.LeftButton, pos=section.list.link_rect(number).center())


def test_without_a_trace_it_says_what_to_do(panel: InspectorPanel) -> None:
    texts = [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]
    assert any("Run a program or open a trace" in text for text in texts)
    assert not panel.header.isVisible()
    assert not panel.value.isVisible()


def test_it_follows_the_step_and_then_the_selection(panel: InspectorPanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    assert panel.header.title.whole_text == "L = torch.nn.functional.binary_cross_entropy(a, y)"
    document.move_to(3)
    assert panel.header.title.whole_text == "z = x * w + b"
    assert panel.header.grad_fn.whole_text == "AddBackward0"
    assert panel.header.form.whole_text == "line 8 · scalar · float32 · cpu"
    document.select(MUL)
    assert panel.header.title.whole_text == "mul"
    assert panel.header.code.whole_text == "z = x * w + b"
    document.select(None)
    assert panel.header.title.whole_text == "z = x * w + b"


def test_value_and_gradient_are_the_recorded_numbers(panel: InspectorPanel, document: Document) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    document.move_to(3)
    assert panel.value.value.number.text == format_number(neuron.z)
    assert panel.value.gradient.number.text == format_number(neuron.grad_z)
    assert str(np.float32(neuron.grad_z)) in panel.value.gradient.number.toolTip()


def test_a_gradient_appears_only_when_the_pass_has_reached_it(
    panel: InspectorPanel, document: Document, qtbot: QtBot
) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(1)
    document.select(W)
    assert panel.value.gradient.note.text() == "Not reached yet: step 6 of 6."
    assert not panel.value.gradient.number.isVisible()
    link = panel.value.run_link
    assert link.isVisible()
    assert link.whole_text == "Run to step 6"
    QTest.mouseClick(link, Qt.MouseButton.LeftButton)
    assert document.cursor == 6
    assert panel.value.gradient.number.isVisible()
    assert link.isHidden()


def test_the_rule_has_its_numbers_put_in_once_it_has_run(panel: InspectorPanel, document: Document) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    document.move_to(5)
    text = "\n".join(panel.rule.texts())
    assert "Multiplication switches" in text
    for number in (neuron.grad_z, neuron.x, neuron.grad_w):
        assert format_number(number) in text
    document.move_to(4)
    document.select(MUL)
    assert format_number(neuron.grad_w) not in "\n".join(panel.rule.texts())


def test_contributions_name_their_consumers_and_are_summed(
    panel: InspectorPanel, document: Document, qtbot: QtBot
) -> None:
    trace = matrices()
    document.set_trace(trace)
    document.move_to(1)
    document.select(0)
    assert panel.arrived.texts().count("still to come") == 2
    assert "0 of 2 have arrived; the gradient is their sum." in panel.arrived.texts()
    document.move_to(2)
    document.select(0)
    weight = trace.value(0)
    assert weight is not None
    texts = panel.arrived.texts()
    assert texts.count(f"norm {format_number(float(np.linalg.norm(weight)))}") == 2
    assert texts[-2:] == ["sum of 2", f"norm {format_number(2 * float(np.linalg.norm(weight)))}"]
    press(panel.arrived, "square (mul)")
    assert document.selection == 1


def test_what_is_handed_on_or_why_not(panel: InspectorPanel, document: Document, qtbot: QtBot) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace())
    document.move_to(5)
    assert panel.handed.texts() == ["x (input)", "none: needs no gradient", "w (leaf)", format_number(neuron.grad_w)]
    document.move_to(1)
    assert panel.handed.texts()[-1] == "none: the target needs no gradient"
    panel.handed.list.setFocus()
    QTest.keyClick(panel.handed.list, Qt.Key.Key_Down)
    QTest.keyClick(panel.handed.list, Qt.Key.Key_Return)
    assert document.selection == A


def test_saved_tensors_and_arguments(panel: InspectorPanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.select(MUL)
    assert panel.saved.texts() == ["self", "x (input)", "1.1 · v0"]
    document.select(Z)
    assert panel.saved.texts() == ["nothing"]
    assert panel.operands.texts() == ["alpha", "1"]


def test_a_leaf_shows_what_grad_held_before_and_after(panel: InspectorPanel, document: Document) -> None:
    neuron = Neuron()
    document.set_trace(neuron.trace(before=-0.5))
    document.select(W)
    assert panel.leaf.texts() == ["before", "−0.5", "after", "still to come"]
    document.move_to(6)
    texts = panel.leaf.texts()
    assert texts[:2] == ["before", "−0.5"]
    assert texts[2:4] == ["+ arrived now", format_number(neuron.grad_w)]
    assert texts[4:6] == ["after", format_number(neuron.grad_w - 0.5)]
    document.select(Z)
    assert not panel.leaf.isVisible()


@pytest.mark.parametrize("width", [220, 280, 420])
def test_it_never_scrolls_sideways(panel: InspectorPanel, document: Document, qtbot: QtBot, width: int) -> None:
    panel.resize(width, 600)
    for trace in (Neuron().trace(), matrices(64, 300, bad=True)):
        document.set_trace(trace)
        document.move_to_end()
        for node in trace.graph.nodes:
            document.select(node.id)
            qtbot.wait(1)
            content, view = panel.area.widget(), panel.area.viewport()
            assert content is not None
            assert content.width() <= view.width()
            inside = [child for child in content.findChildren(QWidget) if child.isVisible()]
            bars = [child for child in inside if isinstance(child, QScrollBar)]
            assert not bars
            right = [child.mapTo(content, child.rect().topRight()).x() for child in inside]
            assert max(right) < view.width()


@pytest.mark.parametrize("width", [220, 320, 480])
def test_tensors_of_many_axes_fit_into_a_narrow_panel(panel: InspectorPanel, document: Document, width: int) -> None:
    panel.resize(width, 600)
    info = tensor(np.random.default_rng(0).normal(size=(2, 12, 3, 16, 16)))
    names = {"op": "aten.native_layer_norm.default", "grad_fn": "NativeLayerNormBackward0"}
    node = Node(id=0, kind="op", outputs=[info, tensor([1.0, 2.0])], **names)  # type: ignore[arg-type]  # its texts
    step = BackwardStep(index=0, node=node, grad_outputs=[info, None])
    document.set_trace(Trace(Graph([node], []), [step], roots=[(0, 0)]))
    document.move_to_end()
    for _ in range(3):
        QCoreApplication.processEvents()
    content, view = panel.area.widget(), panel.area.viewport()
    assert content is not None
    assert content.width() <= view.width()
    assert content.minimumSizeHint().width() <= 220


def test_several_outputs_are_chosen_from_a_list(panel: InspectorPanel, document: Document) -> None:
    first, second = tensor([1.0, 2.0]), tensor([5.0], requires_grad=False)
    node = Node(id=0, kind="op", op="aten.max.dim", grad_fn="MaxBackward0", outputs=[first, second])
    step = BackwardStep(index=0, node=node, grad_outputs=[tensor([1.0, 1.0]), None])
    document.set_trace(Trace(Graph([node], []), [step], roots=[(0, 0)]))
    assert panel.header.outputs.count() == 2
    panel.header.outputs.setCurrentIndex(1)
    assert panel.value.value.number.text == "5"
    assert panel.value.gradient.note.text() == "None flows to this output."


def test_values_that_were_not_kept_say_why(panel: InspectorPanel, document: Document) -> None:
    info = TensorInfo(shape=(5000, 5000), dtype="float32", note="larger than the budget")
    node = Node(id=0, kind="op", op="aten.relu.default", outputs=[info])
    document.set_trace(Trace(Graph([node], []), roots=[(0, 0)]))
    assert panel.value.value.tensor.note == "larger than the budget"
    assert panel.value.gradient.note.text() == "No backward pass was recorded."


def test_names_are_never_markup(panel: InspectorPanel, document: Document) -> None:
    name = "<b>&amp;\u202e" + "x" * 100_000
    consumer = Node(id=1, kind="op", op=name, grad_fn=name, outputs=[tensor(1.0)], params={name: name})
    leaf = Node(id=0, kind="leaf", grad_fn="AccumulateGrad", name=name, outputs=[tensor(1.0)])
    edge = Edge(source=0, output_nr=0, target=1, input_nr=0, grad_index=0)
    steps = [BackwardStep(index=0, node=consumer, grad_outputs=[tensor(1.0)], grad_inputs=[tensor(1.0)])]
    document.set_trace(Trace(Graph([leaf, consumer], [edge]), steps, roots=[(1, 0)]))
    document.move_to(1)
    for label in panel.findChildren(QLabel):
        if label.textFormat() != Qt.TextFormat.RichText:
            assert label.textFormat() == Qt.TextFormat.PlainText, label.text()[:60]
    document.select(0)
    assert panel.header.title.whole_text.startswith("<b>&amp; xxx")
    assert not panel.grab().isNull()


def test_a_theme_change_recolours_it(panel: InspectorPanel, document: Document) -> None:
    document.set_trace(Neuron().trace())
    document.move_to(3)
    light = panel.grab().toImage()
    panel._themes.choose("dark")
    dark = panel.grab().toImage()
    assert light.pixelColor(2, light.height() - 2).lightness() > 200
    assert dark.pixelColor(2, dark.height() - 2).lightness() < 60


def test_the_real_thing_is_shown_at_every_step(panel: InspectorPanel, document: Document) -> None:
    torch = pytest.importorskip("torch")
    from engine import trace
    from engine.demos import DEMOS, load_demo

    for name in ("neuron", "simplenet"):
        function, arguments, keywords = load_demo(DEMOS[name])
        recorded = trace(function, *arguments, **keywords)
        document.set_trace(recorded)
        for position in range(len(recorded.backward) + 1):
            document.move_to(position)
            for node in recorded.graph.nodes:
                document.select(node.id)
                info = recorded.grad_info(node.id)
                if position == len(recorded.backward) and info is not None and info.numel == 1:
                    assert info.array is not None
                    number = float(torch.as_tensor(info.array).reshape(-1)[0])
                    assert panel.value.gradient.number.text == format_number(number)


def test_the_cost_of_a_node(panel: InspectorPanel, document: Document) -> None:
    trace = Neuron().trace()
    node, step = trace.graph.nodes[MUL], trace.step_of(MUL)
    assert step is not None
    node.seconds, step.seconds, node.flops = 12.34e-6, 2e-3, 2_000_000
    node.saved = [
        SavedTensor(name=name, shape=(10,), dtype="float32", nbytes=40, span=(0, 0, 40)) for name in ("self", "other")
    ]
    document.set_trace(trace)
    document.select(MUL)
    rows = panel.cost.texts()
    assert rows == ["forward", "12.3 µs", "backward", "2 ms", "operations", "2 MFLOP", "saved for backward", "40 B"]
    document.select(X)
    assert not panel.cost.isVisible(), "an input costs nothing"
