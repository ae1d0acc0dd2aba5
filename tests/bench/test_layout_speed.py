"""How long layouts take on real networks and on very large graphs, per node and beside graphviz."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.graph.fold import Folds
from engine.graph.functions import functions_of
from engine.graph.layout import layout
from engine.graph.model import Graph

from ..engine.graph import graphviz, networks
from ..engine.graph.builder import GraphBuilder
from ..engine.graph.models import chain, transformer


@cache
def gpt2() -> Graph:
    return networks.gpt(12).graph


@cache
def layers48() -> Graph:
    return networks.gpt(48).graph


def uses(count: int) -> Graph:
    """One value with so many uses, all gathered again."""
    build = GraphBuilder()
    x = build.op("exp", build.tensor("leaf", "x"))
    build.op("stack", *[build.op("sin", x) for _ in range(count)])
    return build.graph()


CASES: dict[str, Callable[[], Graph]] = {
    "GPT-2": gpt2,
    "48 layers": layers48,
    "ResNet-50": lambda: networks.resnet(3, 4, 6, 3).graph,
    "MLP of 200 layers": lambda: networks.perceptron(200).graph,
    "LSTM of 80 steps": lambda: networks.lstm(80).graph,
    "10 000 nodes in blocks": lambda: transformer(280),
    "60 000 nodes in blocks": lambda: transformer(1670),
    "chain of 10 000": lambda: chain(10_000),
    "chain of 60 000": lambda: chain(60_000),
    "10 000 uses": lambda: uses(10_000),
    "50 000 uses": lambda: uses(50_000),
}


@pytest.mark.parametrize("name", CASES)
def test_everything_open(benchmark: BenchmarkFixture, name: str) -> None:
    graph = CASES[name]()
    drawing = benchmark(layout, graph, folds=Folds.none())
    assert len(drawing.items) >= len(graph.nodes)
    _report(benchmark, graph)


@pytest.mark.parametrize("name", CASES)
def test_as_first_shown(benchmark: BenchmarkFixture, name: str) -> None:
    graph = CASES[name]()
    drawing = benchmark(layout, graph)
    assert drawing.items
    _report(benchmark, graph)


@pytest.mark.parametrize("direction", ["down", "right"])
def test_opening_and_folding_one_of_48_blocks(benchmark: BenchmarkFixture, direction: str) -> None:
    graph = layers48()
    folds = Folds.default_for(graph).expand_repeats()
    opened = folds.unfold_to(("model", "h.24"))

    def open_and_fold() -> None:
        for each in (opened, folds):
            layout(graph, folds=each, direction="right" if direction == "right" else "down")

    benchmark(open_and_fold)
    print(f"\nopening or folding one of 48 blocks, {direction}: {_median(benchmark) / 2 * 1e3:.1f} ms")


def test_finding_functions(benchmark: BenchmarkFixture) -> None:
    trace = networks.gpt(12)
    benchmark(functions_of, trace.graph, trace.sources)


@pytest.mark.skipif(graphviz.DOT is None, reason="graphviz is not installed")
@pytest.mark.parametrize("layers", [12, 48])
def test_beside_graphviz(benchmark: BenchmarkFixture, layers: int) -> None:
    graph = networks.gpt(layers, in_full=True).graph
    drawing = benchmark(layout, graph, folds=Folds.none())
    ours = _median(benchmark)
    recorded = graphviz.seconds_for(graph, timeout_s=300.0) / ours
    same = graphviz.laid_out(drawing, has_groups=True, timeout_s=300.0).seconds / ours
    benchmark.extra_info["times_faster_than_dot"] = recorded
    print(
        f"\nGPT of {layers} layers, {len(graph.nodes)} nodes: {ours * 1e3:.1f} ms. Graphviz takes {recorded:.0f} times"
    )
    print(f"as long for the graph as recorded, and {same:.0f} times as long for the same picture.")


def _median(benchmark: BenchmarkFixture) -> float:
    return float(benchmark.stats.stats.median) if benchmark.stats is not None else 1.0


def _report(benchmark: BenchmarkFixture, graph: Graph) -> None:
    per_node = _median(benchmark) * 1e6 / max(len(graph.nodes), 1)
    benchmark.extra_info["nodes"] = len(graph.nodes)
    benchmark.extra_info["microseconds_per_node"] = per_node
    print(f"\n{len(graph.nodes)} nodes in {_median(benchmark) * 1e3:.1f} ms: {per_node:.1f} µs each")
