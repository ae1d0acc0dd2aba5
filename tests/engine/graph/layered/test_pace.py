"""A layout tells how far it is, and ends soon after nobody waits for it any more."""

from __future__ import annotations

from functools import partial

import pytest

from engine.graph.fold import Folds
from engine.graph.layered.pace import Pace
from engine.graph.layout import METHODS, LayoutCancelledError, layout
from engine.graph.model import Graph

from ..builder import GraphBuilder
from ..models import chain, mlp, transformer


def uses(count: int) -> Graph:
    """One value with so many uses, all gathered again."""
    build = GraphBuilder()
    x = build.op("exp", build.tensor("leaf", "x"))
    build.op("stack", *[build.op("sin", x) for _ in range(count)])
    return build.graph()


@pytest.mark.parametrize("graph", [mlp(), transformer(12), chain(3000), uses(1000), Graph([], [])])
@pytest.mark.parametrize("direction", ["down", "right"])
def test_progress_grows_from_0_to_1(graph: Graph, direction: str) -> None:
    told: list[float] = []
    layout(graph, folds=Folds.none(), direction="right" if direction == "right" else "down", on_progress=told.append)
    assert told[0] == 0.0
    assert told[-1] == 1.0
    assert told == sorted(set(told))


def test_a_long_level_is_told_of_piece_by_piece() -> None:
    told: list[float] = []
    layout(transformer(120), folds=Folds.none(), on_progress=told.append)
    assert len(told) > 10
    assert len(told) <= 101


@pytest.mark.parametrize("method", [name for name, _ in METHODS])
def test_every_method_ends_at_1(method: str) -> None:
    told: list[float] = []
    layout(mlp(), method, on_progress=told.append)
    assert told[-1] == 1.0
    assert told == sorted(set(told))


@pytest.mark.parametrize("method", ["layered", "kamada_kawai", "spring"])
def test_it_can_be_cancelled_at_every_point_that_is_told(method: str) -> None:
    told: list[float] = []
    layout(transformer(2), method, folds=Folds.none(), on_progress=told.append)
    for share in told[:-1]:
        reached = [-1.0]
        with pytest.raises(LayoutCancelledError, match="cancelled"):
            layout(
                transformer(2),  # another one each time: nothing of it is remembered
                method,
                folds=Folds.none(),
                is_cancelled=partial(_has_reached, reached, share),
                on_progress=reached.append,
            )
        assert reached[-1] < 1.0


def _has_reached(told: list[float], share: float) -> bool:
    return told[-1] >= share


def test_sections_and_what_is_told_never_go_back() -> None:
    told: list[float] = []
    pace = Pace(on_progress=told.append)
    pace.begin(0.0, 0.5)
    pace.advance(0.5)
    pace.advance(7.0)
    pace.begin(0.2, 0.3)
    pace.begin(0.502, 1.0)
    pace.finish()
    pace.finish()
    assert told == [0.0, 0.25, 0.5, 1.0]
