"""The commands that edit the program which the open trace is of."""

from __future__ import annotations

from gui.editing import Editing
from gui.step_commands import StepCommands


class EditCommands(StepCommands):
    """Edits of the node in focus, and of the list of edits."""

    @property
    def _editing(self) -> Editing:
        return self._window.workspace.editing

    def edit_value(self) -> None:
        panels = self._window.panels
        if panels is not None:
            self._window.docks.raise_("inspector")
            panels.edit_section.take_focus()

    def zero_gradient(self) -> None:
        node = self._window.document.focus
        if node is not None:
            self._window.node_edits.zero(node)

    def scale_gradient(self) -> None:
        node = self._window.document.focus
        if node is not None:
            self._window.node_edits.scale(node)

    def clip_gradient(self) -> None:
        node = self._window.document.focus
        if node is not None:
            self._window.node_edits.clip(node)

    def replace_gradient(self) -> None:
        node = self._window.document.focus
        if node is not None:
            self._window.node_edits.replace(node)

    def cut_outputs(self) -> None:
        """Of a selected edge that one alone."""
        document, edits = self._window.document, self._window.node_edits
        if document.edge is not None and document.trace is not None:
            edge = document.trace.graph.edges[document.edge]
            if edge.grad_index is not None or edits.is_cut(edge):
                edits.cut(edge, not edits.is_cut(edge))
            return
        node = document.focus
        if node is not None:
            self._window.node_edits.toggle_outputs(node)

    def toggle_requires_grad(self) -> None:
        node, edits = self._window.document.focus, self._window.node_edits
        if node is not None and edits.can_require_grad(node):
            edits.toggle_requires_grad(node)

    def change_seed(self) -> None:
        self._window.node_edits.ask_seed()

    def toggle_edited(self) -> None:
        self._editing.toggle()

    def reset_edits(self) -> None:
        self._editing.reset()
