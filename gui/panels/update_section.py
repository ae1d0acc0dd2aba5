"""Section of the inspector on what an optimizer makes of a leaf after the backward pass: before, change, after."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from engine.graph.model import TensorInfo
from engine.graph.numbers import format_number
from engine.graph.timeline import Update

from ..widgets.tensor_view import number_text
from .inspector_sections import exact_of
from .moment import Moment
from .rows import Section

_MOST_UPDATES = 4


class UpdateSection(Section):
    """The updates of a leaf, those to come as such."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Update", parent)

    def show_moment(self, moment: Moment) -> None:
        updates = moment.stepper.all_updates(moment.node)
        self.restart(moment.theme, f"Updated by {updates[0][1].text}" if updates else None)
        before = moment.node.outputs[0] if moment.node.outputs else None
        for position, update in updates[:_MOST_UPDATES]:
            self._describe(moment, before, update, is_made=position <= moment.stepper.position)
            before = update.after
        if len(updates) > _MOST_UPDATES:
            self.add_text(f"and {len(updates) - _MOST_UPDATES} more updates")
        self.finish(is_shown=bool(updates))

    def _describe(self, moment: Moment, before: TensorInfo | None, update: Update, *, is_made: bool) -> None:
        theme = moment.theme
        if before is not None:
            self.add_row("before", _text(before), theme.data_text, exact=exact_of(before))
        if not is_made:
            self.add_row("after", "still to come", theme.muted, is_words=True)
            return
        change = None if before is None else difference(before, update.after)
        if change is not None:
            self.add_row("change", number_text(change), theme.leaf_text, exact=exact_of(change))
        elif update.amount is not None:
            self.add_row("change", f"norm {format_number(update.amount)}", theme.leaf_text)
        else:
            self.add_row("change", "not measured", theme.muted, is_words=True)
        if update.after.array is not None:
            self.add_row("after", number_text(update.after), theme.data_text, exact=exact_of(update.after))
        else:
            self.add_row("after", "not kept", theme.muted, is_words=True)
            self.add_text(update.after.note or "")


def difference(before: TensorInfo, after: TensorInfo) -> TensorInfo | None:
    """After minus before; None where the values of either were not kept."""
    if before.array is None or after.array is None or before.array.shape != after.array.shape:
        return None
    array = after.array - before.array.astype(after.array.dtype, copy=False)
    return TensorInfo(shape=after.shape, dtype=after.dtype, device=after.device, array=array)


def _text(info: TensorInfo) -> str:
    return number_text(info) if info.array is not None or info.recorded_summary is not None else "not kept"
