"""The legend: one for every overlay, small where it would hide the graph."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from engine.graph.fold import Folds
from gui.canvas import kinds, overlay
from gui.canvas.fonts import Fonts
from gui.canvas.look import Role
from gui.theme import DARK, LIGHT, Theme

from . import builders
from .conftest import Show
from .test_scene import build


@pytest.mark.parametrize("name", overlay.OVERLAYS)
def test_every_overlay_has_a_legend(show: Show, name: str) -> None:
    canvas = show(builders.neuron())
    canvas.set_overlay(name)
    canvas.grab()
    legend = canvas.chrome.legend
    assert legend.content is not None
    assert not legend.place.isEmpty()


def test_kinds_are_those_that_are_there(fonts: Fonts) -> None:
    found = kinds.kinds_of(build(builders.neuron(), fonts))
    assert found.roles == (Role.INPUT, Role.LEAF, Role.OP, Role.LOSS)
    assert found.lines == (kinds.DATA, kinds.CUT, kinds.GRADIENT)
    trace = builders.blocks(2)
    folded = kinds.kinds_of(build(trace, fonts, Folds.all_folded(trace.graph)))
    assert Role.GROUP in folded.roles
    assert Role.LEAF not in folded.roles


def test_a_click_makes_it_small_and_large_again(qtbot: QtBot, show: Show) -> None:
    canvas = show(builders.neuron())
    canvas.set_overlay("dtype")
    canvas.grab()
    legend = canvas.chrome.legend
    large = legend.place.height()
    where = QPoint(round(legend.place.x() + 20), round(legend.place.bottom() - 10))
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=where)
    canvas.grab()
    assert legend.place.height() < large
    assert canvas.document.selection is None, "the click was meant for the legend"
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=where)
    canvas.grab()
    assert legend.place.height() == large


def test_the_legend_of_kinds_gives_way_to_the_graph(show: Show) -> None:
    canvas = show(builders.neuron())
    assert canvas.scene is not None
    canvas.zoom_by(0.3 / canvas.camera.scale)
    canvas.view.set_camera(canvas.camera.pinned(*canvas.scene.bounds[:2], 600, 40))
    canvas.grab()
    legend = canvas.chrome.legend
    large = legend.place.height()
    canvas.zoom_at(4.0, QPointF(canvas.width() / 2, canvas.height() / 2))
    x, y = canvas.scene.rects[0, :2].tolist()
    canvas.view.set_camera(canvas.camera.pinned(x, y, 30, canvas.height() - 120))
    canvas.grab()
    assert legend.place.height() < large
    canvas.set_overlay("gradient norm")
    canvas.grab()
    assert legend.place.height() == overlay.legend_height(overlay.norms_of(canvas.scene))


def test_there_is_no_legend_in_a_small_view(show: Show) -> None:
    canvas = show(builders.neuron(), width=240, height=300)
    canvas.grab()
    assert canvas.chrome.legend.place.isEmpty()


@pytest.mark.parametrize("width", range(620, 800, 30))
def test_a_fitted_graph_stands_beside_the_small_legend_where_there_is_room(show: Show, width: int) -> None:
    canvas = show(builders.neuron(), width=width, height=480)
    scene, legend = canvas.scene, canvas.chrome.legend
    assert scene is not None
    legend.is_open = False
    canvas.fit()
    canvas.grab()
    boxes = [canvas._stage._on_screen(scene, item) for item in range(len(scene))]
    assert not any(legend.place.intersects(box) for box in boxes)
    assert all(box.right() <= width for box in boxes)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("role", list(kinds.WORDS))
def test_every_swatch_is_seen_on_the_legend(theme: Theme, role: Role) -> None:
    look = kinds.swatch_look(theme, role)
    assert max(contrast(look.border, theme.surface), contrast(look.fill, theme.surface)) > 2.0


def contrast(first: QColor, second: QColor) -> float:
    """As WCAG defines it: 1 is none."""

    def luminance(colour: QColor) -> float:
        shares = (colour.redF(), colour.greenF(), colour.blueF())
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
        return float(0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2])

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
