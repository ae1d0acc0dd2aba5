"""The graph canvas: one widget that paints the graph, follows the document, and lets hands move, fold and pick."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QMenu, QWidget

from engine.graph.fold import Folds
from engine.graph.model import ScopePath
from gui.document import Document
from gui.theme import Theme, ThemeManager

from . import menu, notices, overlay
from .camera import Camera
from .carrier import Carrier
from .chrome import Chrome
from .content import Content
from .edges import Edges
from .edit_marks import EditMarks
from .folding import Folding
from .fonts import Fonts
from .hands import Hands
from .labels import Labels
from .scene import Scene
from .spotlight import Spotlight
from .stage import Marks, Stage
from .stops import StopMarks
from .surface import Surface
from .travel import Travel
from .view import View


class GraphCanvas(Surface):
    """Shows the document's trace as a graph.

    Parameters
    ----------
    document : the trace, the cursor and the selection; the canvas changes the selection and may move the cursor.
    themes : the colours.
    """

    drawing_changed = Signal()
    zoom_changed = Signal(float)
    """Emitted with the new scale (1.0 is 100 %)."""
    status_message = Signal(str)
    resized = Signal()
    picked_changed = Signal()
    """Another group is picked, or none any more (the picked node is the document's selection)."""

    def __init__(self, document: Document, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document = document
        self._themes = themes
        self.fonts = Fonts()
        self.follow_cursor = True
        self.edit_marks = EditMarks()
        self.stop_marks = StopMarks(document)
        self.menu_filler: Callable[[QMenu, int], None] | None = None
        """Puts more into the context menu of a node."""
        self._content = Content(self.fonts, self)
        self._hands = Hands(self)
        self._overlay = overlay.KIND
        self._picked_scope: ScopePath | None = None
        self.view = View(self)
        self.chrome = Chrome(self, self.view)
        self.chrome.changed.connect(self.update)
        self._stage = Stage(self, self.view, self.chrome.legend)
        self._shown: Scene | None = None
        self.folding = Folding(self, self._content)
        self.spotlight = Spotlight(self)
        self.carrier = Carrier(self, self._content, self._stage)
        self.travel = Travel(self, self._content)
        self.edges = Edges(self)
        self._stage.transition.changed.connect(self.update)
        self.spotlight.changed.connect(self._on_spotlight_changed)
        self.view.changed.connect(self.update)
        self.view.zoomed.connect(self.zoom_changed)
        self._content.changed.connect(self._on_content_changed)
        self._content.busy_changed.connect(self._on_content_busy_changed)
        self._content.failed.connect(self.status_message)
        self._content.progressed.connect(self._on_content_progressed)
        document.trace_changed.connect(self._on_document_trace_changed)
        document.numbers_changed.connect(self._on_document_numbers_changed)
        document.cursor_changed.connect(self._on_document_cursor_changed)
        document.selection_changed.connect(self._on_document_selection_changed)
        document.breakpoints.changed.connect(self.update)
        themes.changed.connect(self._on_themes_changed)
        self._on_document_trace_changed()

    # ----- what is shown

    @property
    def scene(self) -> Scene | None:
        return self._content.scene

    @property
    def labels(self) -> Labels | None:
        return self._content.labels

    @property
    def camera(self) -> Camera:
        return self.view.camera

    @property
    def folds(self) -> Folds:
        return self._content.folds

    @property
    def has_groups(self) -> bool:
        return self._content.has_groups

    @property
    def theme(self) -> Theme:
        return self._themes.theme

    @property
    def method(self) -> str:
        """The layout's name: "layered", or one of networkx's."""
        return self._content.method

    def set_method(self, name: str) -> None:
        """Lay the graph out in another way, and fit it."""
        if name != self.method:
            self.folding.refit()
            self._content.set_method(name)

    @property
    def overlay(self) -> str:
        """What colours mean: one of `overlay.OVERLAYS`."""
        return self._overlay

    def set_overlay(self, name: str) -> None:
        """Colour the boxes by another property; the layout stays.

        Raises
        ------
        ValueError
            There is no overlay of this name.
        """
        if name not in overlay.OVERLAYS:
            raise ValueError(f"there is no overlay named {name!r}; choose one of {', '.join(overlay.OVERLAYS)}")
        if name != self._overlay:
            self._overlay = name
            if self.scene is not None:
                self._stage.recolour(self.scene, name)
                self.view.uncover()
                self.view.hurry()
            self.update()

    @property
    def is_laying_out(self) -> bool:
        return self._content.is_busy

    def fold_all(self) -> None:
        self.folding.fold_all()

    def unfold_all(self) -> None:
        self.folding.unfold_all()

    def set_depth(self, depth: int) -> None:
        """Show module calls open down to this depth; 0 folds the outermost."""
        self.folding.set_depth(depth)

    def unfold(self, path: ScopePath) -> None:
        """Open a module call and everything around it."""
        self.folding.unfold(path)

    def toggle(self, path: ScopePath) -> None:
        """Fold or unfold a module call; its box stays where it is on screen."""
        self.folding.toggle(path)

    def menu_for(self, item: int | None) -> QMenu:
        return menu.build(self, item)

    # ----- picking

    @property
    def picked_item(self) -> int | None:
        """Index of the item that keys and menu act on: the picked group, or the box of the document's focus."""
        scene = self.scene
        if scene is None:
            return None
        if self._picked_scope is not None:
            return scene.item_of_scope(self._picked_scope)
        node = self.document.focus
        return None if node is None else scene.item_of(node)

    @property
    def picked_scope(self) -> ScopePath | None:
        """Path of the picked group."""
        return self._picked_scope

    def pick(self, item: int | None) -> None:
        """Select an item's node; of a group, the group itself; None selects nothing."""
        scene = self.scene
        shown = None if item is None or scene is None else scene.items[item]
        self._pick_scope(shown.scope if shown is not None and shown.node is None else None)
        self.document.select(None if shown is None else shown.node)
        self.update()

    def pick_path(self, path: ScopePath) -> None:
        """Pick a call, whether it is folded or open."""
        self._pick_scope(path)
        self.update()

    def _pick_scope(self, path: ScopePath | None) -> None:
        if path != self._picked_scope:
            self._picked_scope = path
            self.picked_changed.emit()

    # ----- moving the view

    def fit(self) -> None:
        """Show everything."""
        if self.scene is not None:
            self.view.fit(self.scene.bounds)

    def zoom_by(self, factor: float) -> None:
        """Zoom about the middle of the view."""
        self.zoom_at(factor, QPointF(self.width() / 2, self.height() / 2))

    def zoom_at(self, factor: float, position: QPointF) -> None:
        """Zoom about a position of the widget, which keeps what is under it."""
        self.view.zoom_at(factor, position)

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the view by pixels."""
        self.view.pan_by(dx, dy)

    def center_on(self, node_id: int) -> None:
        """Bring a node to the middle, opening what hides it and zooming in until it can be read."""
        self.folding.show_node(node_id)

    def reveal(self, item: int) -> None:
        """Move the view gently, and only as far as needed, until an item is well inside it."""
        if self.scene is not None:
            self.view.reveal(self.scene.rect_of(item))

    def go_by_minimap(self, position: QPointF, *, is_drag: bool = False) -> bool:
        """Centre on what a position on the minimap stands for; False if the map is not there."""
        point = self.chrome.map_point(position, is_drag=is_drag)
        if point is not None:
            self.view.centre(*point)
        return point is not None

    @property
    def has_selection(self) -> bool:
        """Whether something is picked, other than by where the backward pass stands."""
        return self._picked_scope is not None or self.document.selection is not None

    @property
    def picked_nodes(self) -> list[int]:
        """The nodes behind the picked item."""
        scene, item = self.scene, self.picked_item
        if scene is None or item is None:
            return []
        shown = scene.items[item]
        if shown.node is not None:
            return [shown.node]
        if shown.is_folded:
            return list(shown.members)
        path, scope_of = shown.scope, self.folds.scope_of
        return [node.id for node in scene.trace.graph.nodes if scope_of(node)[: len(path)] == path]

    def escape(self) -> None:
        """Cancel the layout being made, else mark nothing any more, else select nothing."""
        if self.carrier.is_carrying:
            self._hands.let_go()
        elif self._content.is_busy:
            self._content.cancel()
            self.status_message.emit("Layout cancelled.")
        elif self.spotlight.is_on:
            self.spotlight.clear()
        else:
            self.pick(None)

    def wait_for_layout(self) -> None:
        """Wait for a running layout's thread (before the program ends)."""
        self._content.wait()

    # ----- following document and content

    def _on_document_trace_changed(self) -> None:
        self._picked_scope = None
        self.folding.start()
        self.spotlight.reset()
        self._content.set_trace(self.document.trace)

    def _on_document_numbers_changed(self) -> None:
        if self.document.trace is not None:
            self._content.exchange_trace(self.document.trace)
            self._renew_painter()

    def _on_document_cursor_changed(self) -> None:
        scene, stepper = self.scene, self.document.stepper
        region = None if scene is None or stepper is None else self._stage.stepped(scene, stepper)
        if region is None:
            self.update()
        else:
            self.update(region + self.chrome.changing())
        if self.follow_cursor and scene is not None and stepper is not None and stepper.current_node is not None:
            item = scene.item_of(stepper.current_node)
            if item is not None:
                self.reveal(item)

    def _on_document_selection_changed(self) -> None:
        node = self.document.selection
        if node is not None:
            self._picked_scope = None
            self.travel.visit(node)
            item = None if self.scene is None else self.scene.item_of(node)
            if self.scene is not None and item is not None and not self.view.touches(self.scene.rect_of(item)):
                self.reveal(item)
        self.update()

    def _on_spotlight_changed(self) -> None:
        if self.scene is not None:
            self._stage.mark(self.scene, self.spotlight)
        self.update()

    def _on_themes_changed(self, _theme: Theme) -> None:
        self._renew_painter()

    def _on_content_busy_changed(self, is_busy: bool) -> None:
        if is_busy:
            self.status_message.emit("Laying out the graph…")
        self.update()

    def _on_content_progressed(self, _percent: int) -> None:
        self.update()

    def _on_content_changed(self) -> None:
        self._hands.reset()
        old, old_camera, picture = self._shown, self.camera, self._stage.picture
        self._shown = self.scene
        self._renew_painter()
        if self.scene is not None:
            self.folding.arrive(self.scene)
            if old is not None:
                self._stage.transition.begin(old, old_camera, picture, self.scene, self.camera)
        self.drawing_changed.emit()

    def _renew_painter(self) -> None:
        self._stage.renew(self.scene, self.labels, self.theme, self._overlay)
        self.chrome.renew(self.scene, self.fonts, has_bar=self.has_groups)
        if self.scene is not None:
            self._stage.mark(self.scene, self.spotlight)
        self.update()

    # ----- painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            self._paint(painter, event.region())
        finally:
            painter.end()  # a painter left open would take the window along with an error

    def _paint(self, painter: QPainter, dirty: QRegion) -> None:
        scene, stepper = self.scene, self.document.stepper
        if scene is None or stepper is None or not len(scene):
            painter.fillRect(self.rect(), self.theme.background)
            notices.paint_empty(painter, self.size(), self.theme, self.fonts, self._empty_reason())
            return
        selected = self.picked_item if self.has_selection else None
        self._stage.paint(painter, scene, stepper, Marks(selected, self._hands.hovered), dirty)
        scenes, now = self._stage.scenes, self._stage.now(scene, stepper)
        if scenes is None:
            return
        self.edges.paint(painter, scenes, now)
        self.edit_marks.paint(painter, scene, self.camera, self.theme)
        self.stop_marks.paint(painter, scene, self.camera, self.theme)
        self.chrome.paint(painter, now, scenes.cards, self.travel.trail, self.spotlight.text, dirty)
        if self._content.is_busy:
            notices.paint_busy(painter, self.size(), self.theme, self.fonts, self._content.percent_done)

    def _empty_reason(self) -> notices.Notice:
        trace = self.document.trace
        if trace is None:
            return notices.NOTHING_OPEN
        if self._content.is_busy:
            return notices.laying_out(self._content.percent_done)
        return notices.no_graph(trace)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.view.resize(event.oldSize(), event.size())
        self._content.aspect = min(max(self.width() / max(self.height(), 1), 0.5), 3.0)
        super().resizeEvent(event)
        self.resized.emit()
