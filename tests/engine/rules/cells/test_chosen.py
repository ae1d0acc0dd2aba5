"""What is written for an element of a gradient, computed as it stands there, is the gradient that autograd recorded."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from engine import Trace
from engine.graph.trace import BackwardStep
from engine.rules import rules
from engine.rules.cells import cell, missing_values, text_of

from ..cases import Case, every_case
from .recorded import accumulated, copy_slices, made_by_hand, recorded_call, step_of
from .written import computed

CASES = every_case()
BY_HAND = [
    "LinearBackward0",
    "ScaledDotProductFlashAttentionBackward0",
    "ScaledDotProductEfficientAttentionBackward0",
    "ScaledDotProductCudnnAttentionBackward0",
]
EVERYTHING = 10**9


def check(trace: Trace, step: BackwardStep, tolerance: float = 1e-9) -> int:
    """Every element of everything that a step hands on; returns how many there were."""
    count = 0
    for edge in trace.graph.incoming(step.node):
        number = edge.grad_index
        info = None if number is None or number >= len(step.grad_inputs) else step.grad_inputs[number]
        if info is None or info.array is None:
            continue
        for index in np.ndindex(*info.array.shape):
            found = cell(trace, step, edge, index)
            assert found is not None, f"no expression for {edge.arg}{list(index)}"
            recorded = float(info.array[index])
            assert found.recorded == recorded
            np.testing.assert_allclose(float(found.expression.value), recorded, rtol=tolerance, atol=tolerance)
            text = text_of(found.expression, digits=17, most_terms=EVERYTHING)
            assert "…" not in text
            np.testing.assert_allclose(computed(text), recorded, rtol=tolerance, atol=tolerance, err_msg=text)
            assert text_of(found.expression)
            count += 1
    return count


@pytest.mark.parametrize("case", CASES, ids=[f"{c[0]}-{k}" for k, c in enumerate(CASES)])
def test_the_written_rule_gives_the_recorded_gradient(case: Case) -> None:
    trace = recorded_call(case[1], case[2])
    step = step_of(trace, case[0])
    is_rounded = case[0] == "HardsigmoidBackward0" or any("float32" in info.dtype for info in step.node.outputs)
    assert missing_values(trace, step) == []
    assert check(trace, step, 1e-6 if is_rounded else 1e-9) > 0


def test_a_write_into_a_part() -> None:
    trace = copy_slices()
    assert check(trace, step_of(trace, "CopySlices")) > 0


@pytest.mark.parametrize("node", BY_HAND)
def test_nodes_of_other_machines(node: str) -> None:
    attention = next(c for c in CASES if c[0].startswith("ScaledDot") and set(c[2]) == {"query", "key", "value"})
    trace = made_by_hand(node, attention)
    assert check(trace, trace.backward[0]) > 0


def test_a_leaf_adds_to_what_it_held() -> None:
    trace = accumulated()
    step = step_of(trace, "AccumulateGrad")
    for k in range(3):
        found = cell(trace, step, None, (k,))
        assert found is not None
        assert step.grad_after is not None
        assert step.grad_after.array is not None
        assert float(found.expression.value) == found.recorded == float(step.grad_after.array[k])
        assert text_of(found.expression).count(" + ") == 1


def test_every_rule_is_among_these() -> None:
    tested = {case[0] for case in CASES} | set(BY_HAND) | {"CopySlices", "AccumulateGrad"}
    assert set(rules()) <= tested
    listed = json.loads(files("engine.rules").joinpath("rules.json").read_bytes())
    assert set(listed) <= tested


def test_values_that_were_not_kept_are_named() -> None:
    trace = recorded_call("mul.Tensor", next(c[2] for c in CASES if c[1] == "mul.Tensor"))
    step = step_of(trace, "MulBackward0")
    edge = trace.graph.incoming(step.node)[0]
    trace.graph.nodes[edge.source].outputs[0].array = None
    info = step.grad_outputs[0]
    assert info is not None
    info.array = None
    assert missing_values(trace, step) == [(edge.source, 0, False), (step.node.id, 0, True)]
    other = trace.graph.incoming(step.node)[1]
    assert cell(trace, step, other, (0,)) is None
