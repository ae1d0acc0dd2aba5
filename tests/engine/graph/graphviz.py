"""Graphviz' `dot` as a measure: the same boxes and links, laid out by it."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engine.graph.drawing import Drawing
from engine.graph.model import Graph

INCH = 72.0
DOT = shutil.which("dot")


class Plain(NamedTuple):
    """What dot made: (source item, target item, curve, shape (k, 2)) for every link, and the seconds it took."""

    curves: list[tuple[int, int, npt.NDArray[np.float64]]]
    seconds: float


def laid_out(drawing: Drawing, *, has_groups: bool = False, timeout_s: float = 60.0) -> Plain:
    """Lay out the closed boxes of a drawing and the links between them, `has_groups` with the open groups around."""
    inside: dict[int, list[int]] = {}
    for index, item in enumerate(drawing.items):
        inside.setdefault(item.parent if has_groups else -1, []).append(index)
    lines = ['digraph { node [shape=box fixedsize=true label=""]']
    waiting: list[int] = list(inside.get(-1, []))
    while waiting:
        index = waiting.pop()
        if index < 0:
            lines.append("}")
        elif drawing.items[index].kind != "group" or drawing.items[index].is_folded:
            _, _, width, height = drawing.rects[index]
            lines.append(f"{index} [width={width / INCH:.3f} height={height / INCH:.3f}]")
        elif has_groups:
            lines.append(f"subgraph cluster_{index} {{")
            waiting += [-1, *inside.get(index, [])]
    lines += [f"{link.source} -> {link.target}" for link in drawing.links]
    text, seconds = _run(lines, timeout_s)
    curves = []
    for line in text.splitlines():
        words = line.split()
        if words[0] == "edge":
            numbers = np.array(words[4 : 4 + 2 * int(words[3])], dtype=np.float64).reshape(-1, 2)
            curves.append((int(words[1]), int(words[2]), _flattened(numbers)))
    return Plain(curves, seconds)


def seconds_for(graph: Graph, timeout_s: float = 60.0) -> float:
    """How long dot takes for a graph as it was recorded, with labels for boxes."""
    lines = ["digraph { node [shape=box]"]
    lines += [f'{node.id} [label="{node.label}"]' for node in graph.nodes]
    lines += [f"{edge.source} -> {edge.target}" for edge in graph.edges]
    return _run(lines, timeout_s)[1]


def _run(lines: list[str], timeout_s: float) -> tuple[str, float]:
    assert DOT is not None
    start = time.perf_counter()
    done = subprocess.run(
        [DOT, "-Tplain"], input="\n".join([*lines, "}"]), capture_output=True, text=True, check=True, timeout=timeout_s
    )
    return done.stdout, time.perf_counter() - start


def _flattened(control: npt.NDArray[np.float64], steps: int = 4) -> npt.NDArray[np.float64]:
    """Points of a chain of cubic Bézier curves."""
    t = np.linspace(0.0, 1.0, steps + 1)[1:, None]
    points = [control[:1]]
    for k in range(0, len(control) - 3, 3):
        a, b, c, d = control[k : k + 4]
        points.append((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d)
    return np.concatenate(points)


def crossings(plain: Plain) -> int:
    """How often curves without a common end cross."""
    starts = np.concatenate([points[:-1] for _, _, points in plain.curves])
    ends = np.concatenate([points[1:] for _, _, points in plain.curves])
    counts = [len(points) - 1 for _, _, points in plain.curves]
    source = np.repeat([curve[0] for curve in plain.curves], counts)
    target = np.repeat([curve[1] for curve in plain.curves], counts)
    found = 0
    for k in range(len(starts)):
        a, b, c, d = starts[k], ends[k], starts[k + 1 :], ends[k + 1 :]
        is_between = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
        is_apart = (source[k + 1 :] != source[k]) & (target[k + 1 :] != target[k])
        found += int((is_between & is_apart).sum())
    return found


def _side(
    a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], c: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """On which side of the line from a to b each c is."""
    along, away = b - a, c - a
    result: npt.NDArray[np.float64] = along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0]
    return result
