"""JSON that loses nothing and swallows nothing: numbers that JSON does not know, and strict decoding."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

MAX_DEPTH = 64


class JsonError(ValueError):
    """The text is not the JSON that a trace file may hold."""


def encode(value: Any, depth: int = 0) -> Any:
    """Turn an operator's argument into plain JSON; `decode` gives it back.

    None, bool, int, float (also NaN and infinities), complex, str, list, tuple and dict with text keys come back as
    they were; NumPy's scalars become Python's, anything else its text.
    """
    if depth > MAX_DEPTH:
        raise JsonError(f"a value is nested more than {MAX_DEPTH} deep")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, complex):
        return {"complex": [encode(value.real), encode(value.imag)]}
    if isinstance(value, tuple):
        return {"tuple": [encode(item, depth + 1) for item in value]}
    if isinstance(value, list):
        return [encode(item, depth + 1) for item in value]
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return {"dict": {key: encode(item, depth + 1) for key, item in value.items()}}
    if isinstance(value, int | float):  # an enumeration or another subclass: its number
        return encode(int(value) if isinstance(value, int) else float(value))
    return str(value)


def decode(value: Any, depth: int = 0) -> Any:
    """Inverse of `encode`; raises `JsonError` for anything that `encode` does not make."""
    if depth > MAX_DEPTH:
        raise JsonError(f"a value is nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return [decode(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((kind, content),) = value.items()
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind == "complex" and isinstance(content, list) and len(content) == 2:
            real, imag = decode(content[0]), decode(content[1])
            if type(real) is float and type(imag) is float:
                return complex(real, imag)
        if kind == "tuple" and isinstance(content, list):
            return tuple(decode(item, depth + 1) for item in content)
        if kind == "dict" and isinstance(content, dict):
            return {key: decode(item, depth + 1) for key, item in content.items()}
    raise JsonError(f"an object with the keys {', '.join(sorted(map(repr, value)))[:200]} stands where a value must be")


def parse(text: str) -> Any:
    """Decode JSON strictly: no duplicate keys, no NaN or Infinity, no number too large, no endless nesting.

    Raises
    ------
    JsonError
        With the position (in characters) where there is one.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise JsonError("it is nested too deeply") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonError(f"the key {key[:100]!r} stands twice in one object")
            seen.add(key)
    return result


def _no_constant(name: str) -> Any:
    raise JsonError(f"{name} is not a number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JsonError(f"the number {text[:40]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > 1000:
        raise JsonError(f"a number of {len(text)} digits is too long")
    return int(text)
