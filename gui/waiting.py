"""What stands in the place of the graph while there is none."""

from __future__ import annotations

from gui.workspace import Workspace


def waiting_text(workspace: Workspace) -> str:
    """What stands in the place of the graph while there is none, though something is open."""
    title = workspace.title
    if workspace.is_running:
        return f"The graph of {title} appears here after its first backward pass."
    if workspace.target is not None and workspace.target.kind == "log":
        return f"{title} holds the curves of training runs: they are below, under Runs."
    return f"No backward pass of {title} was recorded."
