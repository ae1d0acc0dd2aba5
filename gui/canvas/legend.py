"""The legend at the foot of the canvas: of kinds or of the overlay; a click on it makes it small, and large again."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSizeF
from PySide6.QtGui import QPainter

from . import categories, chips, kinds, overlay
from .cards import CardPainter
from .categories import INSET, Categories
from .fonts import Fonts
from .kinds import Kinds
from .overlay import Scale
from .scene import Scene

Content = Kinds | Scale | Categories
LEAST_WIDTH, LEAST_HEIGHT = 260.0, 200.0
"""In a smaller view the legend would hide the graph."""


class Legend:
    """Paints what colours and forms mean, and knows where it was painted."""

    def __init__(self) -> None:
        self.is_open: bool | None = None
        """Whether all of it is shown; None until the user has said so: where it hides nothing, or explains colours."""
        self.content: Content | None = None
        self.place = QRectF()
        """Where it is in the widget; empty while it is hidden."""
        self.is_shown = True
        """Whether all of it was shown when it was painted last."""

    def show(self, scene: Scene | None, overlay_name: str) -> Scale | Categories | None:
        """Explain an overlay of a scene; returns what colours the boxes, None where kinds and states do."""
        colouring = None if scene is None else overlay.scale_of(scene, overlay_name)
        self.content = colouring if colouring is not None or scene is None else kinds.kinds_of(scene)
        return colouring

    def place_at_rest(self, fonts: Fonts, size: QSizeF) -> QRectF:
        """Where it is in a view of this size while nothing gives way to it; empty where there is no room for it."""
        if self.content is None or size.width() < LEAST_WIDTH or size.height() < LEAST_HEIGHT:
            return QRectF()
        is_large = self.is_open if self.is_open is not None else not isinstance(self.content, Kinds)
        return self._place(fonts, size.height(), is_large=is_large)

    def _place(self, fonts: Fonts, height: float, *, is_large: bool) -> QRectF:
        wide, tall = self._size(fonts) if is_large else (chips.width(fonts, self._title), chips.HEIGHT)
        return QRectF(INSET, height - INSET - tall, wide, tall)

    def _size(self, fonts: Fonts) -> tuple[float, float]:
        if isinstance(self.content, Kinds):
            return kinds.legend_width(self.content, fonts), kinds.legend_height(self.content)
        if isinstance(self.content, Categories):
            return categories.legend_width(self.content, fonts), categories.legend_height(self.content)
        return overlay.SCALE_WIDTH, overlay.SCALE_HEIGHT

    @property
    def _title(self) -> str:
        return "Kinds" if self.content is None or isinstance(self.content, Kinds) else self.content.title

    def paint(self, painter: QPainter, cards: CardPainter, size: QSizeF, is_free: Callable[[QRectF], bool]) -> None:
        """Draw it in the lower left corner of a view; `is_free` tells whether nothing of the graph is in a place."""
        self.place = QRectF()
        if self.content is None or size.width() < LEAST_WIDTH or size.height() < LEAST_HEIGHT:
            return
        fonts, height = cards.fonts, size.height()
        gives_way = isinstance(self.content, Kinds) and not is_free(self._place(fonts, height, is_large=True))
        self.is_shown = not gives_way if self.is_open is None else self.is_open
        if not self.is_shown:
            self.place = self._place(fonts, height, is_large=False)
            chips.paint(painter, self.place, self._title, cards.theme, fonts)
            return
        if isinstance(self.content, Kinds):
            self.place = kinds.paint_legend(painter, self.content, cards, height)
        else:
            self.place = overlay.paint_legend(painter, self.content, cards.theme, fonts, height)
        if not (isinstance(self.content, Scale) and self.content.has_broken):
            # Else the swatch of what is not finite stands there.
            chips.paint_sign(painter, chips.sign_place(self.place).center(), cards.theme.muted, is_open=True)
