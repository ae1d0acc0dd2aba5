"""Links look like text in the real window: a style sheet of buttons must not make them higher, in either theme."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from gui.widgets.text import LinkButton
from gui.window import MainWindow


def test_links_keep_the_height_of_a_line_when_the_theme_changes(
    window: MainWindow, trace_file: Path, qtbot: QtBot
) -> None:
    window.open_target(str(trace_file))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    late = LinkButton("added later", QColor("black"), window)
    for name in ("dark", "light", "dark"):
        late.setVisible(name != "light")
        window.themes.choose("dark" if name == "dark" else "light")
        qtbot.wait(20)
        links = [link for link in window.findChildren(LinkButton) if link.isVisible()]
        assert len(links) > 5
        assert {link.whole_text: link.height() for link in links} == {
            link.whole_text: link.sizeHint().height() for link in links
        }
    assert window.panels is not None
    calls = window.panels.source.calls
    assert calls.links
    assert all(calls.rect().contains(link.geometry()) for link in calls.links)
