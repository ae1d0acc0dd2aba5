"""A real worker runs a program again with edits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.graph.edits import SetSeed, SetValue
from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.graph.values import Values
from engine.session.messages import EditsRefused, RunEdited, TraceReady
from engine.storage.trace_file import loads

from ..session.watch import Watch, watched

SCRIPT = """
import torch
w = torch.tensor(2.0, requires_grad=True)
for step in range(3):
    loss = (w - 5) ** 2
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        w.grad = None
"""


@pytest.fixture
def _nothing_left_behind() -> None:
    """Tests here share warm workers, which outlive them; `watched` proves at the end that nothing is left."""


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    with watched(tmp_path_factory.mktemp("runs"), keep_spare=False) as made:
        yield made


def _answer(watch: Watch, request: RunEdited) -> Trace | EditsRefused:
    watch.events.clear()
    watch.supervisor.run_edited(request)
    assert watch.outcome().kind == "finished"
    for event, body in list(watch.events):
        if isinstance(event, TraceReady):
            assert event.reason == "edited"
            return loads(bytes(body))
        if isinstance(event, EditsRefused):
            return event
    raise AssertionError("no answer came")


def _node(trace: Trace, name: str) -> int:
    return next(node.id for node in trace.graph.nodes if node.name == name)


def test_a_demo_with_another_weight(watch: Watch) -> None:
    assert watch.run("demo:neuron").kind == "finished"
    original = watch.trace("result")
    request = RunEdited(
        target="demo:neuron",
        structure=fingerprint(original),
        edits=(SetValue(node=_node(original, "w"), values=Values.of(0.0)),),
    )
    for _ in range(2):  # the second time the program is loaded already
        trace = _answer(watch, request)
        assert isinstance(trace, Trace)
        # dL/dw = -(1 - a) x with a = sigmoid(0)
        assert trace.grad(_node(trace, "w")) == pytest.approx(-0.55, rel=1e-6)


def test_what_does_not_fit_is_refused(watch: Watch) -> None:
    refused = _answer(watch, RunEdited(target="demo:neuron", structure="another", edits=(SetSeed(seed=1),)))
    assert isinstance(refused, EditsRefused)
    assert "did something else" in refused.message
    gone = _answer(watch, RunEdited(target="/nowhere.py:loss", structure=""))
    assert isinstance(gone, EditsRefused)
    assert "nowhere" in gone.message


def test_an_edit_that_makes_the_program_raise(watch: Watch) -> None:
    assert watch.run("demo:simplenet").kind == "finished"
    original = watch.trace("result")
    edit = SetValue(node=_node(original, "inputs"), values=Values.of(np.ones((1, 3), np.float32)))
    refused = _answer(watch, RunEdited(target="demo:simplenet", structure=fingerprint(original), edits=(edit,)))
    assert isinstance(refused, EditsRefused)
    assert refused.node is not None
    assert original.graph.nodes[refused.node].op == "aten.addmm.default"
    assert refused.file is not None
    assert refused.file.endswith("simplenet.py")
    assert "RuntimeError" in refused.traceback


def test_a_step_of_a_script(watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "steps.py"
    path.write_text(SCRIPT)
    assert watch.run(str(path)).kind == "finished"
    original = watch.trace("first")
    edit = SetValue(node=_node(original, "w"), values=Values.of(4.0))
    request = RunEdited(target=str(path), structure=fingerprint(original), edits=(edit,), step=0)
    trace = _answer(watch, request)
    assert isinstance(trace, Trace)
    assert trace.loss == 1.0
    assert trace.grad(_node(trace, "w")) == -2.0
    refused = _answer(watch, RunEdited(target=str(path), structure="", edits=(edit,)))
    assert isinstance(refused, EditsRefused)
    assert "no step of steps.py" in refused.message


SLOW = """
import time
import torch
time.sleep(0.3)
batches = (torch.full((2,), float(k)) for k in range(9))
w = torch.ones(2, requires_grad=True)
with open(__file__ + ".builds", "a") as builds:
    builds.write("x")

def loss():
    return (w * {x}).sum()
"""


@pytest.mark.parametrize(("x", "builds"), [("torch.ones(2)", 2), ("next(batches)", 4)])
def test_a_program_stays_built_or_says_why_not(x: str, builds: int, watch: Watch, tmp_path: Path) -> None:
    path = tmp_path / "slow_to_build.py"
    text = SLOW.replace("{x}", x)
    path.write_text(text if x.startswith("next") else text.replace("batches = (", "batches = list("))
    target = f"{path}:loss"
    assert watch.run(target).kind == "finished"
    original = watch.trace("result")
    for number in range(2):
        edit = SetValue(node=_node(original, "w"), values=Values.of(np.full(2, 3.0 + number)))
        trace = _answer(watch, RunEdited(target=target, structure=fingerprint(original), edits=(edit,)))
        assert isinstance(trace, Trace)
        why = [note for note in trace.notes if "built anew" in note]
        expected = (
            "The program is built anew for every edit, because batches is a generator, which cannot be wound back."
        )
        assert why == ([expected] if builds == 4 else [])
    assert len(Path(f"{path}.builds").read_text()) == builds
