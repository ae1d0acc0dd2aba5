"""gui.exporting: one command, seven formats, each read back by someone else."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from PySide6.QtGui import QImage
from PySide6.QtSvg import QSvgRenderer

from engine.errors import RetrogradError
from gui.exporting import PICTURES, TEXTS
from gui.window import MainWindow


@pytest.mark.parametrize("suffix", PICTURES + TEXTS)
def test_graph_is_written_in_every_format(opened: MainWindow, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"graph{suffix}"
    opened.export_graph(path)
    data = path.read_bytes()
    assert opened.document.trace is not None
    nodes = len(opened.document.trace.graph.nodes)
    if suffix == ".png":
        assert QImage(str(path)).width() > 100
    elif suffix == ".svg":
        assert QSvgRenderer(str(path)).isValid()
    elif suffix == ".pdf":
        assert data.startswith(b"%PDF")
    elif suffix == ".json":
        assert len(json.loads(data)["nodes"]) == nodes
    elif suffix == ".graphml":
        assert len(list(ET.fromstring(data).iter("{http://graphml.graphdrawing.org/xmlns}node"))) == nodes
    elif suffix == ".mmd":
        assert data.startswith(b"flowchart")
    else:
        assert data.startswith(b"digraph")


def test_what_is_in_view_is_exported_alone(opened: MainWindow, tmp_path: Path) -> None:
    canvas = opened.canvas
    assert canvas is not None
    canvas.zoom_by(2 / canvas.camera.scale)
    canvas.set_overlay("dtype")
    opened.export_graph(tmp_path / "view.png", is_view=True)
    opened.export_graph(tmp_path / "all.png")
    view, whole = QImage(str(tmp_path / "view.png")), QImage(str(tmp_path / "all.png"))
    x, _, right, _ = canvas.view.region
    assert abs(view.width() - max(2 * (right - x), 512)) <= 2
    assert view.height() < whole.height()


def test_boxes_are_exported_where_the_user_put_them(opened: MainWindow, tmp_path: Path) -> None:
    canvas = opened.canvas
    assert canvas is not None
    opened.export_graph(tmp_path / "before.png")
    canvas.pick(0)
    canvas.carrier.nudge(2000, 0)
    opened.export_graph(tmp_path / "after.png")
    assert QImage(str(tmp_path / "after.png")).width() > QImage(str(tmp_path / "before.png")).width()


def test_unknown_format_is_refused_with_a_sentence(opened: MainWindow, tmp_path: Path) -> None:
    with pytest.raises(RetrogradError, match=r"\.svg"):
        opened.export_graph(tmp_path / "graph.xyz")


@pytest.mark.parametrize("suffix", [".png", ".dot"])
def test_folder_that_does_not_exist_is_a_sentence(opened: MainWindow, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(RetrogradError):
        opened.export_graph(tmp_path / "none" / f"graph{suffix}")
