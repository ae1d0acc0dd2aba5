"""The texts of cards: what they say at every step, and that none leaves its box."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from engine import trace as engine_trace
from engine.graph.drawing import Item
from engine.graph.model import Edge, Graph, Node, TensorInfo
from engine.graph.stepper import Stepper
from engine.graph.trace import Trace
from gui.canvas.fonts import Fonts, plain
from gui.canvas.group_labels import PADDING, Run
from gui.canvas.labels import Labels
from gui.canvas.wording import scalar_text, short_count

from . import builders


def texts(labels: Labels, item: Item, position: int) -> dict[str, str]:
    """Text of each run at a position, with its colour."""
    stepper = Stepper(labels.trace)
    stepper.move_to(position)
    width, height = labels.sizes(item)
    return {run.text: run.colour for run in labels.runs(item, width, height, stepper)}


def node(number: int) -> Item:
    return Item(kind="node", node=number)


def test_a_card_tells_name_op_value_and_state(fonts: Fonts) -> None:
    labels = Labels(builders.neuron(), fonts)
    assert texts(labels, node(4), 0) == {"2.42": "data", "z": "text", "add": "muted", "waiting": "muted"}
    here = texts(labels, node(4), 3)
    assert here["here"] == "accent"
    assert here["∂L/∂z −0.08166"] == "accent"
    assert "done" in texts(labels, node(4), 4)


def test_an_op_without_a_name_shows_only_its_label(fonts: Fonts) -> None:
    labels = Labels(builders.neuron(), fonts)
    found = texts(labels, node(2), 5)
    assert found["mul"] == "text"
    assert found["grad −0.08166"] == "accent"


def test_a_leaf_shows_its_grad_once_it_was_accumulated(fonts: Fonts) -> None:
    labels = Labels(builders.neuron(), fonts)
    assert texts(labels, node(1), 5)["grad None"] == "leaf"
    assert texts(labels, node(1), 6)["grad −0.08983"] == "accent"
    assert texts(labels, node(0), 6) == {"x": "text", "1.1": "data", " · ": "muted", "input": "muted"}


def test_the_loss_shows_its_value_below_its_name(fonts: Fonts) -> None:
    labels = Labels(builders.neuron(), fonts)
    found = texts(labels, node(7), 1)
    assert found["∂L/∂L 1"] == "accent"
    assert found["0.08519"] == "data"
    assert "here" not in found


def test_tensors_show_shapes_and_norms(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    labels = Labels(trace, fonts)
    op = next(n for n in trace.graph.nodes if n.kind == "op")
    found = texts(labels, Item(kind="node", node=op.id, scope=op.scope), len(trace.backward))
    assert "8 × 16" in found
    assert any(text.startswith("‖∂‖ ") for text in found)


def test_without_values_no_number_is_hinted_at(fonts: Fonts) -> None:
    w = torch.ones(2, requires_grad=True)
    trace = engine_trace(lambda: (w * 2).sum(), values="none")
    labels, end = Labels(trace, fonts), len(trace.backward)
    found = {number: set(texts(labels, node(number), end)) for number in range(len(trace.graph.nodes))}
    leaf = next(n.id for n in trace.graph.nodes if n.kind == "leaf")
    assert "has grad" in found[leaf]
    shown = set().union(*found.values()) - {" · "}
    assert not [text for text in shown if "‖" in text or text.endswith("·") or text.startswith("∂")]


def test_inside_its_module_a_parameter_needs_no_path(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    labels = Labels(trace, fonts)
    leaf = trace.leaves()[0]
    assert "fc0.weight" in texts(labels, Item(kind="node", node=leaf.id, scope=leaf.scope), 0)
    assert "block0.fc0.weight" in texts(labels, node(leaf.id), 0)


def test_a_folded_group_counts_its_operations_and_parameters(fonts: Fonts) -> None:
    trace = builders.blocks(2)
    labels = Labels(trace, fonts)
    members = tuple(n.id for n in trace.graph.nodes if n.scope == ("block0",))
    group = Item(kind="group", scope=("block0",), is_folded=True, members=members, repeats=3)
    assert texts(labels, group, 0) == {
        "block0": "text",
        "Block": "muted",
        "×3": "muted",
        "6 ops · 7.2M parameters": "muted",
        "8 × 16": "muted",
    }
    assert set(texts(labels, Item(kind="group", scope=("block0",)), 0)) == {"block0", "Block"}


def hostile(name: str) -> Trace:
    info = builders.tensor(3, 4)
    nodes = [
        Node(id=0, kind="leaf", name=name, outputs=[info], scope=(name,)),
        Node(id=1, kind="op", op=name, name=name, outputs=[info, info], scope=(name,)),
        Node(id=2, kind="op", op="aten.t.default"),
    ]
    edges = [Edge(source=0, output_nr=0, target=1, input_nr=0)]
    return Trace(Graph(nodes, edges), roots=[(1, 0)])


NAMES = ["x", "W" * 400, "a.b" * 50, "<b>&amp;</b>", "\u202eevil\x00\n", "\ud800", "名前" * 40, "💥" * 99, ""]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["node", "chip", "group", "open"])
def test_no_text_ever_leaves_its_box(fonts: Fonts, name: str, kind: str) -> None:
    trace = hostile(name)
    labels = Labels(trace, fonts)
    items = (
        [Item(kind="group", scope=(name,), is_folded=kind == "group", members=(0, 1), repeats=12)]
        if kind in {"group", "open"}
        else [Item(kind="node" if kind == "node" else "chip", node=index) for index in range(3)]
    )
    for item in items:
        width, height = labels.sizes(item)
        runs = labels.runs(item, width, height, Stepper(trace))
        assert_inside(runs, fonts, width, height)


@pytest.mark.parametrize("position", range(7))
def test_the_size_has_room_for_every_state(fonts: Fonts, position: int) -> None:
    trace = builders.neuron()
    labels, stepper = Labels(trace, fonts), Stepper(trace)
    stepper.move_to(position)
    for number in range(len(trace.graph.nodes)):
        for item in (node(number), Item(kind="chip", node=number)):
            width, height = labels.sizes(item)
            runs = labels.runs(item, width, height, stepper)
            assert_inside(runs, fonts, width, height)
            assert not any("…" in run.text for run in runs), "nothing of a small graph is cut"


def assert_inside(runs: tuple[Run, ...], fonts: Fonts, width: float, height: float) -> None:
    for run in runs:
        assert run.x >= PADDING - 1e-6
        assert run.x + fonts.width(run.text, run.face) <= width - PADDING + 1.0
        assert 8 <= run.y <= height - 4 or not run.text.strip()
    rows: dict[float, list[Run]] = {}
    for run in runs:
        rows.setdefault(run.y, []).append(run)
    for row in rows.values():
        row.sort(key=lambda run: run.x)
        for left, right in pairwise(row):
            assert left.x + fonts.width(left.text, left.face) <= right.x + 1e-6, (left, right)


def test_plain_text_shows_what_cannot_be_drawn() -> None:
    assert plain("a\nb\u202ec") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    assert len(plain("x" * 10**6)) < 200
    assert plain("α·∂") == "α·∂"


def test_numbers_in_words() -> None:
    assert [short_count(n) for n in (950, 1000, 12_340, 7_100_000, 1_500_000_000)] == [
        "950",
        "1k",
        "12.3k",
        "7.1M",
        "1.5B",
    ]
    assert scalar_text(TensorInfo(shape=(), dtype="float32")) is None
    assert scalar_text(builders.scalar(float("nan"))) == "NaN"
