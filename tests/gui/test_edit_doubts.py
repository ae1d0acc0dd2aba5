"""What is said when two runs differ by more than the edits: once, in one sentence, with the tensor's name."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from engine.graph.edits import AnyEdit, ScaleGradient, SetSeed, SetValue
from engine.graph.trace import Trace
from engine.graph.values import Values
from gui.background import Background
from gui.document import Document
from gui.edit_doubts import doubt
from gui.editing import Editing, Entry
from gui.widgets.notification import Notification
from tests.engine.traces import W, X, small_trace

UNREACHED = ScaleGradient(node=W, factor=2.0)


def _with(node: int, change: float) -> Trace:
    trace = small_trace()
    info = trace.graph.nodes[node].outputs[0]
    assert info.array is not None
    info.array = info.array + np.asarray(change, info.array.dtype)
    info.recorded_summary = None
    return trace


def test_the_tensor_is_named_with_its_line() -> None:
    text = doubt(small_trace(), _with(X, 1.0), [UNREACHED])
    assert text.startswith("x")
    assert "different in this run although no edit reaches it" in text
    assert "not due to the edit" in text
    assert doubt(small_trace(), small_trace(), [UNREACHED]) == ""
    assert doubt(small_trace(), _with(X, 1.0), [SetValue(node=X, values=Values.of(1.0))]) == ""


def test_a_seed_that_changes_nothing() -> None:
    assert "Nothing differs with this seed" in doubt(small_trace(), small_trace(), [SetSeed(seed=3)])
    assert doubt(small_trace(), _with(X, 1.0), [SetSeed(seed=3)]) == ""


@pytest.mark.parametrize(("edit", "word"), [(UNREACHED, "no edit reaches"), (SetSeed(seed=2), "Nothing differs")])
def test_it_is_told_once_and_taken_back(edit: AnyEdit, word: str, qtbot: QtBot) -> None:
    document, background = Document(), Background()
    editing = Editing(document, background)
    told: list[Notification] = []
    editing.notified.connect(told.append)
    document.set_trace(small_trace())
    editing.entries = (Entry(edit),)
    edited = _with(X, 1.0) if edit is UNREACHED else small_trace()
    for _ in range(2):
        with qtbot.waitSignal(document.numbers_settled, timeout=5000):
            editing._on_bridge_trace_received(edited, None, "edited")
        edited = _with(X, 1.0) if edit is UNREACHED else small_trace()
    assert [(word in found.message, found.level) for found in told] == [(True, "warning")]
    assert word in editing.doubt
    if edit is UNREACHED:
        with qtbot.waitSignal(document.numbers_settled, timeout=5000):
            editing._on_bridge_trace_received(small_trace(), None, "edited")
        assert editing.doubt == ""
    document.set_trace(small_trace())
    assert editing.doubt == ""
    editing.shut_down()
    background.shut_down()
