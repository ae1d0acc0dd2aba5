"""A canvas with its document, shown offscreen, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from engine.graph.trace import Trace
from gui.canvas.fonts import Fonts
from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.theme import ThemeManager

Show = Callable[..., GraphCanvas]


@pytest.fixture
def fonts(qapp: object) -> Fonts:
    return Fonts()


@pytest.fixture
def show(qtbot: QtBot) -> Iterator[Show]:
    """Call it with a trace for a shown canvas of 900 × 600 pixels in the light theme."""
    made: list[GraphCanvas] = []

    def build(trace: Trace | None = None, width: int = 900, height: int = 600) -> GraphCanvas:
        document, themes = Document(), ThemeManager()
        themes.choose("light")
        canvas = GraphCanvas(document, themes)
        document.setParent(canvas)
        themes.setParent(canvas)
        qtbot.addWidget(canvas)
        canvas.resize(width, height)
        canvas.show()
        qtbot.waitExposed(canvas)
        if trace is not None:
            document.set_trace(trace)
            qtbot.waitUntil(lambda: not canvas.is_laying_out)
        made.append(canvas)
        return canvas

    yield build
    for canvas in made:
        canvas.escape()
        canvas.wait_for_layout()
