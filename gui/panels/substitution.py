"""The rule of a step with its numbers put in, as coloured text: gradients orange, values blue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from PySide6.QtGui import QColor

from engine.graph.model import TensorInfo
from engine.graph.numbers import format_number
from engine.graph.trace import BackwardStep, Trace
from engine.rules.substitution import substitute

from ..theme import Theme

_NUMBER = re.compile(r"−?(?:\d+(?:\.\d+)?(?:e[+−]?\d+)?|∞|NaN)(?![\w.])")
_MOST_VALUES = 64


def substitution_html(trace: Trace, step: BackwardStep, theme: Theme) -> list[str]:
    """The lines of `engine.rules.substitution.substitute` as HTML; everything from the trace is escaped."""
    gradients = _written(info for info in [*step.grad_outputs, step.grad_before] if info is not None)
    operands = (trace.graph.nodes[edge.source].outputs[edge.output_nr] for edge in trace.graph.incoming(step.node))
    values = _written([*operands, *step.node.outputs])
    return [_line(line, gradients, values, theme) for line in substitute(trace, step)]


def _written(infos: Iterable[TensorInfo]) -> set[str]:
    """How the numbers of some small tensors are written."""
    found: set[str] = set()
    for info in infos:
        if info.array is not None and info.array.size <= _MOST_VALUES and info.array.dtype.kind in "fiub":
            found |= {format_number(float(value)) for value in info.array.ravel()}
    return found


def _line(line: str, gradients: set[str], values: set[str], theme: Theme) -> str:
    formula, arrow, target = line.rpartition(" → ")
    if not arrow:
        formula, target = line, ""
    left, equals, result = formula.rpartition(" = ")
    if not equals:
        left, result = "", formula
    parts = [_colored(left, gradients, values, theme), escape(equals), _numbers_in(result, theme.accent)]
    if target:
        parts.append(f'<span style="color:{theme.muted.name()}"> → {escape(target)}</span>')
    return "".join(parts)


def _colored(text: str, gradients: set[str], values: set[str], theme: Theme) -> str:
    parts, start = [], 0
    for match in _NUMBER.finditer(text):
        number = match.group()
        color = theme.accent if number in gradients else theme.data if number in values else None
        parts.append(escape(text[start : match.start()]))
        parts.append(escape(number) if color is None else _span(number, color))
        start = match.end()
    return "".join([*parts, escape(text[start:])])


def _numbers_in(text: str, color: QColor) -> str:
    """`text` with all its numbers in one colour."""
    parts, start = [], 0
    for match in _NUMBER.finditer(text):
        parts += [escape(text[start : match.start()]), _span(match.group(), color)]
        start = match.end()
    return "".join([*parts, escape(text[start:])])


def _span(text: str, color: QColor) -> str:
    return f'<span style="color:{color.name()}">{escape(text)}</span>'
