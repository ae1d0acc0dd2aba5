"""The canvas as its users see it: colours, clicks, keys, folds, steps."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.errors import LayoutError
from engine.graph.drawing import Drawing
from engine.graph.fold import Folds
from engine.graph.stepper import NodeState
from gui.canvas import content
from gui.canvas.look import Role, box_look
from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.theme import DARK, LIGHT, ThemeManager

from . import builders
from .conftest import Show

NO_KEY = Qt.KeyboardModifier.NoModifier


def picture(canvas: GraphCanvas) -> QImage:
    canvas.view.rest()
    return canvas.grab().toImage()


def colour_at(canvas: GraphCanvas, image: QImage, x: float, y: float) -> QColor:
    """Colour of the picture at a scene position."""
    ratio = image.devicePixelRatio()
    left, top = canvas.camera.to_screen(x, y)
    return image.pixelColor(int(left * ratio), int(top * ratio))


def inside(canvas: GraphCanvas, name: str) -> tuple[float, float]:
    """A scene position inside a node's box that no text covers: below the first line, near the left edge."""
    scene = canvas.scene
    assert scene is not None
    node = next(node.id for node in scene.trace.graph.nodes if node.name == name)
    item = scene.item_of(node)
    assert item is not None
    x, y, _, bottom = scene.rects[item].tolist()
    return x + 5, (y + bottom) / 2


def middle(canvas: GraphCanvas, item: int) -> QPoint:
    assert canvas.scene is not None
    x, y, right, bottom = canvas.scene.rects[item].tolist()
    return QPointF(*canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)).toPoint()


def item_of(canvas: GraphCanvas, node: int) -> int:
    assert canvas.scene is not None
    item = canvas.scene.item_of(node)
    assert item is not None
    return item


def test_the_neuron_fits_and_is_not_blown_up(show: Show) -> None:
    canvas = show(builders.neuron(), 1600, 1000)
    assert canvas.scene is not None
    assert 1.0 <= canvas.camera.scale <= 1.5
    x, y, width, height = canvas.scene.bounds
    left, top = canvas.camera.to_screen(x, y)
    right, bottom = canvas.camera.to_screen(x + width, y + height)
    assert left >= 0
    assert top >= 0
    assert right <= canvas.width()
    assert bottom <= canvas.height()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_tell_waiting_here_and_done(show: Show, theme: object) -> None:
    canvas = show(builders.neuron())
    colours = LIGHT if theme is LIGHT else DARK
    canvas._themes.choose(colours.name)
    ahead = QColor(box_look(colours, Role.OP, NodeState.WAITING).fill.rgb())  # as pixels have it
    assert ahead not in [colours.accent_soft, colours.leaf_soft, colours.background]
    assert colour_at(canvas, picture(canvas), *inside(canvas, "z")) == ahead
    assert colour_at(canvas, picture(canvas), *inside(canvas, "w")) == colours.leaf_soft
    assert colour_at(canvas, picture(canvas), *inside(canvas, "L")) == colours.text
    canvas.document.move_to(3)
    image = picture(canvas)
    assert colour_at(canvas, image, *inside(canvas, "z")) == colours.accent_soft
    assert colour_at(canvas, image, *inside(canvas, "a")) == colours.accent_soft
    assert colour_at(canvas, image, *inside(canvas, "w")) == colours.leaf_soft
    assert image.pixelColor(1, 1) == colours.background
    canvas.document.move_to(0)
    assert colour_at(canvas, picture(canvas), *inside(canvas, "z")) == ahead


@pytest.mark.parametrize("positions", [range(7), range(6, -1, -1), [6, 0, 3, 5, 2, 6]])
def test_a_step_on_top_of_the_last_picture_looks_like_a_fresh_one(show: Show, positions: list[int]) -> None:
    canvas, fresh = show(builders.neuron()), show(builders.neuron())
    for position in positions:
        canvas.document.move_to(position)
        stepped = picture(canvas)
        fresh.document.move_to(position)
        fresh._renew_painter()
        anew = picture(fresh)
        assert difference(stepped, anew) < 0.004, position
        assert difference(picture(canvas), anew) < 0.0005, "at rest nothing is left of what was painted over"


def difference(first: QImage, second: QImage) -> float:
    """Share of the pixels that differ visibly."""
    assert first.size() == second.size()
    total = different = 0
    for y in range(0, first.height(), 3):
        for x in range(0, first.width(), 3):
            a, b = first.pixelColor(x, y), second.pixelColor(x, y)
            total += 1
            different += max(abs(a.red() - b.red()), abs(a.green() - b.green()), abs(a.blue() - b.blue())) > 24
    return different / total


