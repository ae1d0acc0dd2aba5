"""The three depths of one graph, and folding call by call, through the real canvas."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from engine.graph.model import ScopePath
from gui.canvas.folding import FUNCTIONS, MODULES, OPERATIONS
from gui.canvas.look import Role
from gui.canvas.widget import GraphCanvas

from . import builders
from .conftest import Show

LINEAR: ScopePath = ("net", "ƒ linear")
LOSS: ScopePath = ("net", "ƒ cross_entropy")


def roles(canvas: GraphCanvas) -> list[Role]:
    assert canvas.scene is not None
    return [Role(role) for role in canvas.scene.roles.tolist()]


def texts(canvas: GraphCanvas) -> set[str]:
    scene, labels, stepper = canvas.scene, canvas.labels, canvas.document.stepper
    assert scene is not None
    assert labels is not None
    assert stepper is not None
    return {run.text for item in scene.items for run in labels.runs(item, 400, 80, stepper)}


def test_there_are_three_depths_of_one_graph(show: Show) -> None:
    canvas = show(builders.calls())
    canvas.folding.show(MODULES)
    assert canvas.folding.depth == MODULES
    assert Role.GROUP in roles(canvas)
    canvas.folding.show(FUNCTIONS)
    assert canvas.folding.depth == FUNCTIONS
    assert roles(canvas).count(Role.FUNCTION) == 2
    assert {"linear", "cross_entropy", "2 ops"} <= texts(canvas)
    canvas.folding.show(OPERATIONS)
    assert canvas.folding.depth == OPERATIONS
    assert Role.FUNCTION not in roles(canvas)
    assert {"addmm", "t"} <= texts(canvas)


def test_function_boxes_survive_folding_and_unfolding(show: Show) -> None:
    canvas = show(builders.calls())
    canvas.folding.show(FUNCTIONS)
    canvas.fold_all()
    assert canvas.folding.depth == MODULES
    canvas.toggle(("net",))
    assert roles(canvas).count(Role.FUNCTION) == 2
    canvas.set_depth(1)
    assert roles(canvas).count(Role.FUNCTION) == 2
    canvas.unfold_all()
    assert roles(canvas).count(Role.FUNCTION) == 2
    canvas.document.set_trace(builders.calls())
    assert roles(canvas).count(Role.FUNCTION) == 2


def test_a_function_box_opens_and_closes_by_hand(qtbot: QtBot, show: Show) -> None:
    canvas = show(builders.calls())
    canvas.folding.show(FUNCTIONS)
    assert canvas.scene is not None
    item = canvas.scene.item_of_scope(LINEAR)
    assert item is not None
    x, y, right, bottom = canvas.scene.rect_of(item)
    middle = QPoint(*map(round, canvas.camera.to_screen((x + right) / 2, (y + bottom) / 2)))
    qtbot.mouseDClick(canvas, Qt.MouseButton.LeftButton, pos=middle)
    opened = canvas.scene.item_of_scope(LINEAR)
    assert opened is not None
    assert canvas.scene.roles[opened] == Role.FRAME
    canvas.pick(canvas.scene.item_of(4))
    assert canvas.folding.picked_path == LINEAR
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    assert roles(canvas).count(Role.FUNCTION) == 2


def test_going_to_a_node_opens_the_function_that_hides_it(show: Show) -> None:
    canvas = show(builders.calls())
    canvas.folding.show(FUNCTIONS)
    canvas.center_on(7)
    assert canvas.scene is not None
    item = canvas.scene.item_of(7)
    assert item is not None
    assert canvas.scene.items[item].node == 7
    assert canvas.scene.items[item].scope == LOSS


def test_a_picked_function_stands_for_what_it_ran(show: Show) -> None:
    canvas = show(builders.calls())
    canvas.folding.show(FUNCTIONS)
    assert canvas.scene is not None
    canvas.pick(canvas.scene.item_of_scope(LOSS))
    assert canvas.picked_nodes == [7, 8]
    canvas.toggle(LOSS)
    assert canvas.picked_nodes == [7, 8]


def test_only_one_path_is_open_or_everything_but_it(show: Show) -> None:
    canvas = show(builders.blocks(6, depth=2))
    canvas.unfold_all()
    canvas.folding.unfold_only(("stage0", "block2"))
    assert canvas.folds.hidden_in(("stage0", "block2")) is None
    assert all(canvas.folds.hidden_in(("stage0", f"block{other}")) is not None for other in (0, 1, 3, 4, 5))
    canvas.folding.unfold_others(("stage0", "block2"))
    assert canvas.folds.hidden_in(("stage0", "block2")) == ("stage0", "block2")
    assert all(canvas.folds.hidden_in(("stage0", f"block{other}")) is None for other in (0, 1, 3, 4, 5))


def test_only_the_path_of_the_picked_node_is_open(show: Show) -> None:
    canvas = show(builders.blocks(6, depth=2))
    canvas.unfold_all()
    assert canvas.scene is not None
    node = next(node.id for node in canvas.scene.trace.graph.nodes if node.scope[-1:] == ("block3",))
    canvas.document.select(node)
    canvas.folding.unfold_only_picked()
    assert canvas.folds.hidden_in(("stage0", "block3")) is None
    assert canvas.folds.hidden_in(("stage0", "block1")) is not None
    canvas.document.select(node)
    canvas.folding.unfold_others_picked()
    assert canvas.folds.paths == {("stage0", "block3")}


def test_a_folded_box_says_what_gradient_came_in_and_went_out(show: Show) -> None:
    canvas = show(builders.blocks(3))
    canvas.fold_all()
    assert not any("→" in text for text in texts(canvas))
    canvas.document.move_to_end()
    flows = [text for text in texts(canvas) if text.startswith("‖∂‖") and "→" in text]
    assert flows


def test_the_depth_stays_what_it_was_where_nothing_changes(show: Show) -> None:
    canvas = show(builders.neuron())
    canvas.zoom_by(3)
    canvas.unfold_all()
    assert canvas.scene is not None
    fitted = canvas.camera
    canvas.fit()
    assert canvas.camera == fitted
    assert canvas.folding.depth == OPERATIONS
