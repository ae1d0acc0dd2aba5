"""Where in the model one is: the module calls around what is looked at, in a bar at the top; a click goes there."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPen

from engine.graph.model import ScopePath
from gui.theme import Theme

from .fonts import Face, Fonts
from .wording import own_name

HEIGHT = 30.0
GAP = 16.0
WHOLE = "Whole graph"
BETWEEN = " › "
MOST_CRUMB = 176.0


class Breadcrumbs:
    """Paints a path and knows which part of it lies where."""

    def __init__(self) -> None:
        self._places: list[tuple[QRectF, ScopePath]] = []
        self.place = QRectF()
        """Where the whole bar is; empty while there is none."""

    def path_at(self, position: QPointF) -> ScopePath | None:
        """The module call under a position of the widget; () stands for the whole graph."""
        return next((path for place, path in self._places if place.contains(position)), None)

    def clear(self) -> None:
        self._places, self.place = [], QRectF()

    def paint(self, painter: QPainter, path: ScopePath, theme: Theme, fonts: Fonts, top: float, width: float) -> None:
        """Draw the bar over the whole width, below `top`; what does not fit is left out in the middle.

        A bar, and not a plate over the graph: what it cuts off is as plainly beyond the edge as on the other sides.
        """
        self.clear()
        if not path:
            return
        crumbs = _fitting(path, fonts, max(width - 2 * GAP, 120.0))
        self.place = QRectF(0, top, width, HEIGHT)
        painter.fillRect(self.place, theme.surface)
        painter.setPen(QPen(theme.line, 1))
        painter.drawLine(self.place.bottomLeft(), self.place.bottomRight())
        x, base = GAP, self.place.y() + 19.5
        for text, crumb in _joined(crumbs, path):
            face = _face(crumb)
            wide = fonts.width(text, face)
            painter.setFont(fonts[face])
            painter.setPen(theme.text if crumb == (path, True) else theme.muted if crumb is None else theme.data_text)
            painter.drawText(QPointF(x, base), text)
            if crumb is not None:
                self._places.append((QRectF(x - 4, self.place.y(), wide + 8, HEIGHT), crumb[0]))
            x += wide


Crumb = tuple[ScopePath, bool]


def crumb_text(path: ScopePath) -> str:
    """What stands for a module call; for () what stands for everything."""
    return (own_name(path) or "model") if path else WHOLE


def _fitting(path: ScopePath, fonts: Fonts, room: float) -> list[tuple[str, ScopePath | None]]:
    texts: list[tuple[str, ScopePath | None]] = [
        (fonts.elide(crumb_text(path[:depth]), Face.SMALL, MOST_CRUMB), path[:depth]) for depth in range(len(path) + 1)
    ]
    gap = fonts.width(BETWEEN, Face.SMALL)
    widths = [fonts.width(text, Face.SMALL_BOLD) + gap for text, _ in texts]
    while sum(widths) > room and len(texts) > 3:
        at = 1 if texts[1][1] is not None else 2
        if at >= len(texts) - 1:
            break
        if at == 1:
            texts[1], widths[1] = ("…", None), fonts.width("…", Face.SMALL) + gap
        else:
            del texts[2], widths[2]
    return texts


def _joined(texts: list[tuple[str, ScopePath | None]], path: ScopePath) -> list[tuple[str, Crumb | None]]:
    """The texts with their separators; the flag of a crumb says whether it is the last one."""
    result: list[tuple[str, Crumb | None]] = []
    for place, (text, crumb) in enumerate(texts):
        if place:
            result.append((BETWEEN, None))
        result.append((text, None if crumb is None else (crumb, crumb == path)))
    return result


def _face(crumb: Crumb | None) -> Face:
    return Face.SMALL_BOLD if crumb is not None and crumb[1] else Face.SMALL
