"""What stands over the view hides nothing that is shown on purpose: fitted, opened, gone to, stepped to, unfolded."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.graph.model import Scope
from gui.canvas import chips, motion, overlay
from gui.canvas.aside import GAP, fitted_beside, is_clear, moved_beside
from gui.canvas.camera import Camera, fitted_in
from gui.canvas.group_labels import TITLE_BAR
from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show

NO_KEY = Qt.KeyboardModifier.NoModifier


def on_screen(canvas: GraphCanvas, item: int) -> QRectF:
    assert canvas.scene is not None
    x, y, right, bottom = canvas.scene.rect_of(item)
    return QRectF(QPointF(*canvas.camera.to_screen(x, y)), QPointF(*canvas.camera.to_screen(right, bottom)))


def hiding(canvas: GraphCanvas, place: QRectF) -> list[str]:
    """What of the chrome lies over a place."""
    chrome = canvas.chrome
    shown = {"legend": chrome.legend.place, "map": chrome.map_place(), "bar": chrome.breadcrumbs.place}
    return [name for name, at in shown.items() if at.intersects(place)]


def hidden_boxes(canvas: GraphCanvas) -> list[tuple[int, list[str]]]:
    assert canvas.scene is not None
    found = [(item, hiding(canvas, on_screen(canvas, item))) for item in canvas.scene.boxes.tolist()]
    return [(item, names) for item, names in found if names]


def rested(canvas: GraphCanvas, qtbot: QtBot) -> None:
    """Until nothing glides any more."""
    last: list[Camera] = []

    def is_still() -> bool:
        last.append(canvas.camera)
        return len(last) > 12 and last[-1] == last[-12] and canvas.view.is_resting

    qtbot.waitUntil(is_still)
    canvas.grab()


@pytest.mark.parametrize("size", [(900, 600), (660, 490), (660, 380), (500, 420)])
@pytest.mark.parametrize("name", overlay.OVERLAYS)
def test_a_fit_leaves_every_box_beside_the_legend(show: Show, name: str, size: tuple[int, int]) -> None:
    for trace in (builders.neuron(), builders.calls(), builders.blocks(3)):
        canvas = show(trace, *size)
        canvas.set_overlay(name)
        canvas.folding.unfold_all()
        canvas.wait_for_layout()
        canvas.fit()
        canvas.grab()
        plain = fitted_in(_corners(canvas), (0.0, canvas.view.top, *size), 32.0).scale
        if canvas.camera.scale > 0.62 * plain:  # else the legend would take too much of the view
            assert not hidden_boxes(canvas)
        assert canvas.scene is not None
        for item in range(len(canvas.scene)):
            assert QRectF(canvas.rect()).contains(on_screen(canvas, item))


def _corners(canvas: GraphCanvas) -> tuple[float, float, float, float]:
    assert canvas.scene is not None
    x, y, width, height = canvas.scene.bounds
    return x, y, x + width, y + height


def test_a_fitted_view_makes_room_for_a_legend_that_is_opened(show: Show) -> None:
    canvas = show(builders.neuron(), 620, 480)
    canvas.fit()
    canvas.grab()
    canvas.chrome.open_legend(is_open=True)
    canvas.grab()
    assert canvas.chrome.legend.place.height() > 100
    assert not hidden_boxes(canvas)


def test_another_overlay_fits_the_view_anew_only_where_its_legend_hides_a_box(show: Show) -> None:
    canvas = show(builders.neuron(), 1400, 900)
    canvas.fit()
    canvas.grab()
    before = canvas.camera
    with pytest.MonkeyPatch.context() as patch:
        for way in ("fit", "open_on"):
            patch.setattr(canvas.view, way, None)  # whoever fits fails
        for name in reversed(overlay.OVERLAYS):  # there is room for every legend
            canvas.set_overlay(name)
            canvas.grab()
            assert canvas.camera == before
            assert not hidden_boxes(canvas)
    canvas = show(builders.neuron(), 620, 480)
    canvas.chrome.open_legend(is_open=True)
    for name in overlay.OVERLAYS:
        canvas.set_overlay(name)
        canvas.grab()
        assert not hidden_boxes(canvas)


def test_a_large_drawing_is_opened_between_legend_and_map(show: Show) -> None:
    canvas = show(builders.blocks(60), 620, 460)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    assert canvas.scene is not None
    x, y, _, height = canvas.scene.bounds
    canvas.view.open_on((x, y, 330 / 0.7, height))  # a column of this width has room
    canvas.grab()
    left, _ = canvas.camera.to_screen(x, y)
    right, top = canvas.camera.to_screen(x + 330 / 0.7, y)
    assert canvas.chrome.legend.place.right() < left
    assert right < canvas.chrome.map_place().left() or not canvas.chrome.map_place().isEmpty()
    assert top >= canvas.view.top + 16


@pytest.mark.parametrize("move", ["go to it", "reveal it", "step to it"])
def test_no_node_is_left_below_legend_map_or_bar(show: Show, qtbot: QtBot, move: str) -> None:
    canvas = show(builders.blocks(6, depth=2), 640, 460)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    scene, trace = canvas.scene, canvas.document.trace
    assert scene is not None
    assert trace is not None
    hidden = 0
    for number, node in enumerate(range(3, len(trace.graph.nodes), 5)):
        item = scene.item_of(node)
        assert item is not None
        x, y, right, bottom = scene.rect_of(item)
        corner = [(70, 440), (600, 420), (330, 20)][number % 3]  # where something stands over it
        canvas.view.set_camera(Camera(0.8).pinned((x + right) / 2, (y + bottom) / 2, *corner))
        canvas.document.select(None)
        canvas.grab()
        hidden += bool(hiding(canvas, on_screen(canvas, item)))
        if move == "go to it":
            canvas.travel.go_to_node(node)
        elif move == "reveal it":
            canvas.reveal(item)
        else:
            timeline = canvas.document.timeline
            assert timeline is not None
            position = timeline.position_of(node, 0)
            if position is None:
                continue
            canvas.document.move_to(position)
        rested(canvas, qtbot)
        assert not hiding(canvas, on_screen(canvas, item))
        assert QRectF(canvas.rect()).contains(on_screen(canvas, item))
    assert hidden, "something was below it before"


def test_a_module_that_is_shown_stands_beside_the_map(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(6), 640, 460)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    canvas.travel.go_to_scope(("block3",))
    rested(canvas, qtbot)
    assert canvas.scene is not None
    assert not canvas.chrome.map_place().isEmpty()
    inside = [item for item in canvas.scene.boxes.tolist() if canvas.scene.items[item].scope == ("block3",)]
    assert inside
    assert not [hiding(canvas, on_screen(canvas, item)) for item in inside if hiding(canvas, on_screen(canvas, item))]


def test_the_bar_that_comes_with_an_opened_module_does_not_hide_its_title(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(4))
    canvas.fold_all()
    canvas.wait_for_layout()
    path = ("block1",)
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(path)
    assert item is not None
    canvas.view.set_camera(Camera(1.0).pinned(*canvas.scene.rect_of(item)[:2], 300, 6))
    canvas.pick_path(path)
    canvas.toggle(path)
    canvas.wait_for_layout()
    qtbot.waitUntil(lambda: not canvas.is_laying_out)
    canvas.grab()
    item = canvas.scene.item_of_scope(path)
    assert item is not None
    title = on_screen(canvas, item)
    title.setHeight(TITLE_BAR * canvas.camera.scale)
    assert not canvas.chrome.breadcrumbs.place.isEmpty()
    assert not hiding(canvas, title)


def test_the_map_can_be_made_small(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(12))
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    canvas.zoom_by(1 / canvas.camera.scale)
    large = canvas.chrome.map_place()
    assert large.height() > 3 * chips.HEIGHT
    before = canvas.camera
    sign = chips.sign_place(large).center().toPoint()
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, sign)
    canvas.grab()
    small = canvas.chrome.map_place()
    assert small.height() == chips.HEIGHT
    assert canvas.camera == before, "the click was no journey"
    assert canvas.chrome.map_point(small.center()) is None
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO_KEY, small.center().toPoint())
    assert canvas.chrome.map_place() == large
    assert canvas.document.selection is None


def test_the_legend_of_kinds_stays_small_while_one_moves_about(show: Show) -> None:
    canvas = show(builders.neuron())
    canvas.fit()
    canvas.grab()
    assert canvas.chrome.legend.is_shown, "all is in view, and nothing below it"
    canvas.zoom_by(3.0)
    assert canvas.scene is not None
    x, y, _, _ = canvas.scene.bounds
    canvas.view.set_camera(canvas.camera.pinned(x, y, 600, 40))
    canvas.grab()
    assert not canvas.chrome.map_place().isEmpty()
    assert not canvas.chrome.legend.is_shown, "though there is nothing below it"


def test_a_picked_edge_is_drawn_below_titles(show: Show) -> None:
    trace = builders.blocks(3)
    graph = trace.graph
    graph.scopes.clear()
    for node in graph.nodes:
        if node.scope:  # a title as wide as its group: every line into it runs through letters
            node.scope = (node.scope[0] + "_with_a_name_that_takes_all_of_the_room_that_there_is",)
            graph.scopes[node.scope] = Scope(path=node.scope, module="Block")
    canvas = show(trace, 900, 600)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    scene = canvas.scene
    assert scene is not None
    index, frame = next(
        (index, crossed[0])
        for index in range(len(graph.edges))
        if (crossed := scene.titles_on(scene.links_of_edges([index]), *_corners(canvas)))
    )
    x, y, right, _ = scene.rect_of(frame)
    title = QRect(100, 200, int(right - x), int(TITLE_BAR) - 2)

    def look() -> QImage:
        canvas.view.set_camera(Camera(1.0).pinned(x, y, 100, 200))
        canvas.view.rest()
        return canvas.grab().toImage()

    plain = look()
    canvas.document.select_edge(index)
    picked = look()
    ink = [
        (left, top)
        for left in range(title.left() + 24, title.right())
        for top in range(title.top() + 8, title.bottom())
        if plain.pixelColor(left, top).lightness() < 60
    ]
    assert len(ink) > 100, "there are letters"
    changed = [at for at in ink if picked.pixelColor(*at) != plain.pixelColor(*at)]
    assert not changed
    blue = [
        left
        for left in range(title.left(), title.right())
        if picked.pixelColor(left, title.top() + 4) != plain.pixelColor(left, title.top() + 4)
    ]
    assert blue, "the line runs through the title"


@pytest.mark.parametrize("first", ["fitted", "opened"])
def test_a_change_of_size_does_not_lead_back_to_where_a_glide_began(show: Show, qtbot: QtBot, first: str) -> None:
    canvas = show(builders.blocks(40), 500, 400)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    assert canvas.scene is not None
    if first == "fitted":
        canvas.view.fit(canvas.scene.bounds)
    else:
        canvas.view.open_on(canvas.scene.bounds)
    began = canvas.camera
    item = canvas.scene.item_of(200)
    assert item is not None
    canvas.view.go_to(canvas.scene.rect_of(item), 1.0)
    assert motion.is_wanted(canvas), "else it would be there at once"
    canvas.resize(500, 410)  # as when a panel comes while the view is on its way
    assert canvas.camera.scale == began.scale, "it is still on its way"
    qtbot.waitUntil(lambda: canvas.camera.scale == 1.0, timeout=2000)
    rested(canvas, qtbot)
    middle = on_screen(canvas, item).center()
    assert abs(middle.x() - 250) < 125
    assert abs(middle.y() - 205) < 100


@pytest.mark.parametrize("when", ["at rest", "on its way"])
def test_what_was_stepped_to_stays_in_view_when_a_panel_takes_room(show: Show, qtbot: QtBot, when: str) -> None:
    canvas = show(builders.blocks(8), 640, 560)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    scene = canvas.scene
    assert scene is not None
    item = scene.item_of(41)
    assert item is not None
    x, y, right, bottom = scene.rect_of(item)
    canvas.view.set_camera(Camera(0.8).pinned((x + right) / 2, (y + bottom) / 2, 560, 700))
    canvas.reveal(item)
    if when == "at rest":
        rested(canvas, qtbot)
    canvas.resize(640, 420)
    rested(canvas, qtbot)
    place = on_screen(canvas, item)
    assert QRectF(canvas.rect()).contains(place)
    assert not hiding(canvas, place)
    canvas.view.pan_by(0, 400)  # the user looks elsewhere: nothing leads back
    away = canvas.camera
    canvas.resize(640, 440)
    assert canvas.camera == away.moved(0, 10)


def test_what_was_stepped_to_stays_in_view_when_the_window_becomes_small(show: Show, qtbot: QtBot) -> None:
    canvas = show(builders.blocks(3), 1700, 1500)
    canvas.folding.unfold_all()
    canvas.wait_for_layout()
    scene, trace = canvas.scene, canvas.document.trace
    assert scene is not None
    assert trace is not None
    canvas.view.open_on(scene.bounds)
    assert canvas.chrome.map_place().isEmpty(), "all is in view"
    whole = canvas.camera
    for step in range(1, 20, 3):
        canvas.document.move_to(step)
        rested(canvas, qtbot)
        assert canvas.camera == whole, "nothing has to move"
        canvas.resize(560, 420)
        rested(canvas, qtbot)
        item = scene.item_of(trace.backward[step - 1].node.id)
        assert item is not None
        assert QRectF(canvas.rect()).contains(on_screen(canvas, item))
        assert not hiding(canvas, on_screen(canvas, item))
        canvas.resize(1700, 1500)
        rested(canvas, qtbot)
        assert canvas.camera == whole, "and all of it is in view again"


# ----- the geometry alone


def test_a_box_goes_the_shortest_way_past_what_hides_it() -> None:
    box = np.array([[0.0, 0.0, 40.0, 20.0]])
    hull, area = (0.0, 0.0, 40.0, 20.0), (0.0, 0.0, 400.0, 300.0)
    place = (16.0, 250.0, 120.0, 284.0)
    moved = moved_beside(Camera(1.0, 90.0, 230.0), hull, box, [place], area)
    assert (moved.dx, moved.dy) == (90.0, place[1] - GAP - 20.0)
    aside = moved_beside(Camera(1.0, 110.0, 262.0), hull, box, [place], area)
    assert (aside.dx, aside.dy) == (place[2] + GAP, 262.0)
    stays = moved_beside(Camera(1.0, 200.0, 230.0), hull, box, [place], area)
    assert stays == Camera(1.0, 200.0, 230.0)


def test_a_fit_moves_before_it_shrinks() -> None:
    hull, area = (0.0, 0.0, 300.0, 1000.0), (0.0, 0.0, 800.0, 600.0)
    boxes, low, whole = np.array([hull]), (200.0, 556.0, 600.0, 584.0), (0.0, 500.0, 800.0, 600.0)

    def fit(room: tuple[float, float, float, float]) -> Camera:
        return fitted_in(hull, room, 32.0)

    plain = fit(area)
    assert not is_clear(plain, boxes, [low])
    moved = fitted_beside(fit, hull, boxes, [low], area)
    assert is_clear(moved, boxes, [low])
    assert moved.scale == plain.scale
    shrunk = fitted_beside(fit, hull, boxes, [whole], area)
    assert is_clear(shrunk, boxes, [whole])
    assert 0.6 * plain.scale < shrunk.scale < plain.scale
