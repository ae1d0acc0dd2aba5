"""Links beside each other: whole at every width."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from gui.widgets.elided_check_box import ElidedCheckBox
from gui.widgets.flow_row import FlowRow
from gui.widgets.text import LinkButton

TEXTS = ("Stop the check", "Hide the Jacobian", "Hide PyTorch’s formula")


def _row(qtbot: QtBot, width: int) -> tuple[QWidget, FlowRow]:
    outer = QWidget()
    qtbot.addWidget(outer)
    column = QVBoxLayout(outer)
    column.setContentsMargins(0, 0, 0, 0)
    row = FlowRow(outer, spacing=16)
    for text in TEXTS:
        row.add(LinkButton(text, QColor("black"), row))
    column.addWidget(row)
    column.addStretch(1)
    outer.resize(width, 300)
    outer.show()
    qtbot.waitExposed(outer)
    return outer, row


@pytest.mark.parametrize("width", [160, 220, 288, 448])
def test_links_are_whole_and_apart_at_every_width(qtbot: QtBot, width: int) -> None:
    _, row = _row(qtbot, width)
    for link in row.widgets:
        assert link.width() >= link.sizeHint().width()
        assert row.rect().contains(link.geometry())
    for one, other in zip(row.widgets, row.widgets[1:], strict=False):
        assert not one.geometry().intersects(other.geometry())


def test_the_row_is_one_line_where_there_is_room(qtbot: QtBot) -> None:
    _, row = _row(qtbot, 600)
    assert len({link.y() for link in row.widgets}) == 1
    assert row.height() == row.widgets[0].height()


def test_a_link_that_is_added_later_is_seen(qtbot: QtBot) -> None:
    outer, row = _row(qtbot, 600)
    link = LinkButton("zero", QColor("black"), outer)
    row.add(link)
    assert link.isVisible()
    assert link.geometry().left() > row.widgets[-2].geometry().right()


def test_a_row_that_is_added_to_a_visible_window_is_seen_with_its_links(qtbot: QtBot) -> None:
    outer, _ = _row(qtbot, 600)
    row = FlowRow(outer, spacing=8)
    link = LinkButton("zero", QColor("black"), outer)
    row.add(link)
    layout = outer.layout()
    assert layout is not None
    layout.addWidget(row)
    qtbot.waitUntil(lambda: link.isVisible() and link.width() >= link.sizeHint().width())


def test_hidden_links_take_no_room(qtbot: QtBot) -> None:
    _, row = _row(qtbot, 160)
    height = row.height()
    row.widgets[0].hide()
    qtbot.waitUntil(lambda: row.height() < height)
    assert row.widgets[1].geometry().topLeft() == row.rect().topLeft()
    for link in row.widgets[1:]:
        link.hide()
    qtbot.waitUntil(lambda: row.height() == 0)
    row.widgets[2].show()
    qtbot.waitUntil(lambda: row.height() > 0 and row.widgets[2].x() == 0)


def test_a_longer_text_moves_to_the_next_line(qtbot: QtBot) -> None:
    _, row = _row(qtbot, 420)
    link = row.widgets[1]
    assert isinstance(link, LinkButton)
    last = row.widgets[2]
    link.set_text("Hide the Jacobian, which is a large one")
    qtbot.waitUntil(lambda: last.y() > link.y())
    assert link.width() >= link.sizeHint().width()


def test_a_short_link_is_no_wider_than_its_text(qtbot: QtBot) -> None:
    link = LinkButton("Pin", QColor("black"))
    qtbot.addWidget(link)
    assert link.minimumSizeHint().width() <= link.fontMetrics().horizontalAdvance("Pin") + 2


def test_a_long_check_box_is_elided_in_the_middle_and_whole_in_its_tooltip(qtbot: QtBot) -> None:
    text = "Cut donaudampfschifffahrtsgesellschaftskapitaen → a & b"
    box = ElidedCheckBox(text, "Detach here")
    qtbot.addWidget(box)
    box.resize(200, 20)
    box.show()
    assert "…" in box.text()
    assert box.text().endswith("a && b")
    assert box.fontMetrics().horizontalAdvance(box.text().replace("&&", "&")) <= 200 - 16
    assert "donaudampfschifffahrtsgesellschaftskapitaen → a &amp; b" in box.toolTip()
    assert box.accessibleName() == text
    box.resize(900, 20)
    assert box.text() == text.replace("&", "&&")
    assert box.toolTip() == "<qt>Detach here</qt>"
