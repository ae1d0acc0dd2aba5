"""gui.window: the real window with a saved trace: stepping, scrubbing, folding, finding, themes, remembered panels."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMessageBox
from pytestqt.qtbot import QtBot

from engine.catalogue import DEMOS
from gui.actions import COMMANDS, shortcut_text
from gui.app import make_window
from gui.docks import PLACES
from gui.settings import Settings
from gui.style import tokens
from gui.widgets.notification import Notification
from gui.widgets.shortcut_sheet import ShortcutSheet
from gui.window import MainWindow


def _is_in_front(window: MainWindow, name: str) -> bool:
    """Whether a panel is seen: Qt puts those behind a tab outside the window."""
    dock = window.docks.docks[name]
    return dock.isVisible() and window.rect().intersects(dock.geometry())


def test_welcome_page_offers_every_demo_and_no_empty_panel(window: MainWindow) -> None:
    assert window.stack.currentWidget() is window.welcome
    assert [card.demo for card in window.welcome.cards] == list(DEMOS)
    assert not any(dock.isVisible() for dock in window.docks.docks.values())


def test_opened_trace_fills_the_window(opened: MainWindow, trace_file: Path) -> None:
    assert opened.stack.currentWidget() is opened.canvas
    visible = {name for name in opened.docks.docks if _is_in_front(opened, name)}
    assert visible == {"code", "inspector", "timeline", "loss"}  # the others are behind their tabs
    assert all(dock.widget() is not None for dock in opened.docks.docks.values())
    assert opened.windowTitle() == "neuron.retrograd – Retrograd"
    assert opened.settings.values.recent[0] == str(trace_file)
    assert opened.busy.isHidden()


def test_step_to_the_end_and_back(opened: MainWindow, qtbot: QtBot) -> None:
    document, toolbar = opened.document, opened.toolbar
    assert document.trace is not None
    for step in document.trace.backward:
        QTest.mouseClick(toolbar.step, Qt.MouseButton.LeftButton)
        assert f"backward {step.index + 1} of {document.length}" in toolbar.position.text()
        assert str(step.node.grad_fn) in toolbar.position.text()
    assert not toolbar.step.isEnabled()
    for _ in range(document.length):
        QTest.mouseClick(toolbar.back, Qt.MouseButton.LeftButton)
    assert document.cursor == 0
    assert "backward steps" in toolbar.position.text()
    for left in range(-document.first):
        QTest.mouseClick(toolbar.back, Qt.MouseButton.LeftButton)
        done = -document.first - left - 1
        assert f"forward {done} of" in toolbar.position.text() or done == 0
    assert document.cursor == document.first
    assert not toolbar.back.isEnabled()
    assert "nothing has run" in toolbar.position.text()


def test_play_moves_on_by_itself_and_stops_at_the_end(opened: MainWindow, qtbot: QtBot) -> None:
    opened.playback.set_speed(500.0)
    QTest.mouseClick(opened.toolbar.play, Qt.MouseButton.LeftButton)
    assert opened.toolbar.play.text() == "Pause"
    qtbot.waitUntil(lambda: not opened.playback.is_playing)
    assert opened.document.cursor == opened.document.length
    assert opened.toolbar.play.text() == "Play"


def test_run_to_selected(opened: MainWindow, qtbot: QtBot) -> None:
    document = opened.document
    assert document.trace is not None
    last = document.trace.backward[-1]
    document.select(last.node.id)
    QTest.mouseClick(opened.toolbar.run_to, Qt.MouseButton.LeftButton)
    assert document.cursor == last.index + 1


def test_palette_finds_a_command(opened: MainWindow, qtbot: QtBot) -> None:
    assert opened.canvas is not None
    QTest.keyClick(opened.canvas, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = opened.palette_
    assert palette.isVisible()
    assert palette.geometry().top() > opened.toolbar.geometry().bottom()  # the position stays in sight
    QTest.keyClicks(palette.field, "to the end")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert opened.document.cursor == opened.document.length


def test_palette_finds_a_variable_and_centres_it(opened: MainWindow, qtbot: QtBot) -> None:
    document, canvas = opened.document, opened.canvas
    assert document.trace is not None
    assert canvas is not None
    node = next(node for node in document.trace.graph.nodes if node.kind == "leaf")
    opened.show_palette()
    QTest.keyClicks(opened.palette_.field, f"{node.name} · {node.label}")
    QTest.keyClick(opened.palette_.field, Qt.Key.Key_Return)
    assert document.selection == node.id

    def is_centred() -> bool:
        item = canvas.scene.item_of(node.id) if canvas.scene is not None else None
        if item is None or canvas.scene is None:
            return False
        x, y, right, bottom = canvas.scene.rects[item].tolist()
        place = canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)
        return abs(place[0] - canvas.width() / 2) < 2 and abs(place[1] - canvas.height() / 2) < 2

    qtbot.waitUntil(is_centred)


def test_palette_escape_changes_nothing(opened: MainWindow, qtbot: QtBot) -> None:
    opened.document.select(2)
    opened.show_palette()
    QTest.keyClicks(opened.palette_.field, "zzzzqqq")
    assert opened.palette_.results == []
    QTest.keyClick(opened.palette_.field, Qt.Key.Key_Escape)
    assert not opened.palette_.isVisible()
    assert opened.document.selection == 2


def test_theme_switches_live_and_is_remembered(opened: MainWindow, qtbot: QtBot) -> None:
    opened.actions_["theme_light"].trigger()
    light = opened.grab().toImage()
    opened.actions_["theme_dark"].trigger()
    dark = opened.grab().toImage()
    assert opened.themes.theme.is_dark
    assert opened.actions_["theme_dark"].isChecked()
    for image, is_dark in ((light, False), (dark, True)):
        corner = image.pixelColor(image.width() // 2, opened.toolbar.geometry().bottom() - 3)
        assert (corner.lightness() < 128) == is_dark
    assert Settings(opened.settings.path).values.theme == "dark"
    assert tokens(opened.themes.theme)["background"].upper() == "#14171C"
    opened.actions_["theme_system"].trigger()
    assert Settings(opened.settings.path).values.theme is None


def test_layout_and_overlay_are_chosen_from_the_menus(opened: MainWindow, qtbot: QtBot) -> None:
    panels, canvas = opened.panels, opened.canvas
    assert panels is not None
    assert canvas is not None
    for title, _, actions in panels.choices():
        if title == "Layout":
            actions[-1].trigger()
            assert canvas.method == actions[-1].data()
            assert opened.settings.values.layout_method == actions[-1].data()
        elif title == "Overlay":
            actions[-1].trigger()
            assert canvas.overlay == actions[-1].data()
            assert actions[-1].text() in opened.toolbar.overlay_menu.toolTip()
    qtbot.waitUntil(lambda: not canvas.is_laying_out)


def test_failure_to_open_keeps_what_is_open(opened: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    trace = opened.document.trace
    damaged = tmp_path / "damaged.retrograd"
    damaged.write_bytes(b"\x08" + b"\x00" * 40)
    opened.open_target(str(damaged))
    qtbot.waitUntil(lambda: bool(opened.notifications.shown))
    assert opened.notifications.shown[0].level == "error"
    assert opened.document.trace is trace
    opened.open_target("no such file")
    assert "no such file" in opened.notifications.shown[0].message
    assert opened.windowTitle().startswith("neuron.retrograd")


def test_close_target_returns_to_the_welcome_page_with_the_file_among_the_recent(opened: MainWindow) -> None:
    opened.actions_["close_target"].trigger()
    assert opened.stack.currentWidget() is opened.welcome
    assert opened.document.trace is None
    assert not any(dock.isVisible() for dock in opened.docks.docks.values())
    assert opened.windowTitle() == "Retrograd"


def test_dropped_file_is_opened(window: MainWindow, trace_file: Path, qtbot: QtBot) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(trace_file))])
    event = QDropEvent(
        QPointF(50, 50), Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    window.dropEvent(event)
    qtbot.waitUntil(lambda: window.document.trace is not None)


def test_script_is_asked_for_before_it_runs(window: MainWindow, tmp_path: Path, qtbot: QtBot) -> None:
    canary = tmp_path / "ran"
    script = tmp_path / "script.py"
    script.write_text(f"open({str(canary)!r}, 'w')")
    window.open_target(str(script))
    box = window.findChild(QMessageBox)
    assert box is not None
    assert "script.py" in box.text()
    assert "your rights" in box.informativeText()
    box.reject()
    assert not window.workspace.is_running
    assert not window.settings.is_trusted(script)
    assert not canary.exists()


def test_panels_are_remembered(qtbot: QtBot, trace_file: Path) -> None:
    first, crash = make_window(warm_up=False)
    first.show()
    first.build_panels()
    first.open_target(str(trace_file))
    qtbot.waitUntil(lambda: first.document.trace is not None)
    first.docks.docks["code"].hide()
    first.docks.docks["lesson"].hide()
    first.docks.raise_("console")
    first.close_now()
    crash.uninstall()
    first.deleteLater()
    second, crash = make_window(warm_up=False)
    second.show()
    second.build_panels()
    second.open_target(str(trace_file))
    qtbot.waitUntil(lambda: second.document.trace is not None)
    docks = second.docks.docks
    assert not docks["code"].isVisible()
    assert not docks["lesson"].isVisible()
    qtbot.waitUntil(lambda: _is_in_front(second, "console"))
    second.reset_docks()
    assert docks["code"].isVisible()
    second.close_now()
    crash.uninstall()
    second.deleteLater()


@pytest.mark.parametrize("state", ["", "AAAA", "bm90IGEgc3RhdGU=", "!!!"])
def test_foreign_state_of_the_panels_gives_the_first_places(state: str, qtbot: QtBot, trace_file: Path) -> None:
    Settings().update(window_state=state, window_geometry=state)
    window, crash = make_window(warm_up=False)
    window.show()
    window.build_panels()
    window.open_target(str(trace_file))
    qtbot.waitUntil(lambda: window.document.trace is not None)
    for place in PLACES:
        assert window.dockWidgetArea(window.docks.docks[place.name]) == place.area
    assert window.docks.docks["code"].isVisible()
    assert window.width() >= window.minimumWidth()
    window.close_now()
    crash.uninstall()
    window.deleteLater()


@pytest.mark.parametrize("size", [(1280, 800), (1440, 900), (2560, 1440)])
def test_toolbar_fits_and_nothing_overlaps(opened: MainWindow, size: tuple[int, int], qtbot: QtBot) -> None:
    opened.resize(*size)
    opened.document.move_to(3)
    qtbot.waitUntil(lambda: opened.width() == size[0])
    toolbar = opened.toolbar
    buttons = (toolbar.start, toolbar.back, toolbar.step, toolbar.end, toolbar.play, toolbar.speed, toolbar.run_to)
    line = [*buttons, toolbar.position, toolbar.search, toolbar.layout_menu, toolbar.depth_menu]
    line += [toolbar.overlay_menu, toolbar.theme]

    def is_in_order() -> bool:
        return all(left.geometry().right() < right.geometry().left() for left, right in itertools.pairwise(line))

    qtbot.waitUntil(is_in_order)
    assert all(widget.width() >= widget.minimumSizeHint().width() for widget in line if widget is not toolbar.position)
    assert toolbar.position.width() >= toolbar.position.fontMetrics().horizontalAdvance(toolbar.position.text())
    assert line[-1].geometry().right() < size[0]
    assert opened.canvas is not None
    assert opened.canvas.width() > size[0] * 0.4


def test_the_place_in_the_pass_is_readable_in_a_small_window(opened: MainWindow, qtbot: QtBot) -> None:
    opened.resize(1280, 800)
    qtbot.waitUntil(lambda: opened.width() == 1280)
    position = opened.toolbar.position
    place, breakpoint_ = "backward 3 of 6 · SigmoidBackward0", "at breakpoint: every sigmoid"
    position.set_text(f"{place} · {breakpoint_}")
    assert position.lines() == [place, breakpoint_], "nothing is left out"
    assert position.fontMetrics().height() * 2 <= position.height()
    leaf = "backward 27 of 531 · h.11.ln_2.bias (AccumulateGrad)"
    position.set_text(leaf)
    assert " · ".join(position.lines()) == leaf
    position.set_text(place)
    assert position.lines() == [place]


def test_notifications_are_bounded_and_keyed(window: MainWindow, qtbot: QtBot) -> None:
    area = window.notifications
    for number in range(10):
        window.notify(Notification(f"message {number}"))
    assert [bar.isVisible() for bar in area.bars] == [True] * 2 + [False] * 8, "two at once"
    assert [shown.message for shown in area.shown] == [f"message {number}" for number in range(9, -1, -1)]
    window.notify(Notification("first", key="run"))
    window.notify(Notification("second", key="run"))
    assert [shown.message for shown in area.shown][:2] == ["second", "message 9"]
    area.dismiss("run")
    assert area.shown[0].message == "message 9"


def test_notification_shows_markup_as_text_and_its_details(window: MainWindow, qtbot: QtBot) -> None:
    done: list[str] = []
    text = "<img src=x><b>not bold</b>"
    window.notify(
        Notification(text, "error", "a.py, line 3", "Traceback\n  boom", (("Again", lambda: done.append("x")),))
    )
    bar = window.notifications.bars[0]
    QTest.mouseClick(bar.buttons["Show details"], Qt.MouseButton.LeftButton)
    assert bar.details is not None
    assert bar.details.isVisible()
    assert bar.details.toPlainText() == "Traceback\n  boom"
    assert "Hide details" in bar.buttons
    QTest.mouseClick(bar.buttons["Again"], Qt.MouseButton.LeftButton)
    assert done == ["x"]
    assert window.notifications.shown == []


def test_shortcut_sheet_lists_every_key(window: MainWindow, qtbot: QtBot) -> None:
    window.actions_["show_shortcuts"].trigger()
    sheet = window.findChild(ShortcutSheet)
    assert sheet is not None
    texts = {label.text() for label in sheet.findChildren(QLabel)}
    assert {command.title.rstrip("…") for command in COMMANDS if command.shortcuts} <= texts
    assert {shortcut_text(keys) for command in COMMANDS for keys in command.shortcuts} <= texts
    sheet.reject()


def test_page_without_a_graph_says_why(window: MainWindow, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,loss\n0,1.0\n1,0.5\n")
    window.open_target(str(tmp_path))
    assert window.stack.currentWidget() is window.waiting
    assert "below, under Runs" in window.waiting.text()
    assert window.docks.docks["runs"].isVisible()
