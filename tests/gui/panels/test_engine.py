"""The engine panel: the ready queue, what waits, contributions and their sum, saved tensors, `.grad`, updates."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from engine import trace
from engine.graph.numbers import format_number
from engine.graph.observation import Observation
from engine.graph.trace import Trace
from gui.document import Document
from gui.panels.engine import EnginePanel, _SharedRow
from gui.panels.engine_rows import MOST_ROWS, Section
from gui.theme import ThemeManager
from tests.engine.traces import small_trace


@pytest.fixture
def document() -> Document:
    return Document()


@pytest.fixture
def panel(document: Document, qtbot: QtBot) -> Iterator[EnginePanel]:
    themes = ThemeManager()
    themes.choose("light")
    panel = EnginePanel(document, themes)
    themes.setParent(panel)
    qtbot.addWidget(panel)
    panel.resize(320, 600)
    panel.show()
    yield panel
    panel.close()


def shown(panel: EnginePanel) -> dict[str, Section]:
    panel.refresh()
    return {section.title: section for section in panel.model.sections}


def fan_out() -> Trace:
    """x is used three times."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    return trace(lambda x: (x.sin() * x + x.exp()).sum(), x, values="all")


def test_the_queue_at_every_step(panel: EnginePanel, document: Document) -> None:
    document.set_trace(small_trace())
    found = shown(panel)
    assert found["Ready"].detail == "1"
    assert found["Waiting"].detail == "5"
    document.move_to(3)
    found = shown(panel)
    assert {row.text for row in found["Ready"].rows} == {"b (leaf)", "mul"}
    assert [(row.text, row.detail) for row in found["Waiting"].rows] == [("w (leaf)", "1 missing")]
    document.move_to_end()
    found = shown(panel)
    assert found["Ready"].detail == found["Waiting"].detail == "0"


def test_contributions_arrive_and_their_sum_is_the_gradient(panel: EnginePanel, document: Document) -> None:
    document.set_trace(fan_out())
    assert document.trace is not None
    leaf = document.trace.leaves()[0].id
    counts = []
    for position in range(document.length):
        document.move_to(position)
        document.select(leaf)
        section = next(value for title, value in shown(panel).items() if title.startswith("Gradient of"))
        counts.append(section.detail)
        coming = [row for row in section.rows if row.detail.startswith("comes with step")]
        assert section.detail == f"{3 - len(coming)} of 3"
        assert ("sum" in section.rows[-1].text) == (len(coming) < 3)
    assert counts[0] == "0 of 3"
    assert counts[-1] == "3 of 3"
    grad = document.trace.grad(leaf)
    assert grad is not None
    assert section.rows[-1].detail == f"norm {float((grad**2).sum()) ** 0.5:.4g}"
    document.move_to(document.length - 2)
    assert "1 of 3 missing" in [row.detail for row in shown(panel)["Waiting"].rows]


def test_saved_tensors_are_freed_with_their_step(panel: EnginePanel, document: Document) -> None:
    document.set_trace(fan_out())
    saved = shown(panel)["Saved"]
    assert saved.rows
    ends = [int(row.detail.rpartition(" ")[2]) for row in saved.rows if "to step" in row.detail]
    assert ends
    assert ends == sorted(ends)
    document.move_to(ends[0])
    assert len(shown(panel)["Saved"].rows) < len(saved.rows)
    document.move_to_end()
    assert shown(panel)["Saved"].detail == "0 B"
    assert not shown(panel)["Saved"].rows


def test_grad_of_a_leaf_before_and_after(panel: EnginePanel, document: Document) -> None:
    document.set_trace(fan_out())
    document.move_to_end()
    assert document.here is not None
    rows = shown(panel)[f"{document.here.node.name}.grad"].rows
    assert [row.text for row in rows] == ["before", "after"]
    grad = document.trace.grad(document.here.node.id) if document.trace is not None else None
    assert grad is not None
    assert [row.detail for row in rows] == ["None", f"norm {float((grad**2).sum()) ** 0.5:.4g}"]


