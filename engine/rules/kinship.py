"""What is known of a node from its name alone: the node whose rule is its own too, and what it does in plain words."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import msgspec

_NUMBERED = re.compile(r"^(?P<operator>\w+?)(?P<twice>Backward)?Backward\d+\w*$")
_FOREACH = re.compile(r"^Foreach(?P<operator>\w+?)Backward(?P<number>\d+)\w*$")
_SAME = {"UnsafeSplit": "Split", "UnsafeSplitWithSizes": "SplitWithSizes"}
_OF_A_GRADIENT = (
    "A gradient that is differentiated itself (create_graph=True): this is the derivative of what the backward pass of "
    "{} computed."
)


@cache
def _sentences() -> dict[str, str]:
    """One sentence for each operator whose formulas are torch's own, by its part of the nodes' names."""
    return msgspec.json.decode(files(__package__).joinpath("explanations.json").read_bytes(), type=dict[str, str])


def same_rule_as(name: str) -> str | None:
    """The node that computes the same, if there is one: each tensor of a list, the variant that trusts its caller."""
    match = _FOREACH.match(name)
    if match is not None:
        return f"{match['operator']}Backward{match['number']}"
    match = _NUMBERED.match(name)
    other = None if match is None or match["twice"] else _SAME.get(match["operator"])
    return None if other is None else f"{other}Backward0"


def explanation_of(name: str) -> str:
    """One sentence in plain words about a node without formulas of our own; empty where there is none."""
    match = _NUMBERED.match(name)
    if match is None:
        return ""
    if match["twice"]:
        return _OF_A_GRADIENT.format(f"{match['operator'].removesuffix('BackwardData')}Backward0")
    return _sentences().get(match["operator"], "")
