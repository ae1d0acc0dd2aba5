"""The commands that edit the program which the open trace is of."""

from __future__ import annotations

from gui.editing import Editing
from gui.panels.naming import node_name
from gui.step_commands import StepCommands
from gui.widgets.notification import Notification


class EditCommands(StepCommands):
    """Edits of the node in focus, and of the list of edits."""

    @property
    def _editing(self) -> Editing:
        return self._window.workspace.editing

    def edit_value(self) -> None:
        panels = self._window.panels
        if panels is not None:
            self._window.docks.raise_("inspector")
            panels.inspector.show_now()  # the key may have come before the frame in which it would follow
            if not panels.edit_section.take_focus():
                self._say_what_to_edit()

    def _say_what_to_edit(self) -> None:
        trace, node = self._window.document.trace, self._window.document.focus
        if trace is None or node is None:
            return
        name = node_name(trace.graph.nodes[node])
        text = f"{name} is computed: edit the values that it is computed from, or its gradient."
        if trace.graph.nodes[node].kind != "op":
            text = f"The values of {name} cannot be edited here: they are too many, or no numbers."
        self._window.notify(Notification(text, "info", key="edit-value", is_passing=True))

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