def test_a_click_selects_and_a_click_beside_selects_nothing(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    with qtbot.waitSignal(canvas.document.selection_changed):
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, middle(canvas, item_of(canvas, 4)))
    assert canvas.document.selection == 4
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, QPoint(3, 3))
    assert canvas.document.selection is None


def test_a_selection_is_outlined(show: Show) -> None:
    canvas = show(builders.neuron())
    before = picture(canvas)
    canvas.document.select(4)
    assert difference(before, picture(canvas)) > 0.001


def test_dragging_pans_and_selects_nothing(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    start, before = QPoint(12, 300), canvas.camera
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, NO_KEY, start)
    QTest.mouseMove(canvas, start + QPoint(30, 10))
    QTest.mouseMove(canvas, start + QPoint(60, 20))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, NO_KEY, start + QPoint(60, 20))
    assert canvas.camera.dx == pytest.approx(before.dx + 60)
    assert canvas.camera.dy == pytest.approx(before.dy + 20)
    assert canvas.camera.scale == before.scale
    assert canvas.document.selection is None


def test_a_double_click_unfolds_in_place_and_folds_again(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    path = ("block3",)
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(path)
    assert item is not None
    corner = canvas.camera.to_screen(*canvas.scene.rects[item, :2].tolist())
    canvas.toggle(path)
    assert path not in canvas.folds
    opened = canvas.scene.item_of_scope(path)
    assert opened is not None
    assert not canvas.scene.items[opened].is_folded
    after = canvas.camera.to_screen(*canvas.scene.rects[opened, :2].tolist())
    assert after == pytest.approx(corner, abs=1.0)
    x, y = canvas.camera.to_screen(*(canvas.scene.rects[opened, :2] + [60, 16]).tolist())
    canvas.pan_by(200 - x, 200 - y)
    QTest.mouseDClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, QPoint(200, 200))
    assert path in canvas.folds


def test_folding_commands(show: Show) -> None:
    canvas = show(builders.blocks(8, depth=2))
    trace = canvas.document.trace
    assert trace is not None
    canvas.unfold_all()
    assert canvas.folds == Folds.none()
    canvas.fold_all()
    assert canvas.folds == Folds.all_folded(trace.graph)
    canvas.set_depth(1)
    assert canvas.folds == Folds.by_depth(trace.graph, 1)
    canvas.unfold(("stage0", "block2"))
    assert canvas.folds.hidden_in(("stage0", "block2")) is None


def test_centring_on_a_hidden_node_opens_what_hides_it(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(10, depth=2))
    canvas.fold_all()
    trace = canvas.document.trace
    assert trace is not None
    node = next(n.id for n in trace.graph.nodes if n.scope[-1:] == ("block7",) and n.kind == "op")
    canvas.center_on(node)
    assert canvas.scene is not None
    item = item_of(canvas, node)
    assert canvas.scene.items[item].node == node
    free = canvas.rect().adjusted(0, round(canvas.view.top), 0, 0)
    qtbot.waitUntil(lambda: (middle(canvas, item) - free.center()).manhattanLength() <= 3)
    assert canvas.camera.scale >= 0.7
    canvas.center_on(10**9)


