"""Pictures of a graph as PNG, SVG and PDF."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtGui import QImage

from engine.graph.fold import Folds
from engine.graph.functions import functions_of
from engine.graph.model import Graph
from engine.graph.trace import Trace
from gui.canvas.export import ExportError, export_image
from gui.theme import DARK, LIGHT

from . import builders

pytestmark = pytest.mark.usefixtures("qapp")


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_png_shows_the_whole_graph(tmp_path: Path, theme: object) -> None:
    colours = DARK if theme is DARK else LIGHT
    path = export_image(builders.neuron(), tmp_path / "g.png", theme=colours, scale=2.0, step=3)
    image = QImage(str(path))
    assert image.width() > 600
    assert image.pixelColor(2, 2) == colours.background
    seen = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    assert {colours.accent.name(), colours.leaf_soft.name(), colours.text.name()} <= seen
    half = QImage(str(export_image(builders.neuron(), tmp_path / "h.png", theme=colours, scale=1.0, step=3)))
    assert abs(half.width() * 2 - image.width()) <= 2


def test_an_svg_holds_real_text_and_escapes_names(tmp_path: Path) -> None:
    trace = builders.neuron()
    trace.graph.nodes[4].name = "<z>&\"'"
    path = export_image(trace, tmp_path / "g.svg")
    root = ElementTree.parse(path).getroot()
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<z>&\"'" in texts
    assert "sigmoid" in texts
    assert any("∂L/∂a" in text for text in texts)
    assert not list(root.iter("{http://www.w3.org/2000/svg}image")), "shapes and texts, no pictures"


def test_a_pdf_is_a_single_page(tmp_path: Path) -> None:
    data = export_image(builders.blocks(3), tmp_path / "g.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"/Type /Page\n") == 1


def test_every_step_can_be_drawn_and_out_of_range_ones_are_the_ends(tmp_path: Path) -> None:
    for step in (-5, 0, 6, 99, None):
        assert export_image(builders.neuron(), tmp_path / "g.png", scale=0.5, step=step).stat().st_size > 1000


def test_the_overlay_brings_its_legend(tmp_path: Path) -> None:
    plain = QImage(str(export_image(builders.blocks(2), tmp_path / "a.png", scale=0.5)))
    with_legend = QImage(
        str(export_image(builders.blocks(2), tmp_path / "b.png", scale=0.5, overlay_name="gradient norm"))
    )
    assert with_legend.height() > plain.height()


def test_what_cannot_be_written_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"\.png, \.svg, \.pdf"):
        export_image(builders.neuron(), tmp_path / "g.bmp")
    with pytest.raises(ExportError, match="no operation"):
        export_image(Trace(Graph([], [])), tmp_path / "g.png")
    with pytest.raises(ExportError, match="Choose another folder"):
        export_image(builders.neuron(), tmp_path / "missing" / "g.png")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_survives_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "g.png"
    path.write_bytes(b"old")
    with pytest.raises(ExportError):
        export_image(Trace(Graph([], [])), path)
    assert path.read_bytes() == b"old"
    export_image(builders.neuron(), path, scale=0.5)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_it_works_without_a_running_application(tmp_path: Path) -> None:
    program = (
        "import sys; from tests.gui.canvas import builders; from gui.canvas.export import export_image;"
        "export_image(builders.neuron(), sys.argv[1]); print('done')"
    )
    root = Path(__file__).parents[3]
    target = tmp_path / "g.svg"
    done = subprocess.run(
        [sys.executable, "-c", program, str(target)], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert target.stat().st_size > 1000


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.77, 1.3])
def test_the_last_row_and_column_belong_to_the_picture(tmp_path: Path, scale: float) -> None:
    image = QImage(str(export_image(builders.neuron(), tmp_path / "g.png", scale=scale)))
    right, bottom = image.width() - 1, image.height() - 1
    edge = [image.pixelColor(right, y) for y in range(image.height())]
    edge += [image.pixelColor(x, bottom) for x in range(image.width())]
    assert {colour.name() for colour in edge} == {LIGHT.background.name()}


def test_function_calls_are_exported_as_they_are_shown(tmp_path: Path) -> None:
    trace = builders.calls()
    folds = Folds.none().with_functions(functions_of(trace.graph, trace.sources))
    root = ElementTree.parse(export_image(trace, tmp_path / "g.svg", folds=folds)).getroot()
    texts = {element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"linear", "cross_entropy", "ƒ"} <= texts
    assert "addmm" not in texts
