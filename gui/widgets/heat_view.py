"""The picture of one matrix or vector: coloured cells, numbers where they fit, the cell under the pointer read out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from engine.graph.numbers import format_number

from ..style import TEXT_SMALL_PT
from ..theme import LIGHT, Theme, mono_font
from .heat_map import Blocks, Floats, Rgb, colors, reduce_blocks
from .height_by_width import HeightByWidth

_MOST_HEIGHT = 168
_CELL = 24.0
_NUMBER_CELLS = 64
"""Numbers are written into the cells of a matrix of at most this many entries."""
_NEGATIVE = {"data": QColor("#a8741a"), "accent": QColor("#4a4fb5")}
_NEGATIVE_DARK = {"data": QColor("#d9a648"), "accent": QColor("#8e93f0")}
NAN_COLOR = QColor("#c2188b")


class _Geometry(NamedTuple):
    cell_width: float
    cell_height: float
    has_numbers: bool


def _rgb(color: QColor) -> Rgb:
    return color.red(), color.green(), color.blue()


def scale_colors(theme: Theme, *, is_gradient: bool) -> tuple[QColor, QColor, QColor]:
    """Colours of the most negative value, of zero and of the most positive one."""
    kind = "accent" if is_gradient else "data"
    negative = (_NEGATIVE_DARK if theme.is_dark else _NEGATIVE)[kind]
    return negative, theme.background, theme.accent if is_gradient else theme.data


def _luminance(color: QColor) -> float:
    """Relative luminance as WCAG defines it."""
    channels = (color.redF(), color.greenF(), color.blueF())
    parts = [float(c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4) for c in channels]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _readable_on(color: QColor) -> QColor:
    """Dark or light text, whichever stands out more on `color`."""
    light, dark, here = _luminance(LIGHT.surface), _luminance(LIGHT.text), _luminance(color)
    return LIGHT.text if (here + 0.05) / (dark + 0.05) > (light + 0.05) / (here + 0.05) else LIGHT.surface


_OWN_KEYS = frozenset({Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space})
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class HeatView(HeightByWidth):
    """A matrix as coloured cells on a scale that is symmetric around zero; large ones by blocks that keep the extremes.

    Cells are reached by the pointer and by the arrow keys.
    """

    hovered = Signal(int, int)
    """Row and column of the (first) entry under the pointer; (-1, -1) when it leaves."""
    clicked = Signal(int, int)
    """Row and column of the entry that was pressed, or on which Enter was pressed."""

    def __init__(self, parent: QWidget | None = None, *, most_height: int = _MOST_HEIGHT) -> None:
        super().__init__(parent)
        self._most_height = most_height
        self._mark: tuple[int, int] | None = None
        self._picture: QImage | None = None
        self._matrix: Floats = np.zeros((1, 1))
        self._limit = 1.0
        self._theme: Theme | None = None
        self._is_gradient = False
        self._blocks: Blocks | None = None
        self._blocks_size = (0, 0)
        self._image: QImage | None = None
        self._geometries: dict[int, _Geometry] = {}
        self._widest: int | None = None
        self._cursor: tuple[int, int] | None = None
        self.setAccessibleName("Heat map")
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def show_matrix(self, matrix: Floats, limit: float, theme: Theme, *, is_gradient: bool) -> None:
        """Show `matrix` (2-d, at least one entry) on a scale from -limit to +limit."""
        self._matrix, self._limit, self._theme, self._is_gradient = matrix, limit, theme, is_gradient
        self._blocks = self._image = self._cursor = self._mark = self._picture = self._widest = None
        self._geometries.clear()
        self.setAccessibleName(f"Heat map, {matrix.shape[0]} rows by {matrix.shape[1]} columns")
        self.updateGeometry()
        self.update()

    def show_image(self, image: QImage, matrix: Floats, theme: Theme) -> None:
        """Show a picture in its own colours; `matrix` has the entries that are pointed at."""
        self.show_matrix(matrix, 1.0, theme, is_gradient=False)
        self._picture = image
        self._geometries.clear()
        self.updateGeometry()

    @property
    def cell(self) -> tuple[int, int] | None:
        """The entry that the pointer or the arrow keys are on."""
        return self._cursor

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """Rows and columns of what is shown."""
        return self._matrix.shape[0], self._matrix.shape[1]

    def set_theme(self, theme: Theme) -> None:
        """Draw the same matrix in the colours of another theme."""
        if theme is not self._theme:
            self._theme, self._image = theme, None
            self.update()

    def mark(self, row: int, column: int) -> None:
        """Frame an entry for good; the pointer's frame comes and goes."""
        if (row, column) != self._mark:
            self._mark = row, column
            self.update()

    @property
    def scale_colors(self) -> tuple[QColor, QColor, QColor]:
        """Colours at -limit, at zero and at +limit."""
        if self._theme is None:
            return QColor("gray"), QColor("white"), QColor("black")
        return scale_colors(self._theme, is_gradient=self._is_gradient)

    def blocks(self) -> Blocks:
        """The matrix as it is drawn: reduced to at most one block for each pixel."""
        geometry = self._geometry(self.width())
        most = max(1, self._most_height), max(1, self.width())
        if geometry.has_numbers:
            most = self._matrix.shape[0], self._matrix.shape[1]
        if self._blocks is None or self._blocks_size != most:
            self._blocks = reduce_blocks(self._matrix, *most)
            self._blocks_size = most
            self._image = None
        return self._blocks

    # --- geometry ---

    def _geometry(self, width: int) -> _Geometry:
        if width not in self._geometries:
            self._geometries[width] = self._measure(width)
        return self._geometries[width]

    def _measure(self, width: int) -> _Geometry:
        rows, columns = self._matrix.shape
        if self._picture is not None:
            size = min(width / columns, self._most_height / rows)
            return _Geometry(size, size, False)
        if rows * columns <= _NUMBER_CELLS:
            widest = self._widest_text()
            if (widest + 8) * columns <= width and rows * _CELL <= self._most_height:
                return _Geometry(min(max(widest + 12.0, 44.0), width / columns), _CELL, True)
        cell_width = min(_CELL, width / columns)
        cell_height = min(_CELL, self._most_height / rows)
        smallest = min(cell_width, cell_height)
        most = max(8.0, smallest)  # a matrix of extreme proportions gets oblong cells rather than a hairline
        return _Geometry(min(cell_width, most), min(cell_height, most), False)

    def _widest_text(self) -> int:
        """Pixels of the longest number; all characters have one width. Asked for every width that a layout tries."""
        if self._widest is None:
            longest = max(len(self._cell_text(row, column)) for row, column in np.ndindex(*self._matrix.shape))
            self._widest = QFontMetrics(mono_font(TEXT_SMALL_PT - 1)).horizontalAdvance("0" * longest)
        return self._widest

    def _cell_text(self, row: int, column: int) -> str:
        return format_number(float(self._matrix[row, column]), 3)

    def heightForWidth(self, width: int) -> int:
        return max(int(np.ceil(self._geometry(max(width, 1)).cell_height * self._matrix.shape[0])), 4) + 2

    def cell_at(self, position: QPoint) -> tuple[int, int] | None:
        """Row and column of the entry (the first one of a block) at a point of the widget."""
        geometry = self._geometry(self.width())
        rows, columns = self._matrix.shape
        row = int((position.y() - 1) / geometry.cell_height)
        column = int((position.x() - 1) / geometry.cell_width)
        inside = position.x() >= 1 and position.y() >= 1 and row < rows and column < columns
        return (row, column) if inside else None

    def block_of(self, row: int, column: int) -> tuple[int, int]:
        """Indices of the drawn block that holds an entry."""
        blocks = self.blocks()
        return (
            int(np.searchsorted(blocks.row_edges, row, side="right")) - 1,
            int(np.searchsorted(blocks.column_edges, column, side="right")) - 1,
        )

    # --- events ---

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._set_cursor(self.cell_at(event.position().toPoint()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.clicked.emit(*cell)
        super().mousePressEvent(event)

    def leaveEvent(self, event: object) -> None:
        self._set_cursor(None)

    def event(self, event: QEvent) -> bool:
        is_ours = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if is_ours and event.key() in _OWN_KEYS and event.modifiers() in _PLAIN:  # type: ignore[attr-defined] # checked
            event.accept()  # the window would step with them
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._cursor is not None:
            self.clicked.emit(*self._cursor)
            return
        moves = {
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        rows, columns = self._matrix.shape
        row, column = self._cursor or (0, 0)
        if self._cursor is not None:
            row, column = row + move[0], column + move[1]
        self._set_cursor((min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)))

    def _set_cursor(self, cell: tuple[int, int] | None) -> None:
        if cell != self._cursor:
            self._cursor = cell
            self.hovered.emit(*(cell or (-1, -1)))
            self.update()

    # --- drawing ---

    def _build_image(self, blocks: Blocks, theme: Theme) -> QImage:
        negative, middle, positive = self.scale_colors
        pixels = colors(
            blocks, self._limit, _rgb(negative), _rgb(middle), _rgb(positive), _rgb(NAN_COLOR), _rgb(theme.text)
        )
        pixels = np.ascontiguousarray(pixels)
        rows, columns = pixels.shape[:2]
        return QImage(pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888).copy()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        if theme is None:
            return
        geometry, blocks = self._geometry(self.width()), self.blocks()
        if self._image is None:
            self._image = self._build_image(blocks, theme)
        rows, columns = self._matrix.shape
        area = QRectF(1, 1, geometry.cell_width * columns, geometry.cell_height * rows)
        painter = QPainter(self)
        if self._picture is not None:
            painter.drawImage(area, self._picture)
            painter.setPen(QPen(theme.line, 1))
            painter.drawRect(area.adjusted(-0.5, -0.5, 0.5, 0.5))
            painter.end()
            return
        painter.drawImage(area, self._image)
        is_whole = blocks.extreme.shape == self._matrix.shape
        if is_whole and min(geometry.cell_width, geometry.cell_height) >= 6:
            self._draw_grid(painter, area, geometry, theme)
        if is_whole and geometry.cell_height >= 8:
            self._draw_texts(painter, geometry, self._image, blocks)
        painter.setPen(QPen(theme.line, 1))
        painter.drawRect(area.adjusted(-0.5, -0.5, 0.5, 0.5))
        for place, width in ((self._mark, 2.0), (self._cursor, 1.5)):
            if place is not None:
                painter.setPen(QPen(theme.text, width))
                painter.drawRect(self._cell_rect(geometry, *place))
        painter.end()

    @staticmethod
    def _cell_rect(geometry: _Geometry, row: int, column: int) -> QRectF:
        return QRectF(
            1 + column * geometry.cell_width,
            1 + row * geometry.cell_height,
            max(geometry.cell_width, 3),
            max(geometry.cell_height, 3),
        )

    def _draw_grid(self, painter: QPainter, area: QRectF, geometry: _Geometry, theme: Theme) -> None:
        painter.setPen(QPen(theme.surface, 1))
        rows, columns = self._matrix.shape
        for column in range(1, columns):
            x = round(area.left() + column * geometry.cell_width)
            painter.drawLine(x, round(area.top()), x, round(area.bottom()))
        for row in range(1, rows):
            y = round(area.top() + row * geometry.cell_height)
            painter.drawLine(round(area.left()), y, round(area.right()), y)

    def _draw_texts(self, painter: QPainter, geometry: _Geometry, image: QImage, blocks: Blocks) -> None:
        """Numbers where they fit; else only a mark for NaN and Inf, which colour alone must not tell apart."""
        painter.setFont(mono_font(TEXT_SMALL_PT - 1))
        cells = (
            np.ndindex(*self._matrix.shape) if geometry.has_numbers else np.argwhere(blocks.nan | blocks.inf).tolist()
        )
        for row, column in cells:
            cell = QRectF(
                1 + column * geometry.cell_width,
                1 + row * geometry.cell_height,
                geometry.cell_width,
                geometry.cell_height,
            )
            mark = "×" if blocks.nan[row, column] else self._cell_text(row, column)
            text = self._cell_text(row, column) if geometry.has_numbers else mark
            painter.setPen(_readable_on(image.pixelColor(column, row)))
            painter.drawText(cell, Qt.AlignmentFlag.AlignCenter, text)
