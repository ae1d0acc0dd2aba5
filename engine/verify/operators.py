"""Runs a recorded operator again, with the arguments that a trace keeps of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from ..capture.schema import flat_tensors
from ..graph.model import Node

NARROW = {"float32", "float16", "bfloat16"}
# Arguments that only say where and how a result is stored.
_STORAGE_ARGUMENTS = {"device", "layout", "pin_memory", "non_blocking"}
_PLACE = re.compile(r"^(.*)\[(\d+)\]$")
FAILURES = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, AttributeError)
"""What running an operator with unfitting arguments raises."""


def operator_of(name: str | None) -> Any:
    """The operator behind a recorded name such as "aten.addmm.default"; None if this torch has none."""
    parts = (name or "").split(".")
    if len(parts) != 3:
        return None
    namespace, operator, overload = parts
    packet = getattr(getattr(torch.ops, namespace, None), operator, None)
    return getattr(packet, overload, None)


def is_random(operator: Any, node: Node) -> bool:
    """Whether the operator draws random numbers; an attention without dropout does not, whatever it is marked as."""
    if torch.Tag.nondeterministic_seeded not in operator.tags:
        return False
    has_dropout = any(argument.name == "dropout_p" for argument in operator._schema.arguments)
    return not (has_dropout and node.params.get("dropout_p", 0.0) == 0)


def _lstm_layer(sequence: torch.Tensor, *operands: Any) -> tuple[torch.Tensor, ...]:
    """What oneDNN computes for one layer and direction of an LSTM; its own operator knows no float64."""
    weights, (hidden, cell) = operands[:4], operands[4:6]
    is_reversed, batch_sizes, mode, _size, _layers, has_biases = operands[6:12]
    if mode != _LSTM or batch_sizes:
        raise NotImplementedError("only a plain LSTM layer can be run in float64")
    start = [state.reshape(1, sequence.shape[1], -1) for state in (hidden, cell)]
    given = sequence.flip(0) if is_reversed else sequence
    parameters = list(weights if has_biases else weights[:2])
    output, *last = torch._VF.lstm(given, start, parameters, has_biases, 1, 0.0, False, False, False)
    states = [state.reshape(hidden.shape) for state in last]
    return (output.flip(0) if is_reversed else output, *states)


_LSTM = 2
_STAND_INS: dict[str, Any] = {"aten.mkldnn_rnn_layer.default": _lstm_layer}
"""Operators that do not run in float64: what computes the same."""


def run_operator(operator: Any, node: Node, operands: Sequence[tuple[str, torch.Tensor]]) -> list[torch.Tensor]:
    """Call `operator` as it was called for `node`, in float64 where the call named a narrower type.

    Parameters
    ----------
    operands : (argument's name as in `Edge.arg`, value), in order; elements of lists by their places ("indices[1]"),
        of which those left out are None.

    Raises
    ------
    Any of `FAILURES`
        Where an argument was kept as a text only, or the operator does not work for these types.
    """
    given: dict[str, Any] = {}
    for name, operand in operands:
        match = _PLACE.match(name)
        if match is None:
            given[name] = operand
            continue
        parts = given.setdefault(match[1], [])
        parts.extend([None] * (int(match[2]) + 1 - len(parts)))
        parts[int(match[2])] = operand
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for argument in operator._schema.arguments:
        value: Any
        if argument.name in given:
            value = given[argument.name]
        elif argument.name in node.params and argument.name not in _STORAGE_ARGUMENTS:
            value = _argument(node.params[argument.name])
        else:
            value = argument.default_value if argument.has_default_value() else None
        if argument.kwarg_only:
            keywords[argument.name] = value
        else:
            positional.append(value)
    result = _STAND_INS.get(str(operator), operator)(*positional, **keywords)
    # What is made from nothing (ones, a range) is as narrow as torch's default, and would narrow all that meets it.
    return [tensor.to(torch.float64) if _is_narrow(tensor) else tensor for tensor in flat_tensors(result)]


def _is_narrow(tensor: torch.Tensor) -> bool:
    return str(tensor.dtype).removeprefix("torch.") in NARROW


def _argument(value: Any) -> Any:
    if isinstance(value, str):
        if value in NARROW:
            return torch.float64
        found = getattr(torch, value, None)
        return found if isinstance(found, (torch.dtype, torch.memory_format)) else value
    return value


def widened(array: Any) -> torch.Tensor:
    """A tensor of an array, floating point in float64; it shares no memory with the array."""
    tensor = torch.from_numpy(array.copy(order="C"))
    return tensor.to(torch.float64) if tensor.is_floating_point() else tensor
