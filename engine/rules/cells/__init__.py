"""One chosen element of a gradient: its rule with the recorded numbers put in, as an expression that has a value."""

from __future__ import annotations

from .chosen import Cell, Missing, cell, missing_values
from .expression import Expr, Piece, pieces, text_of

__all__ = ["Cell", "Expr", "Missing", "Piece", "cell", "missing_values", "pieces", "text_of"]
