"""The graph and all panels of one window, their places in its docks, and how they hang together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from engine.graph.trace import Trace
from engine.session.messages import TrainingChanged
from engine.session.outcome import Outcome
from gui.canvas.overlay import OVERLAYS
from gui.canvas.widget import GraphCanvas
from gui.edit_failure import EditFailure
from gui.finding import texts_of
from gui.first_nan import FirstNan
from gui.garbage import LARGE
from gui.panels.breakpoints import BreakpointsPanel
from gui.panels.compare import ComparePanel
from gui.panels.console import ConsolePanel
from gui.panels.edit_section import EditSection
from gui.panels.edits import EditBadge, EditsPanel
from gui.panels.engine import EnginePanel
from gui.panels.flow import FlowPanel
from gui.panels.inspector import InspectorPanel
from gui.panels.lesson import LessonPanel
from gui.panels.loss import LossPanel
from gui.panels.problem_list import severity_color
from gui.panels.problems import ProblemsPanel
from gui.panels.runs import RunsPanel
from gui.panels.source import SourcePanel
from gui.panels.timeline import TimelinePanel
from gui.panels.tree import TreePanel
from gui.panels.watch import WatchPanel
from gui.training import TrainingModel
from gui.view_menus import DEPTHS, ChoiceMenu, depth_choices, layout_choices
from gui.watching import WatchModel
from gui.widgets.formula_svg import preload
from gui.widgets.notification import Notification

if TYPE_CHECKING:
    from gui.window import MainWindow


AFTER_MS = 1_000
"""So long after a large trace is opened what is not seen of it is made ready."""


class PanelSet(QObject):
    """Everything that shows the document of `window`: made and connected by `build`."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window

    def build(self) -> Iterator[None]:
        """Build everything, a part at each step."""
        window = self._window
        document, themes = window.document, window.themes
        self.canvas = GraphCanvas(document, themes, window.stack)
        yield
        self.training = TrainingModel(self)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(AFTER_MS)
        self._later.timeout.connect(self._on_later_timeout)
        self.first_nan = FirstNan(window, self.training)
        self.source = SourcePanel(document, themes, window)
        yield
        self.lesson = LessonPanel(document, themes, window)
        self.tree = TreePanel(document, themes, window)
        yield
        self.inspector = InspectorPanel(document, themes, window)
        self.inspector.follows_later = True
        yield
        window.workspace.background.run(preload, _ignore, _ignore)
        self.inspector.set_checker(window.workspace.checker)
        editing, node_edits = window.workspace.editing, window.node_edits
        self.edit_section = EditSection(editing, node_edits)
        self.inspector.add_section(self.edit_section)
        yield
        EditFailure(document, editing, self.canvas, self.edit_section)
        self.edits = EditsPanel(editing, node_edits, themes, window)
        yield
        self.badge = EditBadge(editing, themes, self.canvas)
        self.canvas.menu_filler = node_edits.fill
        self.canvas.edges.menu_filler = node_edits.fill_edge
        self.canvas.edges.shown.connect(self._on_canvas_edges_shown)
        self.watching = WatchModel(document, self)
        self.watch = WatchPanel(document, self.watching, themes, window)
        self.watch.node_activated.connect(window.go_to_node)
        self.watching.changed.connect(self._on_watching_changed)
        self.inspector.set_watching(self.watching)
        yield
        self.problems = ProblemsPanel(document, themes, window)
        yield
        self.compare = ComparePanel(document, self.training, themes, window)
        yield
        self.timeline = TimelinePanel(document, themes, window)
        self.loss = LossPanel(self.training, themes, window)
        yield
        self.console = ConsolePanel(themes, window)
        self.runs = RunsPanel(themes, window)
        yield
        self.flow = FlowPanel(document, self.training, themes, window)
        self.breakpoints = BreakpointsPanel(document, themes, window)
        self.engine = EnginePanel(document, themes, window)
        yield
        for name, widget in self._places().items():
            window.docks.set_widget(name, widget)
            yield
        self._build_menus()
        self._connect()
        self._restore_choices()

    def _build_menus(self) -> None:
        window = self._window
        self._layouts = ChoiceMenu(layout_choices(), self)
        self._depths = ChoiceMenu(depth_choices(), self, is_exclusive=False)
        self._overlays = ChoiceMenu(((name, name, "") for name in OVERLAYS), self)
        self._menus = {"Layout": self._layouts, "Depth": self._depths, "Overlay": self._overlays}
        toolbar = window.toolbar
        self._buttons = {"Layout": toolbar.layout_menu, "Depth": toolbar.depth_menu, "Overlay": toolbar.overlay_menu}
        for commands in (DEPTHS, ("fold_all", "unfold_all", "unfold_only", "unfold_others")):
            toolbar.depth_menu.menu_.addActions([window.actions_[command] for command in commands])
            toolbar.depth_menu.menu_.addSeparator()
        for title, button in self._buttons.items():
            self.fill_menu(title, button.menu_)

    def _places(self) -> dict[str, QWidget]:
        return {
            "code": self.source,
            "lesson": self.lesson,
            "tree": self.tree,
            "inspector": self.inspector,
            "watch": self.watch,
            "problems": self.problems,
            "compare": self.compare,
            "edits": self.edits,
            "timeline": self.timeline,
            "loss": self.loss,
            "console": self.console,
            "runs": self.runs,
            "flow": self.flow,
            "breakpoints": self.breakpoints,
            "engine": self.engine,
        }

    def _connect(self) -> None:
        window = self._window
        self._layouts.chosen.connect(self._on_layouts_chosen)
        self._depths.chosen.connect(self._on_depths_chosen)
        self._overlays.chosen.connect(self._on_overlays_chosen)
        bridge = window.workspace.bridge
        bridge.output_received.connect(self._while_open(self.console.append))
        bridge.loss_received.connect(self._while_open(self.training.add_points))
        bridge.rate_changed.connect(self._while_open(self.training.set_rate))
        bridge.training_changed.connect(self._while_open(self._on_bridge_training_changed))
        bridge.trace_received.connect(self._while_open(self._on_bridge_trace_received))
        bridge.exited.connect(self._while_open(self._on_bridge_exited))
        window.workspace.replaced.connect(self._on_workspace_replaced)
        window.workspace.changed.connect(self._on_workspace_changed)
        window.workspace.training_started.connect(self._on_workspace_training_started)
        self.problems.count_changed.connect(self._on_problems_count_changed)
        self.problems.findings_changed.connect(self._mark_findings)
        self.problems.node_shown.connect(window.go_to_node)
        self.problems.trail_shown.connect(self._on_compare_marks_changed)
        window.themes.changed.connect(self._mark_findings)
        window.document.trace_changed.connect(self._on_document_trace_changed)
        self.training.points_added.connect(self._on_training_points_added)
        self.canvas.status_message.connect(self._on_canvas_status_message)
        self.tree.node_activated.connect(window.go_to_node)
        self.compare.node_activated.connect(window.go_to_node)
        self.flow.node_activated.connect(window.go_to_node)
        self.edits.node_activated.connect(window.go_to_node)
        self.canvas.resized.connect(self.badge.place)
        window.workspace.editing.changed.connect(self._on_editing_changed)
        window.workspace.editing.original_changed.connect(self.compare.set_original)
        self.compare.marks_changed.connect(self._on_compare_marks_changed)
        self.source.marks_changed.connect(self._on_compare_marks_changed)
        self.tree.scope_activated.connect(self.canvas.travel.go_to_scope)
        self.tree.scope_chosen.connect(self.canvas.travel.pick_scope)
        for changed in (
            *(self.canvas.spotlight.changed, self.canvas.travel.changed),
            *(self.canvas.drawing_changed, self.canvas.picked_changed),
        ):
            changed.connect(window.refresh_actions)
        self.canvas.drawing_changed.connect(self._on_canvas_drawing_changed)
        self.canvas.chrome.changed.connect(self._on_chrome_changed)
        self.loss.play_requested.connect(self._on_loss_play_requested)
        self.loss.pause_requested.connect(window.commands.pause_training)
        self.loss.step_requested.connect(window.commands.step_training)
        self.loss.stop_requested.connect(window.workspace.stop)
        self.loss.run_on_requested.connect(window.commands.run_on_to_step)
        self.loss.hold_requested.connect(window.commands.run_on.hold_at)
        self.loss.step_through_requested.connect(self._on_loss_step_through_requested)

    def _while_open(self, slot: Callable[..., None]) -> Callable[..., None]:
        """The slot, for as long as the run is what is open: one that was closed still says its last words."""
        workspace = self._window.workspace

        def called(*values: object) -> None:
            if workspace.is_listening:
                slot(*values)

        return called

    def fill_menu(self, title: str, menu: QMenu) -> None:
        """Put the choices called `title` ("Layout", "Depth", "Overlay") into a menu."""
        self._menus[title].add_to(menu)

    def choices(self) -> list[tuple[str, str, list[QAction]]]:
        """Title, icon and actions of every group of choices."""
        return [(title, title.lower(), menu.actions) for title, menu in self._menus.items()]

    def set_enabled(self, is_enabled: bool) -> None:
        """Whether there is a graph to draw in other ways."""
        for menu in self._menus.values():
            menu.set_enabled(is_enabled)

    def open_log(self, path: str) -> None:
        """Show a log of training runs."""
        self.runs.open_folder(path)
        self._window.docks.raise_("runs")
        self._window.docks.set_has_curves_only(self._window.document.trace is None)

    def _on_watching_changed(self) -> None:
        count = len(self.watching.items)
        self._window.docks.set_title("watch", f"Watch {count}" if count else "Watch")

    def shut_down(self) -> None:
        """Wait for the threads of the panels."""
        self.canvas.wait_for_layout()
        for panel in (self.loss, self.problems, self.compare, self.runs, self.flow):
            panel.shut_down()

    def _restore_choices(self) -> None:
        values = self._window.settings.values
        known = {name for name, _, _ in layout_choices()}
        method = values.layout_method if values.layout_method in known else "layered"
        overlay = values.overlay if values.overlay in OVERLAYS else OVERLAYS[0]
        self.canvas.set_method(method)
        self.canvas.set_overlay(overlay)
        self.canvas.chrome.legend.is_open = values.legend_is_open
        self.canvas.chrome.minimap.is_open = values.map_is_open
        self._show_choices()

    def _show_choices(self) -> None:
        self._buttons["Layout"].set_choice(self._layouts.check(self.canvas.method).lower())
        self._buttons["Overlay"].set_choice(self._overlays.check(self.canvas.overlay))

    def _on_layouts_chosen(self, name: str) -> None:
        self.canvas.set_method(name)
        self._window.settings.update(layout_method=name)
        self._show_choices()

    def _on_chrome_changed(self) -> None:
        chrome = self.canvas.chrome
        self._window.settings.update(legend_is_open=chrome.legend.is_open, map_is_open=chrome.minimap.is_open)

    def _on_depths_chosen(self, depth: int) -> None:
        self.canvas.set_depth(depth)

    def _on_canvas_drawing_changed(self) -> None:
        depth = self.canvas.folding.depth
        self._window.actions_[f"show_{depth}"].setChecked(True)
        self._buttons["Depth"].set_choice(depth)

    def _on_overlays_chosen(self, name: str) -> None:
        self.canvas.set_overlay(name)
        self._window.settings.update(overlay=name)
        self._show_choices()

    def _on_workspace_replaced(self) -> None:
        self.console.clear()
        self.training.reset()

    def _on_workspace_changed(self) -> None:
        workspace = self._window.workspace
        self.loss.set_program(is_rerunnable=workspace.is_rerunnable, is_running=workspace.is_running)

    def _on_workspace_training_started(self) -> None:
        self.training.set_state("running")

    def _on_bridge_training_changed(self, message: TrainingChanged) -> None:
        self.training.set_state(message.state, message.step)

    def _on_bridge_trace_received(self, trace: Trace, step: int | None, reason: str) -> None:
        if step is not None:
            self.training.add_recorded(step, trace)

    def _on_document_trace_changed(self) -> None:
        trace = self._window.document.trace
        if trace is not None:
            self._window.docks.set_has_curves_only(False)
        if trace is not None and len(trace.graph.nodes) >= LARGE:
            self._later.start()
        if trace is not None and trace.step is None:
            self._window.docks.set_has_training(False)

    def _on_later_timeout(self) -> None:
        """Make ready what the palette finds, before it is asked for."""
        trace = self._window.document.trace
        if trace is not None:
            self._window.workspace.background.run(texts_of(trace).get_ready, _ignore, _ignore)

    def _on_training_points_added(self) -> None:
        if len(self.training.series) > 1:
            self._window.docks.set_has_training(True)

    def _mark_findings(self) -> None:
        """Show on the timeline where each finding lies: at its node's backward step, else at its operation."""
        timeline, theme = self._window.document.timeline, self._window.themes.theme
        marks = []
        for finding in self.problems.findings if timeline is not None else ():
            position = timeline.position_of(finding.node_id, 0) if timeline is not None else None
            if position is not None:
                marks.append((position, severity_color(finding.severity, theme), finding.title))
        self.timeline.set_marks(marks)

    def _on_compare_marks_changed(self, title: str, nodes: list[int]) -> None:
        if nodes:
            self.canvas.spotlight.light(title, nodes)
        else:
            self.canvas.spotlight.clear()

    def _on_canvas_edges_shown(self) -> None:
        self._window.docks.raise_("inspector")
        self.inspector.area.scroll_to_top()

    def _on_canvas_status_message(self, text: str) -> None:
        if text and not text.endswith("…"):  # what is still going on is painted in the canvas itself
            self._window.notify(Notification(text, "info", key="canvas", is_passing=True))

    def _on_problems_count_changed(self, count: int) -> None:
        self._window.docks.set_title("problems", f"Problems {count}" if count else "Problems")

    def _mark_edited(self) -> None:
        """Show in the graph where an edit has changed something."""
        editing = self._window.workspace.editing
        self.canvas.edit_marks.compare(editing.original, editing.edited if editing.is_shown else None)
        self.canvas.update()

    def _on_editing_changed(self) -> None:
        self._mark_edited()
        count = len(self._window.workspace.editing.entries)
        self._window.docks.set_title("edits", f"What if {count}" if count else "What if")

    def _on_loss_play_requested(self) -> None:
        workspace = self._window.workspace
        if workspace.is_running:
            workspace.bridge.supervisor.resume()
        else:
            workspace.run_again()

    def _on_loss_step_through_requested(self, step: int) -> None:
        recorded = self.training.recorded.get(step)
        if recorded is None:
            self._window.workspace.record_step(step)
        else:
            self._window.workspace.show_trace(recorded)

    def _on_bridge_exited(self, outcome: Outcome) -> None:
        self.training.end(outcome.kind if outcome.kind in ("finished", "stopped") else "failed")


def _ignore(_result: object) -> None:
    """What was read ahead is found where it is needed; what could not be is read again there, and told there."""