def test_enter_toggles_the_picked_group(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(("block0",))
    assert item is not None
    canvas.pick(item)
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert ("block0",) not in canvas.folds
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert ("block0",) in canvas.folds


def test_the_keyboard_walks_along_the_edges(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    canvas.document.select(5)
    QTest.keyClick(canvas, Qt.Key.Key_Up)
    assert canvas.document.selection == 4
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.document.selection == 5
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.document.selection == 7
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.document.selection == 7


def test_keys_zoom_and_fit(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    fitted = canvas.camera
    with qtbot.waitSignal(canvas.zoom_changed) as caught:
        QTest.keyClick(canvas, Qt.Key.Key_Plus)
    assert caught.args == [pytest.approx(fitted.scale * 1.25)]
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert canvas.camera.scale == pytest.approx(1.0)
    QTest.keyClick(canvas, Qt.Key.Key_F)
    assert canvas.camera == fitted


def test_stepping_keys_are_left_to_the_window(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron())
    canvas.document.select(4)
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space):
        QTest.keyClick(canvas, key)
        assert canvas.document.selection == 4


def test_the_view_follows_the_step(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    canvas.unfold_all()
    canvas.zoom_by(1 / canvas.camera.scale)
    canvas.document.move_to(20)
    step = canvas.document.stepper
    assert step is not None
    assert step.current is not None
    node = step.current.node.id
    qtbot.waitUntil(lambda: canvas.rect().contains(middle(canvas, item_of(canvas, node))))
    canvas.follow_cursor = False
    canvas.pan_by(5000, 5000)
    camera = canvas.camera
    canvas.document.move_to(21)
    qtbot.wait(30)
    assert canvas.camera == camera


def test_a_resized_view_stays_fitted_unless_it_was_moved(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.neuron(), 900, 600)
    canvas.resize(500, 400)
    assert canvas.camera.scale < 1.0
    canvas.pan_by(10, 0)
    scale = canvas.camera.scale
    canvas.resize(900, 600)
    assert canvas.camera.scale == scale


def test_a_graph_opened_before_the_window_is_shown_fits_it_later(qtbot: QtBot) -> None:
    document, themes = Document(), ThemeManager()
    canvas = GraphCanvas(document, themes)
    qtbot.addWidget(canvas)
    canvas.resize(40, 30)
    document.set_trace(builders.neuron())
    canvas.resize(1200, 900)
    canvas.show()
    opened = canvas.camera
    canvas.fit()
    assert canvas.camera == opened
    assert opened.scale > 1.0


def test_a_graph_too_tall_to_read_opens_at_its_top(show: Show) -> None:
    canvas = show(builders.blocks(1, 28))
    assert canvas.scene is not None
    assert canvas.camera.scale >= 0.45
    assert canvas.camera.to_screen(0, canvas.scene.bounds[1])[1] == pytest.approx(canvas.view.top + 24, abs=1)
    canvas.fit()
    assert canvas.camera.scale < 0.45


def test_a_big_graph_is_laid_out_beside_the_window_and_can_be_cancelled(show: Show, qtbot: QtBot) -> None:
    canvas = show()
    messages: list[str] = []
    canvas.status_message.connect(messages.append)
    trace = builders.blocks(400, 8)
    canvas.document.set_trace(trace)
    assert canvas.is_laying_out
    assert "Laying out the graph…" in messages
    canvas.grab()
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert not canvas.is_laying_out
    canvas.wait_for_layout()
    assert not any(thread.name == "layout" for thread in threading.enumerate())
    canvas.grab()
    with qtbot.waitSignal(canvas.drawing_changed):
        canvas.fold_all() if canvas.folds != Folds.all_folded(trace.graph) else canvas.unfold_all()
    assert canvas.scene is not None


def test_the_overlay_recolours_without_a_new_layout(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(2, 3))
    scene, before = canvas.scene, picture(canvas)
    with qtbot.assertNotEmitted(canvas.drawing_changed):
        canvas.set_overlay("gradient norm")
    assert canvas.scene is scene
    assert canvas.overlay == "gradient norm"
    assert difference(before, picture(canvas)) > 0.02
    canvas.set_overlay("kind")
    assert difference(before, picture(canvas)) == 0.0
    with pytest.raises(ValueError, match="gradient norm"):
        canvas.set_overlay("rainbow")


@pytest.mark.parametrize("error", [LayoutError, RuntimeError])
def test_a_layout_that_fails_is_told_and_the_drawing_stays(
    show: Show, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    canvas = show(builders.neuron())
    messages: list[str] = []
    canvas.status_message.connect(messages.append)
    before = canvas.scene

    def fail(*_given: object, **_named: object) -> Drawing:
        raise error("too many nodes for circles")

    with monkeypatch.context() as patch:
        patch.setattr(content, "layout", fail)
        canvas.set_method("circular")
    assert canvas.method == "circular"
    assert canvas.scene is before
    assert "too many nodes for circles" in messages[-1]
    canvas.set_method("layered")
    assert canvas.scene is not before
    assert canvas.scene is not None


def test_an_empty_canvas_explains_itself_before_and_after_a_trace(show: Show) -> None:
    canvas = show()
    empty = picture(canvas)
    assert difference(empty, blank(empty)) > 0.001, "an empty canvas says what to do"
    canvas.document.set_trace(builders.neuron())
    assert difference(empty, picture(canvas)) > 0.001
    canvas.document.set_trace(None)
    assert difference(empty, picture(canvas)) == 0.0


def blank(like: QImage) -> QImage:
    image = QImage(like.size(), QImage.Format.Format_RGB32)
    image.fill(LIGHT.background)
    return image


def test_high_resolution_screens_are_painted_sharp(show: Show) -> None:
    canvas = show(builders.neuron(), 500, 400)
    image = QImage(1000, 800, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(2.0)
    image.fill(QColor("magenta"))
    canvas.render(image)
    assert image.pixelColor(2, 2) == LIGHT.background
    assert image.pixelColor(999, 799) == LIGHT.background
