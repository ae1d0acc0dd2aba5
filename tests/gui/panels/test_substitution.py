"""Numbers put into a rule keep their meaning by colour, and nothing of the trace becomes markup."""

from __future__ import annotations

import re

from engine.graph.numbers import format_number
from gui.panels.substitution import substitution_html
from gui.theme import DARK, LIGHT

from .programs import Neuron


def colored(html: str, color: str) -> list[str]:
    return re.findall(rf'<span style="color:{color}">([^<]*)</span>', html)


def test_gradients_are_orange_and_values_blue() -> None:
    neuron = Neuron()
    trace = neuron.trace()
    for theme in (LIGHT, DARK):
        (line,) = substitution_html(trace, trace.backward[4], theme)
        assert colored(line, theme.accent.name()) == [format_number(neuron.grad_z), format_number(neuron.grad_w)]
        assert colored(line, theme.data.name()) == [format_number(neuron.x)]
        assert colored(line, theme.muted.name()) == [" → w"]


def test_constants_of_the_rule_have_no_colour() -> None:
    neuron = Neuron()
    trace = neuron.trace()
    (line,) = substitution_html(trace, trace.backward[1], LIGHT)
    assert colored(line, LIGHT.data.name()) == [format_number(neuron.a)] * 2
    plain = re.sub(r"<[^>]*>", "", line)
    assert "(1 − " in plain
    assert ">1</span>" not in line


def test_names_are_escaped() -> None:
    trace = Neuron().trace()
    trace.graph.nodes[1].name = "<i>w</i>"
    (line,) = substitution_html(trace, trace.backward[4], LIGHT)
    assert "&lt;i&gt;w&lt;/i&gt;" in line
