"""The calls around an operation at the foot of the code: links to lines, elided in the middle."""

from __future__ import annotations

from itertools import pairwise

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.graph.model import Source
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.code_calls import CallChain, call_text
from gui.panels.source import SourcePanel
from gui.theme import DARK, LIGHT, ThemeManager
from tests.engine.graph.builder import GraphBuilder

MODEL, MAIN, ELSEWHERE = "/home/user/model.py", "/home/user/train.py", "/home/user/gone.py"
STACK = (
    Source(MODEL, 71, "Block.forward"),
    Source(MODEL, 91, "GPT.forward"),
    Source(ELSEWHERE, 5, "wrapped"),
    Source(MAIN, 23, "main.<locals>.loss_of"),
    Source(MAIN, 40, "<module>"),
)


def program() -> tuple[Trace, int]:
    """A product inside five calls, of which one is in a file that is not known, and a sum at the top."""
    build = GraphBuilder()
    weight, x = build.tensor("leaf", "w"), build.tensor("input", "x")
    build.enter("h.0", "Block")
    product = build.op("mul", weight, x, name="y")
    build.leave()
    loss = build.op("sum", product, name="loss")
    trace = build.trace(loss)
    build.nodes[product].put_at(STACK)
    build.nodes[loss].source = Source(MAIN, 41, "<module>")
    trace.sources = {MODEL: "\n" * 120, MAIN: "\n" * 60}
    return trace, product


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(qtbot: QtBot, document: Document) -> SourcePanel:
    panel = SourcePanel(document, ThemeManager(document))
    qtbot.addWidget(panel)
    panel.resize(900, 300)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


@pytest.fixture
def chain(qtbot: QtBot) -> CallChain:
    chain = CallChain(LIGHT)
    qtbot.addWidget(chain)
    chain.set_calls(STACK, {MODEL, MAIN})
    chain.resize(900, 20)
    chain.show()
    qtbot.waitExposed(chain)
    return chain


def test_the_whole_chain_where_there_is_room(panel: SourcePanel, document: Document) -> None:
    trace, product = program()
    document.set_trace(trace)
    document.select(product)
    assert panel.calls.whole_text == "train.py:40 › loss_of:23 › wrapped:5 › GPT.forward:91 › Block.forward:71"
    assert panel.calls.shown_text == panel.calls.whole_text
    assert [link.isEnabled() for link in panel.calls.links] == [True, True, False, True, True]
    assert f"{MODEL}, line 71" in panel.calls.links[-1].toolTip()
    assert "h.0" in panel.calls.links[-1].toolTip()
    assert "not in the trace" in panel.calls.links[2].toolTip()
    document.select(trace.roots[0][0])  # its stack is not known, as in an older file
    assert panel.calls.whole_text == "train.py:41"
    assert [link.isVisible() for link in panel.calls.links] == [True]


def test_a_link_shows_its_line_until_the_selection_moves(panel: SourcePanel, document: Document, qtbot: QtBot) -> None:
    trace, product = program()
    document.set_trace(trace)
    document.select(product)
    assert panel.file == MODEL
    qtbot.mouseClick(panel.calls.links[1], Qt.MouseButton.LeftButton)
    assert panel.file == MAIN
    assert panel.view.firstVisibleBlock().blockNumber() < 23 < panel.view.firstVisibleBlock().blockNumber() + 30
    assert document.selection == product
    assert panel.view.marks[1] == 23
    panel.calls.links[3].setFocus()
    qtbot.keyClick(panel.calls.links[3], Qt.Key.Key_Space)
    assert panel.file == MODEL
    assert panel.view.marks[1] == 91
    document.select(trace.roots[0][0])
    assert panel.file == MAIN
    assert panel.view.marks[1] == 41


def test_every_known_call_is_reached_by_tab(chain: CallChain, qtbot: QtBot) -> None:
    chain.links[0].setFocus()
    reached = []
    for _ in range(4):
        focused = chain.focusWidget()
        reached.append(chain.links.index(focused))  # type: ignore[arg-type]  # every one is a link
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert reached == [0, 1, 3, 4]


def test_the_middle_is_left_out_when_it_is_narrow(chain: CallChain, qtbot: QtBot) -> None:
    texts = [call_text(source) for source in STACK[::-1]]
    counts = []
    for width in range(chain.sizeHint().width() + 20, 60, -7):
        chain.resize(width, 20)
        shown = [link for link in chain.links if link.isVisible()]
        counts.append(len(shown))
        assert shown[-1].whole_text == texts[-1]
        assert chain.more.isVisible() == (len(shown) < len(texts))
        visible = sorted([*shown, *([chain.more] if chain.more.isVisible() else [])], key=lambda link: link.x())
        for left, right in pairwise(visible):
            assert left.geometry().right() < right.x()
        if len(shown) > 1:
            assert visible[-1].geometry().right() <= width
            assert all(link.width() >= link.sizeHint().width() for link in shown)
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (5, 1)
    chain.resize(chain.sizeHint().width() - 60, 20)
    assert chain.shown_text == f"{texts[0]} › … › {texts[-2]} › {texts[-1]}"
    with qtbot.waitSignal(chain.call_chosen) as caught:
        qtbot.mouseClick(chain.more, Qt.MouseButton.LeftButton)
        assert [(action.text(), action.isEnabled()) for action in chain.menu.actions()] == [
            ("loss_of:23", True),
            ("wrapped:5", False),
        ]
        chain.menu.actions()[0].trigger()
    chain.menu.close()
    assert caught.args == [MAIN, 23]


def test_it_takes_the_colours_of_the_theme(chain: CallChain) -> None:
    before = chain.grab().toImage()
    chain.set_theme(DARK)
    assert chain.grab().toImage() != before


def test_nothing_is_left_of_a_longer_chain(chain: CallChain) -> None:
    chain.set_calls(STACK[-1:], {MAIN})
    assert chain.shown_text == chain.whole_text == "train.py:40"
    chain.set_calls((), ())
    assert chain.whole_text == ""
    assert not chain.more.isVisible()


def test_links_are_placed_anew_once_the_font_is_the_one_that_is_drawn(chain: CallChain) -> None:
    chain.set_calls(STACK[:1], {MODEL})
    chain.hide()
    small = chain.font()
    large = chain.font()
    large.setPointSizeF(3 * small.pointSizeF())
    chain.setFont(large)
    chain._place()
    chain.setFont(small)  # what a style sheet does when the widget is first shown
    chain.show()
    assert chain.links[0].height() == chain.sizeHint().height()
