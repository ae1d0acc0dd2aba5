"""The rules by the name of their autograd node: own formulas first, else torch's table of derivatives as text."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import msgspec

from .derivatives import Derivative, load_table
from .kinship import explanation_of, same_rule_as

_NUMBERED = re.compile(r"^(.*?Backward)(\d+)$")
_NAMESPACE = re.compile(r"^(?:torch::autograd::|aten::)")


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How one autograd node computes the gradients of its inputs from the gradient of its output.

    Attributes
    ----------
    name : the autograd node's name, such as "MulBackward0".
    forward : what the operation computes, and `vjp` what its backward computes: LaTeX (without dollar signs) in which
        g is the gradient of the output and a bar marks the gradient of an input. Plain text where `is_text`.
    note : conventions at kinks and ties, or where the node occurs; may be empty.
    explanation : one sentence in plain words; may be empty.
    is_text : the formulas are torch's own, as text in the words of the operator's arguments, one gradient a line.
    """

    name: str
    forward: str
    vjp: str
    note: str = ""
    explanation: str = ""
    is_text: bool = False


class _Entry(msgspec.Struct, frozen=True):
    forward: str
    vjp: str
    note: str = ""
    explanation: str = ""


@cache
def rules() -> dict[str, Rule]:
    """Every rule that has formulas of its own, by the node's name."""
    data = files(__package__).joinpath("rules.json").read_bytes()
    entries = msgspec.json.decode(data, type=dict[str, _Entry])
    return {
        name: Rule(
            name=name,
            forward=entry.forward,
            vjp=entry.vjp,
            note=entry.note,
            explanation=entry.explanation,
        )
        for name, entry in entries.items()
    }


@cache
def rule_for(grad_fn: str) -> Rule | None:
    """The rule of an autograd node, or None for a node that nothing is known of (a custom Function, for example).

    An overload that is not listed itself (another trailing digit) takes the rule of the listed ones where those agree;
    any other node takes torch's own formula as text (`Rule.is_text`).

    Parameters
    ----------
    grad_fn : the node's name as `Node.grad_fn` gives it, such as "AddmmBackward0", "AccumulateGrad" or "CopySlices".
    """
    name = _NAMESPACE.sub("", grad_fn)
    own = rules().get(name)
    if own is not None:
        return own
    kin = same_rule_as(name)
    if kin is not None and (known := rule_for(kin)) is not None:
        return msgspec.structs.replace(known, name=name)
    derivative = load_table().nodes.get(name)
    if derivative is not None:
        return _same_derivative(name, derivative) or _from_text(name, derivative)
    return _other_overload(name)


def _siblings(name: str) -> list[str]:
    """Known names that differ from `name` only in the number at their end, in order."""
    match = _NUMBERED.match(name)
    if match is None:
        return []
    base = match.group(1)
    known = {*rules(), *load_table().nodes}
    found = [other for other in known if other != name and (m := _NUMBERED.match(other)) and m.group(1) == base]
    return sorted(found)


def _same_derivative(name: str, derivative: Derivative) -> Rule | None:
    """The own rule of another overload whose gradients are computed by the same formulas."""
    for other in _siblings(name):
        own, known = rules().get(other), load_table().nodes.get(other)
        if own is not None and known is not None and known.gradients == derivative.gradients:
            return msgspec.structs.replace(own, name=name)
    return None


def _other_overload(name: str) -> Rule | None:
    """For a number that this table does not know: the rule that all known overloads share, if they do."""
    candidates = [rule for other in _siblings(name) if (rule := rule_for(other)) is not None]
    if not candidates or any(
        (rule.forward, rule.vjp) != (candidates[0].forward, candidates[0].vjp) for rule in candidates
    ):
        return None
    return msgspec.structs.replace(candidates[0], name=name)


def _from_text(name: str, derivative: Derivative) -> Rule:
    """A rule out of torch's table, in the words of the operator's arguments."""
    operator, rest = derivative.schema.split("(", 1)
    arguments = [part.strip() for part in rest.rsplit(") -> ", 1)[0].split(",")]
    tensors = [part.split("=")[0].split()[-1] for part in arguments if part.startswith("Tensor")]
    return Rule(
        name=name,
        forward=f"result = {operator.split('.')[0].lstrip('_')}({', '.join(tensors)})",
        vjp="\n".join(f"{argument}: {formula}" for argument, formula in derivative.gradients),
        note=f"as in torch {load_table().torch}'s table of derivatives; grad is the gradient of the result",
        explanation=explanation_of(name),
        is_text=True,
    )


def derivative_text(grad_fn: str) -> str:
    """What torch's own table of derivatives (derivatives.yaml) says of a node: its operator, and a gradient a line.

    Empty where the table does not list it.
    """
    derivative = load_table().nodes.get(_NAMESPACE.sub("", grad_fn))
    if derivative is None:
        return ""
    return "\n".join([derivative.schema, *(f"{argument}: {formula}" for argument, formula in derivative.gradients)])
