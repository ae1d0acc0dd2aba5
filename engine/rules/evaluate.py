"""Computes a rule's right-hand side with numpy, independently of torch: a second opinion on every gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import elementwise, losses, products, rearrange, reduce
from .call import Array, Call, Evaluator, MissingValueError, unbroadcast

EVALUATORS: dict[str, Evaluator] = {
    **elementwise.RULES,
    **rearrange.RULES,
    **reduce.RULES,
    **products.RULES,
    **losses.RULES,
}


def evaluate(
    grad_fn: str,
    inputs: Sequence[tuple[str, Array | None]],
    outputs: Sequence[Array | None],
    grad_outputs: Sequence[Array | None],
    params: Mapping[str, Any],
) -> list[Array | None] | None:
    """Gradients of an operation's operands by its rule, in float64.

    Parameters
    ----------
    grad_fn : the autograd node's name, such as "MulBackward0".
    inputs : (argument's name, value) of each tensor operand in order, as `Edge.arg` names them; the elements of a list
        share a name or are numbered ("tensors[1]"). A value is None where it was not kept.
    outputs : the operation's results; None where not kept.
    grad_outputs : the gradients of the results; None where no gradient flows.
    params : the other arguments by name, as in `Node.params`; what is left out has the operator's default.

    Returns
    -------
    One gradient per operand (shape of that operand; None for one that is not differentiable), or None altogether where
    there is no such rule, a value that it needs was not kept, or the values are complex.
    """
    evaluator = EVALUATORS.get(grad_fn)
    everything = [value for _, value in inputs] + [*outputs, *grad_outputs]
    if evaluator is None or any(value is not None and value.dtype.kind == "c" for value in everything):
        return None
    call = Call(inputs, outputs, grad_outputs, params)
    try:
        with np.errstate(all="ignore"):
            gradients = evaluator(call)
    except (MissingValueError, ValueError, IndexError):
        # Shapes that do not fit together are values that were not kept as the operator saw them.
        return None
    taken: dict[str, int] = {}
    result: list[Array | None] = []
    for name, value in call.inputs:
        gradient = gradients.get(name)
        if isinstance(gradient, Sequence):
            place = taken.get(name, 0)
            taken[name] = place + 1
            gradient = gradient[place]
        if gradient is None or value is None or value.dtype.kind != "f":
            result.append(None)
        else:
            result.append(unbroadcast(np.asarray(gradient, dtype=np.float64), value.shape))
    return result
