"""A tensor that stays in the worker: which part of it is wanted, and the parts that have come, under a bound."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal

from engine.graph.model import TensorInfo
from engine.session.messages import TileReady

LARGE_BYTES = 4 << 20
"""From this size on a tensor is looked at in parts before it is fetched as a whole."""
MOST_CACHED_BYTES = 32 << 20
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tile:
    """A part of a tensor: of the matrix at `index` the rows and columns, each as (first, one after the last).

    It comes in at most `most_rows` by `most_columns` blocks.
    """

    index: tuple[int, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    most_rows: int
    most_columns: int


class TileValues(NamedTuple):
    """What a block holds: its lowest and highest finite value, its mean, and whether it has NaN or Inf.

    `entries` are the tensor's own numbers, where each block is one of them; None otherwise.
    """

    low: Floats
    high: Floats
    mean: Floats
    nan: npt.NDArray[np.bool_]
    inf: npt.NDArray[np.bool_]
    entries: npt.NDArray[np.generic] | None = None

    @property
    def extreme(self) -> Floats:
        """The value of the largest size in each block; NaN and Inf where it has one."""
        found = np.where(self.high >= -self.low, self.high, self.low)
        found[self.inf] = np.inf
        found[self.nan] = np.nan
        return found

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self if part is not None)


def decode_tile(ready: TileReady, body: bytes) -> TileValues | None:
    """What the body of a `TileReady` holds; None where it is not what the message says."""
    rows, columns = ready.shape
    count = rows * columns
    try:
        if ready.dtype:
            entries = np.frombuffer(body, np.dtype(ready.dtype)).reshape(rows, columns)
            values = (np.abs(entries) if entries.dtype.kind == "c" else entries).astype(np.float64)
            nan, inf = np.isnan(values), np.isinf(values)
            finite = np.where(nan | inf, 0.0, values)
            return TileValues(finite, finite, finite, nan, inf, entries)
        if count <= 0 or len(body) != 26 * count:
            return None
        low, high, mean = np.frombuffer(body, "<f8", 3 * count).reshape(3, rows, columns)
        nan, inf = np.frombuffer(body, np.bool_, 2 * count, 24 * count).reshape(2, rows, columns)
        return TileValues(low, high, mean, nan, inf)
    except (TypeError, ValueError):  # no dtype of NumPy's, or another number of bytes
        return None


class LargeTensor(QObject):
    """One output, or its gradient, of which only parts are fetched.

    One part is wanted at a time: another wish takes its place, and what has not been asked for by then never is.
    """

    changed = Signal()
    """A part came, or none will."""
    wanted = Signal()
    """`wish` is another part."""

    def __init__(self, place: tuple[int, int, bool], info: TensorInfo, parent: QObject) -> None:
        super().__init__(parent)
        self.place = place
        self.info = info
        self.wish: Tile | None = None
        """What is to be fetched next."""
        self.message = ""
        """Why the last part did not come; empty otherwise."""
        self._cache: OrderedDict[Tile, TileValues] = OrderedDict()
        self._bytes = 0

    def part(self, tile: Tile) -> TileValues | None:
        """A part that has come; None where it has not (see `want`)."""
        if tile in self._cache:
            self._cache.move_to_end(tile)
        return self._cache.get(tile)

    def want(self, tile: Tile) -> None:
        """Have this part fetched unless it is here; nothing else is wanted any more."""
        wish = None if tile in self._cache else tile
        if wish != self.wish or self.message:
            self.wish, self.message = wish, ""
            self.wanted.emit()

    def forget_wish(self) -> None:
        """Nobody looks at it any more."""
        self.wish = None

    def receive(self, tile: Tile, values: TileValues) -> None:
        """A part has come; the least recently looked at give way."""
        self._cache[tile] = values
        self._bytes += values.nbytes
        while self._bytes > MOST_CACHED_BYTES and len(self._cache) > 1:
            self._bytes -= self._cache.popitem(last=False)[1].nbytes
        if self.wish == tile:
            self.wish = None
        self.changed.emit()

    def refuse(self, tile: Tile, message: str) -> None:
        """A part will not come."""
        if self.wish == tile:
            self.wish, self.message = None, message
        self.changed.emit()
