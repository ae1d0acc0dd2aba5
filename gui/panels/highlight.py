"""Colours of Python code: pygments finds the tokens of the whole text once, Qt paints them line by line."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from ..style import mix
from ..theme import Theme

Span = tuple[int, int, str]
"""Start and length within the line (in UTF-16 units, as Qt counts), and the kind."""

_LONGEST_TEXT = 2_000_000
"""Characters beyond which the code is shown without colours."""
_KINDS = (
    ("Token.Comment", "comment"),
    ("Token.Literal.String", "string"),
    ("Token.Literal.Number", "number"),
    ("Token.Keyword", "keyword"),
    ("Token.Name.Decorator", "name"),
    ("Token.Name.Function", "name"),
    ("Token.Name.Class", "name"),
    ("Token.Operator.Word", "keyword"),
)


@lru_cache(8)
def line_spans(text: str) -> list[list[Span]]:
    """For each line of `text` (whose line ends are "\\n"), the coloured spans of Python code."""
    if len(text) > _LONGEST_TEXT:
        return []
    from pygments.lexers.python import PythonLexer

    lines: list[list[Span]] = [[]]
    column = 0
    for token, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        name = str(token)
        kind = next((kind for prefix, kind in _KINDS if name.startswith(prefix)), "")
        for number, piece in enumerate(value.split("\n")):
            if number:
                lines.append([])
                column = 0
            length = len(piece.encode("utf-16-le")) // 2
            if kind and length:
                lines[-1].append((column, length, kind))
            column += length
    return lines


class CodeHighlighter(QSyntaxHighlighter):
    """Paints the tokens that `set_code` found."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._spans: list[list[Span]] = []
        self._formats: dict[str, QTextCharFormat] = {}

    def set_code(self, text: str) -> None:
        """Find the tokens of `text`, which the document is about to show."""
        self._spans = line_spans(text)

    def set_theme(self, theme: Theme) -> None:
        """Recolour everything."""
        colors = {
            "comment": theme.muted,
            "string": theme.leaf_text,
            "number": theme.text,
            "keyword": mix(theme.data_text, theme.text, 0.55),
            "name": theme.text,
        }
        self._formats = {kind: _format(color, kind) for kind, color in colors.items()}
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        number = self.currentBlock().blockNumber()
        if number < len(self._spans):
            for start, length, kind in self._spans[number]:
                if kind in self._formats:
                    self.setFormat(start, length, self._formats[kind])


def _format(color: QColor, kind: str) -> QTextCharFormat:
    result = QTextCharFormat()
    result.setForeground(color)
    if kind in ("keyword", "name"):
        result.setFontWeight(QFont.Weight.DemiBold)
    result.setFontItalic(kind == "comment")
    return result
