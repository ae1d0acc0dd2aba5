"""How long layouts and steps take, and how much that is per node."""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from engine.graph.fold import Folds
from engine.graph.layout import layout
from engine.graph.stepper import Stepper

from ..engine.graph.builder import GraphBuilder
from ..engine.graph.models import chain, transformer

CASES = {
    "transformer of 12 blocks": lambda: transformer(12),
    "transformer of 48 blocks": lambda: transformer(48),
    "transformer of 300 blocks": lambda: transformer(300),
    "chain of 10 000": lambda: chain(10_000),
}


@pytest.mark.parametrize("name", CASES)
def test_fully_open_layout(benchmark: BenchmarkFixture, name: str) -> None:
    graph = CASES[name]()
    drawing = benchmark(layout, graph, folds=Folds.none())
    benchmark.extra_info["nodes"] = len(graph.nodes)
    benchmark.extra_info["microseconds_per_node"] = _microseconds(benchmark) / len(graph.nodes)
    assert len(drawing.items) >= len(graph.nodes)


@pytest.mark.parametrize("name", CASES)
def test_default_layout(benchmark: BenchmarkFixture, name: str) -> None:
    graph = CASES[name]()
    benchmark(layout, graph)
    benchmark.extra_info["microseconds_per_node"] = _microseconds(benchmark) / len(graph.nodes)


def test_one_step_back_and_forth(benchmark: BenchmarkFixture) -> None:
    build = GraphBuilder()
    data = build.tensor("leaf", "x")
    for _ in range(10_000):
        data = build.op("sin", data)
    stepper = Stepper(build.trace(data))
    stepper.move_to(5_000)

    def there_and_back() -> None:
        stepper.move_to(5_001)
        stepper.move_to(5_000)

    benchmark(there_and_back)
    benchmark.extra_info["microseconds_per_step"] = _microseconds(benchmark) / 2


def _microseconds(benchmark: BenchmarkFixture) -> float:
    return float(benchmark.stats.stats.median) * 1e6 if benchmark.stats is not None else 0.0
