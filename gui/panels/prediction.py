"""What to ask before a step, and how an answer is judged: by the recorded number, never by a stored one."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np

from engine.graph.model import TensorInfo
from engine.graph.numbers import format_number
from engine.graph.trace import BackwardStep, Trace

from .naming import node_name

_RIGHT = 1e-6
_CLOSE = 1e-2
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_LONGEST = 200
_SIGNS = str.maketrans({"−": "-", "–": "-", "·": "*", "×": "*", "÷": "/"})


class Verdict(Enum):
    RIGHT = "right"
    CLOSE = "close"
    WRONG = "wrong"


@dataclass(frozen=True)
class Question:
    """`text` asks for `answer`, the number that the next step of `trace` brings."""

    text: str
    answer: float
    trace: Trace

    @property
    def names(self) -> dict[str, float]:
        """Every named scalar's value: what the forward pass computed may be used in an answer."""
        return scalar_names(self.trace)


def next_question(trace: Trace, position: int) -> Question | None:
    """The question about the step after `position`; None where there is no next step or it has no finite number."""
    if not 0 <= position < len(trace.backward):
        return None
    step = trace.backward[position]
    asked = _leaf_question(step) if step.grad_after is not None else _handed_question(trace, step)
    if asked is None or not math.isfinite(asked[1]):
        return None
    return Question(asked[0], asked[1], trace)


def scalar_names(trace: Trace) -> dict[str, float]:
    """The value of every node that is named and holds one number, by its name."""
    found: dict[str, float] = {}
    for node in trace.graph.nodes:
        value = _single(node.outputs[0]) if node.outputs else None
        if node.name is not None and node.name.isidentifier() and value is not None:
            found[node.name] = value
    return found


def _single(info: TensorInfo | None) -> float | None:
    if info is None or info.array is None or info.array.size != 1 or info.array.dtype.kind == "c":
        return None
    return float(info.array.reshape(-1)[0])


def _entry(info: TensorInfo | None) -> tuple[str, float] | None:
    """The entry of a tensor to ask for: its only one, else the largest. Its index as text, and its value."""
    if info is None or info.array is None or info.array.size == 0 or info.array.dtype.kind not in "fiu":
        return None
    if info.array.size == 1:
        return "", float(info.array.reshape(-1)[0])
    sizes = np.abs(np.nan_to_num(info.array.astype(np.float64)))
    index = tuple(int(i) for i in np.unravel_index(int(sizes.argmax()), info.array.shape))
    return f"[{', '.join(map(str, index))}]", float(info.array[index])


def _leaf_question(step: BackwardStep) -> tuple[str, float] | None:
    entry = _entry(step.grad_after)
    if entry is None:
        return None
    return f"What will {node_name(step.node)}.grad{entry[0]} be?", entry[1]


def _handed_question(trace: Trace, step: BackwardStep) -> tuple[str, float] | None:
    for edge in trace.graph.incoming(step.node):
        if edge.grad_index is None or not 0 <= edge.grad_index < len(step.grad_inputs):
            continue
        entry = _entry(step.grad_inputs[edge.grad_index])
        if entry is not None:
            here, there = node_name(step.node), node_name(trace.graph.nodes[edge.source])
            where = f", entry {entry[0]}" if entry[0] else ""
            return f"Which gradient will {here} hand on to {there}{where}?", entry[1]
    return None


def parse_guess(text: str, names: Mapping[str, float]) -> float:
    """The number that a learner typed: a decimal (with a point or a comma) or a sum of products of numbers and names.

    Raises
    ------
    ValueError
        It is neither; the message says so in words for the learner.
    """
    plain = text.strip().translate(_SIGNS)
    if len(plain) > _LONGEST:
        raise ValueError("That is too long: type a number or a short formula.")
    try:
        return float(plain.replace(",", ".", 1))
    except ValueError:
        pass
    try:
        tree = ast.parse(plain, mode="eval")
        return _evaluate(tree.body, names)
    except ZeroDivisionError:
        raise ValueError("That divides by zero.") from None
    except (SyntaxError, OverflowError, RecursionError, MemoryError):
        raise ValueError("Type a number such as −0.08, or a formula such as -(1 - a) * x.") from None


def _evaluate(tree: ast.expr, names: Mapping[str, float]) -> float:
    match tree:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            if name not in names:
                raise ValueError(f"There is no scalar called {name} in this program.")
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_evaluate(inner, names)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _evaluate(inner, names)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _BINARY:
            return _BINARY[type(operation)](_evaluate(left, names), _evaluate(right, names))
    raise ValueError("Type a number such as −0.08, or a formula such as -(1 - a) * x.")


def judge(guess: float, answer: float, typed: str = "") -> tuple[Verdict, str]:
    """Compare a guess with the recorded number.

    Right: equal to within 1e-6 of its size, or as exact as the (at least two significant) digits that were typed.
    Close: within one part in a hundred.
    """
    shown = format_number(answer)
    if not math.isfinite(guess):
        return Verdict.WRONG, f"That is not a finite number. It is {shown}."
    difference = abs(guess - answer)
    if difference == 0:
        return Verdict.RIGHT, f"Right: {shown}, exactly."
    scale = abs(answer) or 1.0
    error = difference / scale
    said = f"(relative error {format_number(error, 2)})" if answer else f"(off by {format_number(difference, 2)})"
    if error <= _RIGHT or difference <= _half_unit(typed):
        return Verdict.RIGHT, f"Right: {shown} {said}."
    if error <= _CLOSE:
        return Verdict.CLOSE, f"Close: it is {shown} {said}."
    if answer and abs(guess + answer) / scale <= _CLOSE:
        return Verdict.WRONG, f"Right size, wrong sign: it is {shown}."
    return Verdict.WRONG, f"No: it is {shown} {said}."


def _half_unit(typed: str) -> float:
    """Half a unit in the last decimal that was typed, if at least two significant digits were; 0 otherwise."""
    digits = typed.strip().translate(_SIGNS).replace(",", ".").lstrip("+-")
    whole, point, decimals = digits.partition(".")
    if not point or not (whole + decimals).isdigit() or len((whole + decimals).lstrip("0")) < 2:
        return 0.0
    return 0.5 * 10.0 ** -len(decimals) * (1 + 1e-9)
