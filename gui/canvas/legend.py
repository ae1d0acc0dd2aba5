"""The legend at the foot of the canvas: of kinds or of the overlay; a click on it makes it small, and large again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from . import categories, kinds, overlay
from .cards import CardPainter
from .categories import Categories
from .fonts import Fonts
from .kinds import Kinds
from .overlay import Scale
from .scene import Scene

Content = Kinds | Scale | Categories
LEAST_WIDTH, LEAST_HEIGHT = 260.0, 200.0
"""In a smaller view the legend would hide the graph."""
SMALL_HEIGHT = 34.0


class Legend:
    """Paints what colours and forms mean, and knows where it was painted."""

    def __init__(self) -> None:
        self.is_open: bool | None = None
        """Whether all of it is shown; None until the user has said so: where it hides nothing, or explains colours."""
        self.content: Content | None = None
        self.place = QRectF()
        """Where it is in the widget; empty while it is hidden."""

    def show(self, scene: Scene | None, overlay_name: str) -> Scale | Categories | None:
        """Explain an overlay of a scene; returns what colours the boxes, None where kinds and states do."""
        colouring = None if scene is None else overlay.scale_of(scene, overlay_name)
        self.content = colouring if colouring is not None or scene is None else kinds.kinds_of(scene)
        return colouring

    def click(self, position: QPointF) -> bool:
        """Make it small or large again if it lies under a position; False if it does not."""
        if not self.place.contains(position):
            return False
        self.is_open = not self._is_shown
        return True

    _is_shown = True

    def small_place(self, fonts: Fonts, height: float) -> QRectF:
        """Where it is while it is small, at the foot of a view of this height."""
        wide = categories.panel_width(fonts, self._title, (), 0)
        return QRectF(16, height - 16 - SMALL_HEIGHT, wide, SMALL_HEIGHT)

    @property
    def _title(self) -> str:
        return "Kinds" if self.content is None or isinstance(self.content, Kinds) else self.content.title

    def paint(self, painter: QPainter, cards: CardPainter, size: QSizeF, is_free: Callable[[QRectF], bool]) -> None:
        """Draw it in the lower left corner of a view; `is_free` tells whether nothing of the graph is in a place."""
        width, height = size.width(), size.height()
        self.place = QRectF()
        if self.content is None or width < LEAST_WIDTH or height < LEAST_HEIGHT:
            return
        if isinstance(self.content, Kinds):
            tall = kinds.legend_height(self.content)
            would_hide = not is_free(
                QRectF(16, height - 16 - tall, kinds.legend_width(self.content, cards.fonts), tall)
            )
        else:
            would_hide = False
        self._is_shown = not would_hide if self.is_open is None else self.is_open
        if not self._is_shown:
            small = self.small_place(cards.fonts, height)
            self.place = categories.panel(painter, cards.theme, cards.fonts, self._title, small, height)
        elif isinstance(self.content, Kinds):
            self.place = kinds.paint_legend(painter, self.content, cards, height)
        else:
            self.place = overlay.paint_legend(painter, self.content, cards.theme, cards.fonts, height)
        self._paint_chevron(painter, cards)

    def _paint_chevron(self, painter: QPainter, cards: CardPainter) -> None:
        x, y = self.place.right() - 18, self.place.y() + 18
        if isinstance(self.content, Scale) and self.content.has_broken and self._is_shown:
            return  # the swatch of what is not finite stands there
        tip = 2.0 if self._is_shown else -2.0
        pen = QPen(cards.theme.muted, 1.5)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([QPointF(x - 4, y - tip), QPointF(x, y + tip), QPointF(x + 4, y - tip)]))
