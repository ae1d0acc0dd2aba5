"""What the canvas holds of a graph, unfolded and looked at near and far: a fixed part, and a part per node."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any, NamedTuple

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPixmap

from gui.canvas.widget import GraphCanvas
from gui.document import Document
from gui.theme import ThemeManager
from tests.bench.canvases import settle

from ..engine.graph import networks

LAYERS = (70, 232, 464)
"""Layers of a GPT with about 3, 10 and 20 thousand nodes."""
MOST_BYTES_A_NODE = 2048

pytestmark = pytest.mark.benchmark(group="memory")


class Held(NamedTuple):
    """Bytes of Python's objects and numpy's arrays, and of pictures, for a graph of so many nodes."""

    nodes: int
    objects: int
    pictures: int


def hold(layers: int) -> Held:
    trace = networks.gpt(layers)
    trace.graph.incoming(0)
    trace.graph.outgoing(0)  # the trace's own, made when first asked for
    canvas = GraphCanvas(Document(), ThemeManager())
    canvas.resize(1600, 900)
    canvas.show()
    canvas.grab()
    gc.collect()
    tracemalloc.start()
    canvas.document.set_trace(trace)
    settle(canvas)
    canvas.unfold_all()
    settle(canvas)
    canvas.document.move_to(len(trace.backward) // 2)
    for overlay in ("gradient norm", "kind"):
        canvas.set_overlay(overlay)
        for scale in (None, 0.2, 0.4, 0.9):
            canvas.fit()
            if scale is not None:
                canvas.zoom_by(scale / canvas.camera.scale)
            for _ in range(6):
                canvas.pan_by(40, 25)
                canvas.grab()
            canvas.view.rest()
            canvas.grab()
    gc.collect()
    objects = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    held = Held(len(trace.graph.nodes), objects, sum(pictures_of(canvas)))
    canvas.wait_for_layout()
    canvas.close()
    canvas.deleteLater()
    return held


def pictures_of(canvas: GraphCanvas) -> list[int]:
    """Bytes of every picture that can be reached from the canvas by attributes and containers; shared ones once."""
    seen: set[int] = set()
    sizes: dict[int, int] = {}
    waiting: list[Any] = [canvas]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, QImage):
            sizes[thing.cacheKey()] = thing.sizeInBytes()
        elif isinstance(thing, QPixmap):
            sizes[thing.cacheKey()] = thing.width() * thing.height() * thing.depth() // 8
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, list | tuple | set):
            waiting += thing
        elif type(thing).__module__.startswith("gui.canvas"):
            waiting += getattr(thing, "__dict__", {}).values()
    return list(sizes.values())


def test_memory_of_the_canvas(benchmark: Any, qapp: object) -> None:
    hold(4)  # what is made once belongs to no graph
    found = [hold(layers) for layers in LAYERS]
    nodes = np.array([held.nodes for held in found], dtype=np.float64)
    per_node = {}
    for part in ("objects", "pictures"):
        slope, fixed = np.polyfit(nodes, [getattr(held, part) for held in found], 1)
        per_node[part] = float(slope)
        each = ", ".join(f"{getattr(held, part) / 1e6:.1f} MB of {held.nodes:,}" for held in found)
        print(f"\n{part}: {slope:.0f} bytes a node and {fixed / 1e6:.1f} MB whatever the graph ({each} nodes)")
    whole = sum(per_node.values())
    print(f"together {whole:.0f} bytes a node, {whole / MOST_BYTES_A_NODE:.2f} of the limit")
    benchmark.extra_info.update(per_node)
    benchmark.pedantic(lambda: None, rounds=1)
