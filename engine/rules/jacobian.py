"""The Jacobian of one small recorded operation, by its rule alone: without torch and without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .call import Array
from .recorded import evaluate_step

if TYPE_CHECKING:
    from ..graph.model import Edge
    from ..graph.trace import BackwardStep, Trace

MOST_ENTRIES = 4096
"""Of a larger one a picture shows no single entry any more."""


def jacobian(trace: Trace, step: BackwardStep, edge: Edge, output: int = 0) -> Array | None:
    """d output / d operand at the recorded values, one row per element of the output, one column per element of the
    operand that `edge` brings; in float64.

    None where it would have more than `MOST_ENTRIES` entries, the rule cannot be evaluated, or a value was not kept.
    """
    outputs, operand = step.node.outputs, trace.graph.nodes[edge.source].outputs[edge.output_nr]
    if output >= len(outputs) or outputs[output].numel * operand.numel > MOST_ENTRIES:
        return None
    shape = outputs[output].shape
    rows = []
    for place in range(outputs[output].numel):
        unit = np.zeros(outputs[output].numel)
        unit[place] = 1
        grads: list[Array | None] = [None] * len(outputs)
        grads[output] = unit.reshape(shape)
        found = dict(evaluate_step(trace, step, grads) or ()).get(edge)
        if found is None:
            return None
        rows.append(np.asarray(found, np.float64).reshape(-1))
    return np.stack(rows) if rows else None
