"""A trace as one JSON object: what each node costs stands beside what it is."""

from __future__ import annotations

import json

from engine.graph.model import SavedTensor
from engine.graph.report import to_json
from tests.engine.traces import MUL, W, X, small_trace


def test_nodes_say_what_they_cost() -> None:
    trace = small_trace()
    node, step = trace.graph.nodes[MUL], trace.step_of(MUL)
    assert step is not None
    node.seconds, step.seconds, node.flops = 1.5e-5, 2.5e-5, 48
    node.saved = [
        SavedTensor(name=name, shape=(4,), dtype="float32", nbytes=16, span=(3, 0, 16)) for name in ("self", "other")
    ]
    nodes = json.loads(to_json(trace))["nodes"]
    told = {name: nodes[MUL][name] for name in ("seconds", "backward_seconds", "flops", "saved_bytes")}
    assert told == {"seconds": 1.5e-5, "backward_seconds": 2.5e-5, "flops": 48, "saved_bytes": 16}
    assert nodes[X]["backward_seconds"] is None, "no gradient flows to the input"
    assert nodes[W]["flops"] is None
    assert nodes[W]["saved_bytes"] == 0
