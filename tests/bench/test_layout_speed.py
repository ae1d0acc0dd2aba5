"""How long layouts take on real networks and on very large graphs, each beside its target, and beside graphviz."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.graph.drawing import Drawing
from engine.graph.fold import Folds
from engine.graph.functions import functions_of
from engine.graph.layout import Direction, layout
from engine.graph.model import Graph

from ..engine.graph import graphviz, networks
from ..engine.graph.builder import GraphBuilder
from ..engine.graph.models import chain, transformer


class Row(NamedTuple):
    """One line of the table: what was measured, in milliseconds, and what it should be at most."""

    title: str
    nodes: int
    milliseconds: float
    target: float | None
    dot: str = ""


@pytest.fixture(scope="module")
def table() -> Iterator[list[Row]]:
    """Rows that are printed when all is measured."""
    rows: list[Row] = []
    yield rows
    print(f"\n\n{'':48}{'nodes':>7}{'ms':>9}{'target':>9}   {'':8}{'dot':>10}{'ratio':>9}{'target':>9}")
    for row in rows:
        target = "" if row.target is None else f"<= {row.target:.0f}"
        print(
            f"{row.title:48}{row.nodes:7}{row.milliseconds:9.1f}{target:>9}   {_verdict(row):8}{row.dot}".rstrip(),
        )


def _verdict(row: Row) -> str:
    if row.target is None:
        return ""
    return "met" if row.milliseconds <= row.target else "MISSED"


@cache
def gpt2() -> Graph:
    return networks.gpt(12).graph


@cache
def layers48() -> Graph:
    return networks.gpt(48).graph


@cache
def in_blocks(count: int) -> Graph:
    return transformer(count)


@cache
def in_chain(count: int) -> Graph:
    return chain(count)


@cache
def uses(count: int) -> Graph:
    """One value with so many uses, all gathered again."""
    build = GraphBuilder()
    x = build.op("exp", build.tensor("leaf", "x"))
    build.op("stack", *[build.op("sin", x) for _ in range(count)])
    return build.graph()


class Case(NamedTuple):
    """A graph, and in how many milliseconds all of it should be laid out."""

    graph: Callable[[], Graph]
    target: float | None = None


CASES: dict[str, Case] = {
    "GPT-2": Case(gpt2, 25),
    "48 layers": Case(layers48, 80),
    "ResNet-50": Case(lambda: networks.resnet(3, 4, 6, 3).graph),
    "MLP of 200 layers": Case(lambda: networks.perceptron(200).graph),
    "LSTM of 80 steps": Case(lambda: networks.lstm(80).graph),
    "10 000 nodes in blocks": Case(lambda: in_blocks(280), 400),
    "60 000 nodes in blocks": Case(lambda: in_blocks(1670), 1000),
    "chain of 10 000": Case(lambda: in_chain(10_000), 400),
    "chain of 60 000": Case(lambda: in_chain(60_000), 1000),
    "10 000 uses": Case(lambda: uses(10_000), 400),
    "50 000 uses": Case(lambda: uses(50_000), 1000),
}


@pytest.mark.parametrize("name", CASES)
def test_everything_open(benchmark: BenchmarkFixture, table: list[Row], name: str) -> None:
    case = CASES[name]
    graph = case.graph()
    drawing = _cold(benchmark, graph, Folds.none())
    assert len(drawing.items) >= len(graph.nodes)
    table.append(Row(f"{name}, every operation", len(graph.nodes), _median_ms(benchmark), case.target))


@pytest.mark.parametrize("name", CASES)
def test_as_first_shown(benchmark: BenchmarkFixture, table: list[Row], name: str) -> None:
    case = CASES[name]
    graph = case.graph()
    drawing = _cold(benchmark, graph, None)
    assert drawing.items
    table.append(Row(f"{name}, as first shown", len(graph.nodes), _median_ms(benchmark), case.target))


@pytest.mark.parametrize("direction", ["down", "right"])
@pytest.mark.parametrize("is_opened", [True, False])
def test_opening_and_folding_one_of_48_blocks(
    benchmark: BenchmarkFixture, table: list[Row], direction: Direction, *, is_opened: bool
) -> None:
    folded = Folds.default_for(layers48()).expand_repeats()
    before, after = _in_order(folded, folded.unfold_to(("model", "h.24")), is_opened=is_opened)
    _changed(benchmark, layers48(), before, after, direction)
    title = f"{'unfold' if is_opened else 'fold'} one of 48 blocks, {direction}"
    table.append(Row(title, len(layers48().nodes), _median_ms(benchmark), 30))


@pytest.mark.parametrize("is_opened", [True, False])
def test_opening_and_folding_among_47_open_blocks(
    benchmark: BenchmarkFixture, table: list[Row], *, is_opened: bool
) -> None:
    before, after = _in_order(Folds.none().fold(("model", "h.24")), Folds.none(), is_opened=is_opened)
    _changed(benchmark, layers48(), before, after, "down")
    title = f"{'unfold' if is_opened else 'fold'} a block, all 47 others open"
    table.append(Row(title, len(layers48().nodes), _median_ms(benchmark), 30))


def test_finding_functions(benchmark: BenchmarkFixture, table: list[Row]) -> None:
    trace = networks.gpt(12)
    benchmark(functions_of, trace.graph, trace.sources)
    table.append(Row("functions of GPT-2", len(trace.graph.nodes), _median_ms(benchmark), None))


@pytest.mark.skipif(graphviz.DOT is None, reason="graphviz is not installed")
@pytest.mark.parametrize(("layers", "times"), [(12, 15), (48, 100)])
def test_beside_graphviz(benchmark: BenchmarkFixture, table: list[Row], layers: int, times: int) -> None:
    """All nodes, leaves too, of the network in full.

    The target is for the graph as recorded. Our picture of it, with modules as clusters and lines bundled, is less work
    for dot; its time is there to compare.
    """
    graph = networks.gpt(layers, in_full=True).graph
    drawing = _cold(benchmark, graph, Folds.none())
    ours = _median_ms(benchmark)
    recorded = graphviz.seconds_for(graph, timeout_s=300.0) * 1e3
    same = graphviz.laid_out(drawing, has_groups=True, timeout_s=300.0).seconds * 1e3
    benchmark.extra_info["times_faster_than_dot"] = recorded / ours
    verdict = f"{f'>= {times}x':>9}   {'met' if recorded / ours >= times else 'MISSED'}"
    for title, dot, target in (("as recorded", recorded, verdict), ("our picture, clustered", same, "")):
        beside = f"{dot:10.0f}{dot / ours:8.0f}x{target}"
        table.append(Row(f"GPT of {layers} layers in full, {title}", len(graph.nodes), ours, None, beside))


def _cold(benchmark: BenchmarkFixture, graph: Graph, folds: Folds | None) -> Drawing:
    """Lay a graph out again and again, each time as if it had just been opened: with nothing remembered of it."""

    def fresh() -> tuple[tuple[Graph], dict[str, Folds | None]]:
        return (Graph(graph.nodes, graph.edges, graph.scopes),), {"folds": folds}

    rounds = 5 if len(graph.nodes) > 5_000 else 15
    drawing: Drawing = benchmark.pedantic(layout, setup=fresh, rounds=rounds)  # type: ignore[no-untyped-call]  # not annotated
    benchmark.extra_info["nodes"] = len(graph.nodes)
    benchmark.extra_info["microseconds_per_node"] = _median_ms(benchmark) * 1e3 / max(len(graph.nodes), 1)
    return drawing


def _in_order(folded: Folds, opened: Folds, *, is_opened: bool) -> tuple[Folds, Folds]:
    return (folded, opened) if is_opened else (opened, folded)


def _changed(benchmark: BenchmarkFixture, graph: Graph, before: Folds, after: Folds, direction: Direction) -> None:
    """Change folds again and again, each time for the first time since the graph was opened."""

    def shown() -> tuple[tuple[Graph], dict[str, object]]:
        fresh = Graph(graph.nodes, graph.edges, graph.scopes)
        layout(fresh, folds=before, direction=direction)
        return (fresh,), {"folds": after, "direction": direction}

    benchmark.pedantic(layout, setup=shown, rounds=15)  # type: ignore[no-untyped-call]  # not annotated


def _median_ms(benchmark: BenchmarkFixture) -> float:
    return float(benchmark.stats.stats.median) * 1e3 if benchmark.stats is not None else 1e3
