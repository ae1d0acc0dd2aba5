"""Which conditions of commands hold now: what can be done with what is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gui.window import MainWindow


def conditions(window: MainWindow) -> set[str]:
    """The names (see `Condition` in gui.command) of all conditions that hold."""
    document, workspace = window.document, window.workspace
    selection, timeline = document.selection, document.timeline
    is_reached = selection is not None and timeline is not None and timeline.position_of(selection, 0) is not None
    found = {
        "open": workspace.target is not None or workspace.is_running,
        "trace": document.trace is not None,
        "forward": document.cursor < document.last,
        "back": document.cursor > document.first,
        "steps": document.first < document.last,
        "selected": is_reached or document.destination is not None or _is_group_picked(window),
        "breakpoints": document.trace is not None and bool(document.breakpoints.items),
        "stops": len(document.breakpoints.positions) > 0,
        "rerunnable": workspace.is_rerunnable,
        "script": workspace.target is not None and workspace.target.kind == "script",
        "running": workspace.is_running or bool(workspace.busy),
        "training": workspace.is_training and not workspace.is_held,
        "held": workspace.is_held,
        "ongoing": workspace.is_training,
        "undo": document.undo_stack.canUndo(),
        "redo": document.undo_stack.canRedo(),
    }
    editing = workspace.editing
    is_editable = document.trace is not None and not editing.why_not
    focus = document.focus if is_editable else None
    found |= {
        "editable_program": is_editable,
        "editable": focus is not None,
        "editable_leaf": focus is not None and window.node_edits.can_require_grad(focus),
        "cuttable": focus is not None and (document.edge is not None or window.node_edits.has_consumers(focus)),
        "editable_gradient": focus is not None and window.node_edits.has_gradient(focus),
        "edits": bool(editing.entries),
        "edited": editing.edited is not None,
    }
    if window.canvas is not None:
        found |= window.canvas.travel.conditions
    return {name for name, holds in found.items() if holds}


def _is_group_picked(window: MainWindow) -> bool:
    return window.canvas is not None and window.canvas.picked_scope is not None