def test_updates_are_listed(panel: EnginePanel, document: Document) -> None:
    document.set_trace(small_trace())
    assert document.trace is not None
    leaves = tuple(leaf.id for leaf in document.trace.leaves())
    document.add_updates([Observation(kind="update", nodes=leaves, text="Adam", amounts=(0.25, None))])
    document.move_to(document.last)
    section = shown(panel)["Updated by Adam"]
    assert [row.detail for row in section.rows] == ["changed", "by 0.25"]


def test_a_row_selects_its_node_and_the_curve_moves_the_cursor(panel: EnginePanel, document: Document) -> None:
    document.set_trace(fan_out())
    panel.refresh()
    ready = panel.model.index(0, 0)
    panel.list.clicked.emit(panel.model.index(0, 0, ready))
    assert document.trace is not None
    assert document.selection == document.trace.roots[0][0]
    QTest.mouseClick(panel.curve, Qt.MouseButton.LeftButton, pos=QPoint(panel.curve.width() - 12, 30))
    assert document.cursor == document.last
    QTest.mouseClick(panel.curve, Qt.MouseButton.LeftButton, pos=QPoint(4, 30))
    assert document.cursor == document.first
    assert not panel.grab().isNull()


def test_collapsed_sections_stay_collapsed(panel: EnginePanel, document: Document) -> None:
    document.set_trace(small_trace())
    panel.refresh()
    panel.list.collapse(panel.model.index(1, 0))
    document.move_to(1)
    panel.refresh()
    titles = [section.title for section in panel.model.sections]
    row = titles.index("Waiting")
    assert not panel.list.isExpanded(panel.model.index(row, 0))
    assert panel.list.isExpanded(panel.model.index(0, 0))


def test_a_panel_behind_others_waits(panel: EnginePanel, document: Document, qtbot: QtBot) -> None:
    document.set_trace(small_trace())
    panel.refresh()
    panel.catch_up(False)
    document.move_to(6)
    panel.refresh()
    assert panel.model.sections[0].detail == "1", "as it was"
    panel.catch_up(True)
    assert panel.model.sections[0].detail == "0"


def test_long_lists_are_cut(panel: EnginePanel, document: Document) -> None:
    x = torch.ones(2, requires_grad=True)

    def long(x: torch.Tensor) -> torch.Tensor:
        for _ in range(60):
            x = x.sin()
        return x.sum()

    document.set_trace(trace(long, x))
    rows = shown(panel)["Waiting"].rows
    assert len(rows) == MOST_ROWS + 1
    assert rows[-1].text == f"… and {61 - MOST_ROWS} more"


@pytest.mark.parametrize("width", [270, 300, 480])
def test_each_row_gives_its_name_what_its_detail_leaves(panel: EnginePanel, document: Document, width: int) -> None:
    panel.resize(width, 600)
    document.set_trace(small_trace())
    delegate = panel.list.itemDelegate()
    assert isinstance(delegate, _SharedRow)
    for position in range(document.first, document.last + 1):
        document.move_to(position)
        panel.refresh()
        for place, section in enumerate(panel.model.sections):
            parent = panel.model.index(place, 0)
            for number, row in enumerate(section.rows):
                index = panel.model.index(number, 0, parent)
                font = panel.model.number_font if row.is_number else panel.list.font()
                needed = QFontMetrics(font).horizontalAdvance(row.detail)
                assert needed + 12 <= delegate.detail_width(index) <= needed + 20
    picture = panel.list.grab().toImage()
    assert picture.width() == panel.list.width()


def test_gradients_have_the_colour_and_the_face_of_gradients(panel: EnginePanel, document: Document) -> None:
    document.set_trace(small_trace())
    document.move_to(document.length)
    rows = next(section.rows for title, section in shown(panel).items() if title.endswith(".grad"))
    assert [(row.text, row.color, row.is_number) for row in rows] == [
        ("before", "muted", False),
        ("after", "accent", True),
    ]


