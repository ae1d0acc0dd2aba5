"""What a node costs: time forward and backward, floating-point operations, memory kept for its VJP."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from engine.graph.numbers import format_bytes, format_flops, format_seconds

from .moment import Moment
from .rows import Section


class CostSection(Section):
    """Measured in this run; hidden for tensors that enter from outside and have no backward step."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Cost", parent)

    def show_moment(self, moment: Moment) -> None:
        theme, node, step = moment.theme, moment.node, moment.step
        self.restart(theme)
        rows: list[tuple[str, str, str]] = []
        if node.seconds:
            rows.append(("forward", format_seconds(node.seconds), f"{node.seconds:.9f} s"))
        if step is not None and step.seconds:
            rows.append(("backward", format_seconds(step.seconds), f"{step.seconds:.9f} s"))
        if node.flops is not None:
            rows.append(("operations", format_flops(node.flops), f"{node.flops:,} floating-point operations, forward"))
        if node.saved:
            held = node.saved_bytes
            rows.append(("saved for backward", format_bytes(held), f"{held:,} bytes"))
        for name, text, exact in rows:
            self.add_row(name, text, theme.text, exact=exact)
        self.finish(is_shown=bool(rows))
