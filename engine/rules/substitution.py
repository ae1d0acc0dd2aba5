"""Writes a recorded VJP with its numbers put in, as lines of text, where it is small enough to be read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.numbers import format_number
from .call import Array
from .recorded import operand_edges

if TYPE_CHECKING:
    from ..graph.model import Edge
    from ..graph.trace import BackwardStep, Trace

MOST_ELEMENTS = 4
"""Largest number of lines for one operand."""
MOST_TERMS = 4
"""Largest number of terms in one line's sum."""

# One term per element. {g} is the gradient and {y} the value of the result, {n} the number of averaged elements;
# the other names are the operator's arguments.
_TEMPLATES: dict[str, dict[str, str]] = {
    "AddBackward0": {"self": "{g}", "other": "{g}"},
    "SubBackward0": {"self": "{g}", "other": "−1 × {g}"},
    "RsubBackward1": {"self": "−1 × {g}"},
    "MulBackward0": {"self": "{g} × {other}", "other": "{g} × {self}"},
    "MulBackward1": {"self": "{g} × {other}"},
    "DivBackward0": {"self": "{g} / {other}", "other": "−1 × {g} × {self} / {other}²"},
    "DivBackward1": {"self": "{g} / {other}"},
    "NegBackward0": {"self": "−1 × {g}"},
    "PowBackward0": {"self": "{g} × {exponent} × {self}^({exponent} − 1)"},
    "ExpBackward0": {"self": "{g} × {y}"},
    "LogBackward0": {"self": "{g} / {self}"},
    "SqrtBackward0": {"self": "{g} / (2 × {y})"},
    "ReciprocalBackward0": {"self": "−1 × {g} × {y}²"},
    "AbsBackward0": {"self": "{g} × sgn({self})"},
    "SinBackward0": {"self": "{g} × cos({self})"},
    "CosBackward0": {"self": "−1 × {g} × sin({self})"},
    "TanhBackward0": {"self": "{g} × (1 − {y}²)"},
    "SigmoidBackward0": {"self": "{g} × {y} × (1 − {y})"},
    "ReluBackward0": {"self": "{g} × [{y} > 0]"},
    "SoftplusBackward0": {"self": "{g} × σ({self})"},
    "SumBackward0": {"self": "{g}"},
    "MeanBackward0": {"self": "{g} / {n}"},
    "MseLossBackward0": {"self": "2 × ({self} − {target}) × {g}/n", "target": "−2 × ({self} − {target}) × {g}/n"},
    "BinaryCrossEntropyBackward0": {"self": "{g}/n × ({self} − {target}) / ({self} × (1 − {self}))"},
    "BinaryCrossEntropyWithLogitsBackward0": {"self": "{g}/n × (σ({self}) − {target})"},
}
_TO_ONE_NUMBER = {"SumBackward0", "MeanBackward0"}
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_MEAN = 1
# Arguments that change the formula: with any other value than this there is no template.
_PLAIN_PARAMS: dict[str, Any] = {"alpha": 1, "beta": 1, "threshold": 20, "rounding_mode": None}


def substitute(trace: Trace, step: BackwardStep) -> list[str]:
    """The step's VJP with its numbers put in, one line per element of each operand that gets a gradient.

    For example "−0.0817 × 1.1 = −0.0898 → w". Empty where the values were not kept, are too many to read, or the
    operation has no such form.
    """
    if step.node.grad_fn == "AccumulateGrad":
        return _accumulated(step)
    lines: list[str] = []
    for edge in operand_edges(trace, step):
        if edge.grad_index is None or edge.grad_index >= len(step.grad_inputs):
            continue
        info = step.grad_inputs[edge.grad_index]
        if info is None:
            continue
        if info.array is None or info.array.size > MOST_ELEMENTS or np.iscomplexobj(info.array):
            return []
        terms = _terms(trace, step, edge)
        if terms is None:
            return []
        lines += _lines(terms, info.array, _name(trace, edge))
    return lines


def _lines(terms: list[list[str]], gradient: Array, name: str) -> Iterator[str]:
    for place, (parts, value) in enumerate(zip(terms, gradient.ravel(), strict=True)):
        result = format_number(float(value))
        where = "" if gradient.ndim == 0 or gradient.size == 1 else _position(place, gradient.shape)
        left = " + ".join(parts)
        # "−0.08 = −0.08" would say nothing.
        yield f"{left} → {name}{where}" if left == result else f"{left} = {result} → {name}{where}"


def _name(trace: Trace, edge: Edge) -> str:
    """What the operand is called: the variable, the transposed variable, or the operation that made it."""
    source = trace.graph.nodes[edge.source]
    if source.name is None and source.op in ("aten.t.default", "aten.transpose.int"):
        first = next(iter(trace.graph.incoming(source)), None)
        base = None if first is None else trace.graph.nodes[first.source].name
        return f"{base}ᵀ" if base else source.label
    return source.name or source.label