def test_a_root_that_others_read_shows_its_own_start_in_the_sum(panel: EnginePanel, document: Document) -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)

    def several() -> tuple[torch.Tensor, ...]:
        a = w * 2
        return a, (a * 3).sum(), (a * a).sum()

    recorded = trace(several, values="all")
    document.set_trace(recorded)
    root = next(node for node, _ in recorded.roots if recorded.graph.nodes[node].name == "a")
    document.move_to_end()
    document.select(root)
    (section,) = (section for title, section in shown(panel).items() if title.startswith("Gradient of a"))
    assert section.rows[0].text == "the backward pass starts here"
    assert section.rows[0].detail == f"norm {format_number(2**0.5)}", "ones"
    expected = torch.ones(2) + 3 + 2 * (w.detach() * 2)
    assert section.rows[-1].text == "sum"
    assert section.rows[-1].detail == f"norm {format_number(float(expected.norm()))}"
    assert torch.equal(torch.tensor(recorded.grad(root)), expected)


def test_more_contributions_than_rows_are_all_counted(panel: EnginePanel, document: Document) -> None:
    w = torch.tensor(1.5, requires_grad=True)
    recorded = trace(lambda: torch.stack([w * k for k in range(1, 31)]).sum(), values="all")
    document.set_trace(recorded)
    leaf = recorded.leaves()[0].id
    document.move_to(recorded.backward[-1].index)
    document.select(leaf)
    (section,) = (section for title, section in shown(panel).items() if title.startswith("Gradient of w"))
    assert section.detail == "30 of 30"
    texts = [row.text for row in section.rows]
    assert "sum" in texts
    assert section.rows[texts.index("sum")].detail == format_number(float(sum(range(1, 31))))


def test_every_output_has_its_own_sum(panel: EnginePanel, document: Document) -> None:
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)

    def split() -> torch.Tensor:
        _, second = (x * 1).split(2)
        total: torch.Tensor = (second * second).sum() + second.sum() * 3
        return total

    recorded = trace(split, values="all")
    document.set_trace(recorded)
    node = next(node for node in recorded.graph.nodes if node.label.startswith("split"))
    document.move_to_end()
    document.select(node.id)
    titles = [title for title in shown(panel) if title.startswith("Gradient of")]
    assert len(titles) == 1
    assert titles[0].endswith("output 1")
    gradient = recorded.grad(node, 1)
    assert gradient is not None
    section = shown(panel)[titles[0]]
    assert section.rows[-1].detail == f"norm {format_number(float((gradient**2).sum() ** 0.5))}"


def test_who_needs_a_saved_tensor_is_said_where_there_is_room(panel: EnginePanel, document: Document) -> None:
    document.set_trace(small_trace())
    rows = shown(panel)["Saved"].rows
    place = [section.title for section in panel.model.sections].index("Saved")
    number = next(number for number, row in enumerate(rows) if row.more)
    row, index = rows[number], panel.model.index(number, 0, panel.model.index(place, 0))
    delegate = panel.list.itemDelegate()
    assert isinstance(delegate, _SharedRow)
    written = []
    for width in (600, 60):
        option = QStyleOptionViewItem()
        option.rect = QRect(0, 0, width, 24)
        delegate.initStyleOption(option, index)
        written.append(option.text)
    assert written == [row.whole_text, row.text]
    assert row.more.startswith(" for ")
    assert row.whole_text in str(index.data(Qt.ItemDataRole.ToolTipRole))
    assert row.detail in str(index.data(Qt.ItemDataRole.ToolTipRole))


def test_names_in_tooltips_are_never_markup(panel: EnginePanel, document: Document) -> None:
    recorded = small_trace()
    for node in recorded.graph.nodes:
        node.name = "<b>x</b>"
    document.set_trace(recorded)
    shown(panel)
    index = panel.model.index(0, 0, panel.model.index(0, 0))
    assert "&lt;b&gt;x" in str(index.data(Qt.ItemDataRole.ToolTipRole))
