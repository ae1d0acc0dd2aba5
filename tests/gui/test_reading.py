"""gui.reading: what takes long is done before the window sees a trace; gui.garbage: nothing of an old one stays."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from engine.errors import RetrogradError
from engine.graph import repeats
from engine.graph.fold import Folds
from engine.graph.trace import Trace
from gui import garbage
from gui.finding import texts_of
from gui.panels import highlight
from gui.panels.naming import shown_code
from gui.reading import prepared, read
from gui.window import MainWindow
from tests.engine.graph.builder import GraphBuilder

CODE = "import torch\r\nx = 1  # one\n"


def large(blocks: int = 60) -> Trace:
    """More nodes than `garbage.LARGE`, in blocks that repeat each other."""
    build = GraphBuilder()
    x = build.tensor("input", "x")
    for block in range(blocks):
        build.enter(f"block{block}")
        for _ in range(20):
            x = build.op("mul", x, build.tensor("leaf", "w"))
        build.leave()
    trace = build.trace(x)
    trace.sources = {"program.py": CODE}
    return trace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "large.retrograd"
    large().save(path)
    return path


def test_the_window_finds_folds_and_colours_ready(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = read(file)
    assert len(trace.graph.nodes) > garbage.LARGE
    folds = Folds.default_for(trace.graph)
    monkeypatch.setattr(repeats, "_unbroken", None)  # whoever asks for it again fails
    assert Folds.default_for(trace.graph) is folds
    assert Folds.all_folded(trace.graph).runs
    hits = highlight.line_spans.cache_info().hits
    assert highlight.line_spans(shown_code(CODE))
    assert highlight.line_spans.cache_info().hits == hits + 1


def test_a_file_that_is_no_trace_raises_as_it_did(tmp_path: Path) -> None:
    path = tmp_path / "no.retrograd"
    path.write_bytes(b"nothing")
    with pytest.raises(RetrogradError):
        read(path)


def test_small_traces_and_those_without_nodes_are_as_they_were() -> None:
    empty = Trace(graph=GraphBuilder().graph(), backward=[], roots=[])
    assert prepared(empty) is empty


def test_the_palette_is_ready_before_it_is_opened(window: MainWindow, file: Path, qtbot: QtBot) -> None:
    window.open_target(str(file))
    qtbot.waitUntil(lambda: window.document.trace is not None, timeout=20_000)
    trace = window.document.trace
    assert trace is not None
    qtbot.waitUntil(lambda: "_folded_details" in vars(texts_of(trace)), timeout=20_000)


def test_what_was_made_of_old_traces_is_freed_without_a_search_for_garbage(
    window: MainWindow, file: Path, qtbot: QtBot
) -> None:
    seen: list[list[weakref.ref[object]]] = []

    def open_again() -> None:
        before = window.document.trace
        window.open_target(str(file))
        qtbot.waitUntil(lambda: window.document.trace not in (None, before), timeout=20_000)
        qtbot.waitUntil(lambda: window.canvas is not None and not window.canvas.is_laying_out, timeout=20_000)

    gc.disable()
    try:
        for _ in range(3):
            open_again()
            assert window.canvas is not None
            window.document.move_to(5)
            seen.append([weakref.ref(part) for part in (window.document.stepper, window.canvas.scene)])
        assert gc.get_freeze_count() > 0
        assert [part() for part in seen[0]] == [None, None]
        window.workspace.close_target()
        assert gc.get_freeze_count() == 0
    finally:
        gc.enable()
        gc.unfreeze()