def _position(place: int, shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(str(int(k)) for k in np.unravel_index(place, shape)) + "]"


def _accumulated(step: BackwardStep) -> list[str]:
    gradient = step.grad_outputs[0] if step.grad_outputs else None
    if gradient is None or gradient.array is None or gradient.array.size > MOST_ELEMENTS:
        return []
    name = step.node.name or "leaf"
    if np.iscomplexobj(gradient.array):
        return []
    before = step.grad_before
    if before is None:
        return [
            f"{name}.grad{_position(k, gradient.shape) if gradient.numel > 1 else ''} was empty, now {format_number(v)}"
            for k, v in enumerate(gradient.array.ravel().tolist())
        ]
    if before.array is None:
        return []
    lines = []
    for place, (old, new) in enumerate(
        zip(before.array.ravel().tolist(), gradient.array.ravel().tolist(), strict=True)
    ):
        where = _position(place, gradient.shape) if gradient.numel > 1 else ""
        total = format_number(old + new)
        lines.append(f"{format_number(old)} + {_bracketed(format_number(new))} = {total} → {name}.grad{where}")
    return lines


def _bracketed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text


def _terms(trace: Trace, step: BackwardStep, edge: Edge) -> list[list[str]] | None:
    """Per element of the edge's operand, the terms that add up to its gradient."""
    node = step.node
    if any(node.params.get(name, plain) != plain for name, plain in _PLAIN_PARAMS.items()):
        return None
    grad = step.grad_outputs[0].array if step.grad_outputs and step.grad_outputs[0] is not None else None
    if grad is None or not node.outputs or node.outputs[0].array is None:
        return None
    values: dict[str, Array] = {"g": grad, "y": node.outputs[0].array}
    for other in operand_edges(trace, step):
        value = trace.value(other.source, other.output_nr)
        if value is not None and other.arg is not None:
            values[other.arg] = value
    for name, number in node.params.items():
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            values.setdefault(name, np.asarray(float(number)))
    template = _TEMPLATES.get(node.grad_fn or "", {}).get(edge.arg or "")
    if template is not None:
        return _elementwise_terms(node.grad_fn or "", template, values, node.params, edge)
    return _product_terms(node.grad_fn or "", values, edge.arg or "")


def _elementwise_terms(
    grad_fn: str, template: str, values: dict[str, Array], params: dict[str, Any], edge: Edge
) -> list[list[str]] | None:
    own = values.get(edge.arg or "")
    if own is None or (grad_fn in _TO_ONE_NUMBER and values["g"].size != 1):
        return None
    used = set(_PLACEHOLDER.findall(template)) - {"n"}
    if not used <= set(values) or "weight" in values or "pos_weight" in values:
        return None
    shape = np.broadcast_shapes(own.shape, *(values[name].shape for name in used))
    count = math.prod(shape)
    if count > MOST_ELEMENTS * MOST_TERMS:
        return None
    averaged = own.size if params.get("reduction", _MEAN) == _MEAN else 1
    template = template.replace("{g}/n", "{g}" if averaged == 1 else "{g} / {n}")
    spread = {name: np.broadcast_to(values[name], shape).ravel() for name in used}
    target = np.broadcast_to(np.arange(own.size).reshape(own.shape), shape).ravel()
    terms: list[list[str]] = [[] for _ in range(own.size)]
    for place in range(count):
        numbers = {name: float(array[place]) for name, array in spread.items()}
        numbers["n"] = float(averaged)
        is_first = not terms[int(target[place])]
        terms[int(target[place])].append(_filled(template, numbers, is_first))
    return terms if all(0 < len(parts) <= MOST_TERMS for parts in terms) else None


def _filled(template: str, numbers: dict[str, float], is_first: bool) -> str:
    """The template with its numbers; a negative one that follows an operator stands in brackets."""

    def write(match: re.Match[str]) -> str:
        text = format_number(numbers[match.group(1)])
        opens = (match.start() == 0 and is_first) or (template[match.start() - 1] in "([" and match.start() > 0)
        is_raised = match.end() < len(template) and template[match.end()] in "²^"
        return text if opens and not is_raised else _bracketed(text)

    return _PLACEHOLDER.sub(write, template)


def _product_terms(grad_fn: str, values: dict[str, Array], arg: str) -> list[list[str]] | None:
    """Rows times columns, for small matrix products."""
    g = values["g"]
    left, right = {"MmBackward0": ("self", "mat2"), "AddmmBackward0": ("mat1", "mat2")}.get(grad_fn, ("", ""))
    if not left or g.ndim != 2:
        return None
    if grad_fn == "AddmmBackward0" and arg == "self":
        bias = values.get("self")
        if bias is None or bias.ndim != 1 or len(g) > MOST_TERMS or bias.size != g.shape[1]:
            return None
        return [_sum_of([(float(v),) for v in g[:, column]]) for column in range(g.shape[1])]
    other = values.get(right if arg == left else left)
    if other is None or arg not in (left, right):
        return None
    first, second = (g, other.T) if arg == left else (other.T, g)
    if first.shape[1] > MOST_TERMS:
        return None
    return [
        _sum_of([(float(a), float(b)) for a, b in zip(first[row], second[:, column], strict=True)])
        for row in range(first.shape[0])
        for column in range(second.shape[1])
    ]


def _sum_of(products: list[tuple[float, ...]]) -> list[str]:
    parts: list[str] = []
    for factors in products:
        texts = [format_number(v) for v in factors]
        start = texts[0] if not parts else _bracketed(texts[0])
        parts.append(" × ".join([start, *(_bracketed(t) for t in texts[1:])]))
    return parts
