"""Numbers that a user pastes: `[[1, 2], [3, 4]]`, `tensor([...])`, CSV, tab-separated, or plain columns."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_CHARACTERS = 20_000_000
_WRAPPED = re.compile(
    r"^\s*(?:np\.|numpy\.|torch\.)?(?:tensor|array|Parameter containing:\s*tensor)\s*\(", re.IGNORECASE
)
_WORDS = re.compile(r"[+-]?\b(?:nan|inf(?:inity)?)\b", re.IGNORECASE)
_SEPARATORS = re.compile(r"\s*[,;\t]\s*|\s+")


def parse_numbers(text: str) -> npt.NDArray[np.float64]:
    """The array that a text says, as float64.

    Raises
    ------
    ValueError
        With a sentence: it is no array of numbers, or its rows differ in length.
    """
    text = text.strip().replace("−", "-")
    if not text:
        raise ValueError("There is no text to paste.")
    if len(text) > MOST_CHARACTERS:
        raise ValueError("The text is too long to be pasted.")
    return _nested(text) if "[" in text else _columns(text)


def fitted(array: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """The array in the shape of what it replaces where it has as many numbers, or is a single one; else as it is."""
    count = int(np.prod(shape, dtype=np.int64))
    if array.size == count:
        return array.reshape(shape)
    return np.full(shape, array.reshape(-1)[0]) if array.size == 1 else array


def _nested(text: str) -> npt.NDArray[np.float64]:
    if _WRAPPED.match(text) or text.count("(") == 1:
        text = text[text.index("[") : text.rindex("]") + 1]
    if "," not in text:  # as numpy prints it
        text = re.sub(r"(?<=[\d.\]])\s+(?=[-+\d.\[])", ", ", text)
    text = _WORDS.sub(lambda found: {"n": "None", "i": "1e999", "-": "-1e999"}[found[0].lstrip("+")[0].lower()], text)
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError("This is no list of numbers such as [[1, 2], [3, 4]].") from error
    return _array(found)


def _columns(text: str) -> npt.NDArray[np.float64]:
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = [part for part in _SEPARATORS.split(line.strip()) if part]
        if not parts:
            continue
        try:
            rows.append([float(part) for part in parts])
        except ValueError as error:
            raise ValueError(f"Line {number} has something that is no number: {line.strip()[:60]}") from error
    return _array(rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows[0] if len(rows) == 1 else rows)


def _array(found: Any) -> npt.NDArray[np.float64]:
    try:
        array = np.array(found, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ValueError("The rows differ in length, or something in them is no number.") from error
    if array.size == 0:
        raise ValueError("There is no number in this text.")
    return array
