"""What the code panel says of the line or the variable under the pointer: a small table of values and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..canvas.look import opposite
from ..theme import Theme
from .code_lines import LineFact

_LONGEST_NAME = 60


def card(facts: Sequence[LineFact], more: int, theme: Theme) -> str:
    """The facts as rich text for a tooltip, "" without any; `more` were left out. No cell is broken into lines."""
    if not facts:
        return ""
    colors = opposite(theme)  # tooltips are inverted
    muted, data, accent = (colors.written(role).name() for role in ("muted", "data", "accent"))
    has_gradient = any(fact.gradient for fact in facts)
    rows = [_row(("", muted), ("value", muted), ("gradient" if has_gradient else "", muted))]
    rows += [_row((fact.name[:_LONGEST_NAME], ""), (fact.value, data), (fact.gradient or "", accent)) for fact in facts]
    rest = f"<p style='color: {muted}'>and {more} more</p>" if more > 0 else ""
    return f"<qt><table cellspacing='0' cellpadding='2'>{''.join(rows)}</table>{rest}</qt>"


def _row(*cells: tuple[str, str]) -> str:
    written = []
    for place, (text, color) in enumerate(cells):
        # Qt's tooltips break lines of rich text wherever they may.
        whole = escape(text).replace(" ", "&nbsp;").replace("-", "&#8209;")
        look = f" style='color: {color}'" if color else ""
        gap = "&nbsp;&nbsp;&nbsp;" if place else ""
        written.append(f"<td align='{'right' if place else 'left'}'{look}>{gap}{whole}</td>")
    return f"<tr>{''.join(written)}</tr>"
