"""A node is checked by running its program again; what goes wrong is a sentence."""

from __future__ import annotations

from engine import trace
from engine.demos import DEMOS, load_demo
from engine.graph.structure import fingerprint
from engine.session.messages import CheckNode
from engine.worker.checking import check


def test_a_demo_agrees_with_finite_differences() -> None:
    function, arguments, keywords = load_demo(DEMOS["neuron"])
    recorded = trace(function, *arguments, **keywords)
    structure = fingerprint(recorded)
    for step in recorded.backward:
        if step.node.kind != "op":
            continue
        found = check(CheckNode(target="demo:neuron", node=step.node.id, structure=structure))
        assert found.message == ""
        assert found.verdict not in ("wrong", "unchecked")
        assert found.difference_error is not None
        assert found.difference_error < 1e-5
        assert found.rule_error is not None
        assert found.rule_error < 1e-6


def test_what_cannot_be_checked_is_a_sentence() -> None:
    other = check(CheckNode(target="demo:neuron", node=0, structure="another"))
    assert other.message.startswith("The program did something else this time")
    function, arguments, keywords = load_demo(DEMOS["neuron"])
    structure = fingerprint(trace(function, *arguments, **keywords))
    assert "has no VJP" in check(CheckNode(target="demo:neuron", node=0, structure=structure)).message
    assert check(CheckNode(target="no_such_file.py:f", node=0, structure="")).message.endswith(".")
