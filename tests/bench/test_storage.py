"""How long a trace of 10,000 nodes takes to be written and read, how large it is, and how fast logs are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from engine.graph.model import Edge, Graph, Node, SavedTensor, Source, TensorInfo
from engine.graph.summary import Summary, summarize
from engine.graph.trace import BackwardStep, Trace
from engine.runs import open_log
from engine.storage.trace_file import dumps, loads
from tests.engine.runs.events import scalars, version

NODES = 10_000


def _trace(*, has_summaries: bool) -> Trace:
    """A chain with skip connections, one gradient per tensor, in 100 scopes."""
    random = np.random.default_rng(0)

    def tensor() -> TensorInfo:
        summary: Summary | None = summarize(random.standard_normal(200)) if has_summaries else None
        return TensorInfo(shape=(32, 200), dtype="float32", requires_grad=True, recorded_summary=summary)

    nodes = [
        Node(
            id=place,
            kind="op",
            op=f"aten.op{place % 50}.default",
            grad_fn=f"Op{place % 50}Backward0",
            sequence_nr=place if place % 5 else 2**64 - 1,
            scope=("model", f"block{place // 100}", f"linear{place // 20}"),
            source=Source("model.py", place % 300, "forward"),
            name=f"v{place % 500}",
            outputs=[tensor()],
            params={"alpha": place % 7, "dim": [1, 2]},
            saved=[SavedTensor(name="self", shape=(32, 200), dtype="float32", nbytes=25_600, source=(place, 0))],
            seconds=random.random(),
        )
        for place in range(NODES)
    ]
    edges = [
        Edge(source=place - back, output_nr=0, target=place, input_nr=back - 1, arg="self", grad_index=back - 1)
        for place in range(2, NODES)
        for back in (1, 2)
    ]
    steps = []
    grad_output = tensor()
    for index, node in enumerate(reversed(nodes)):
        grad_inputs: list[TensorInfo | None] = [tensor(), tensor()]
        steps.append(BackwardStep(index=index, node=node, grad_outputs=[grad_output], grad_inputs=grad_inputs))
        grad_output = grad_inputs[0] or grad_output
    return Trace(Graph(nodes, edges), steps, roots=[(NODES - 1, 0)])


@pytest.mark.parametrize("has_summaries", [False, True], ids=["form", "summaries"])
def test_save_and_load(benchmark: Any, has_summaries: bool) -> None:
    trace = _trace(has_summaries=has_summaries)
    size = len(dumps(trace)) / NODES
    benchmark.extra_info["bytes a node"] = size
    again = benchmark.pedantic(lambda: loads(dumps(trace)), rounds=5, warmup_rounds=1)
    print(f"\n{size:.0f} bytes a node, {benchmark.stats['median']:.2f} s to save and load {NODES:,} nodes")
    assert len(again.graph.nodes) == NODES


def test_arrays_against_safetensors(benchmark: Any) -> None:
    trace = _trace(has_summaries=False)
    arrays = {}
    for node in trace.graph.nodes:
        arrays[str(node.id)] = node.outputs[0].array = np.full(1000, float(node.id))
    blob = dumps(trace)
    plain = safetensors.numpy.save(arrays)
    print(f"\nfile against the arrays alone: {len(blob) / len(plain):.3f} of the size")
    benchmark.pedantic(lambda: loads(blob), rounds=3, warmup_rounds=1)


def test_event_file(benchmark: Any, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    count = 50_000
    path.write_bytes(version() + scalars("loss", [(step, 0.5) for step in range(count)]))
    found = benchmark.pedantic(lambda: open_log(path).poll(), rounds=3, warmup_rounds=1)
    print(f"\n{count / benchmark.stats['median']:,.0f} events a second")
    assert len(found["loss"][0]) == count
