"""gui.exporting: one command, six formats, each read back by someone else."""

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
    else:
        assert data.startswith(b"digraph")


def test_unknown_format_is_refused_with_a_sentence(opened: MainWindow, tmp_path: Path) -> None:
    with pytest.raises(RetrogradError, match=r"\.svg"):
        opened.export_graph(tmp_path / "graph.xyz")


@pytest.mark.parametrize("suffix", [".png", ".dot"])
def test_folder_that_does_not_exist_is_a_sentence(opened: MainWindow, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(RetrogradError):
        opened.export_graph(tmp_path / "none" / f"graph{suffix}")
