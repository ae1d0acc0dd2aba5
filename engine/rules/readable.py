"""Turns torch's derivative formulas, which are C++ expressions, into text that reads like Python."""

from __future__ import annotations

import re
from collections.abc import Callable


def _product(arguments: list[str]) -> str:
    return f"{_factor(arguments[0])} * {_factor(arguments[1])}"


def _factor(text: str) -> str:
    """Put brackets around a sum, so that it may stand in a product."""
    return f"({text})" if re.search(r"(?<=[\w)\]]) [+-] ", text) or "?" in text else text


def _divisor(text: str) -> str:
    return f"({text})" if re.search(r" [+\-*/] ", text) else text


_CALLS: dict[str, Callable[[list[str]], str]] = {
    "handle_r_to_c": lambda a: a[-1],
    "maybe_multiply": _product,
    "mul_tensor_backward": _product,
    "div_tensor_self_backward": lambda a: f"{_factor(a[0])} / {_divisor(a[1])}",
    "div_tensor_other_backward": lambda a: f"-{_factor(a[0])} * {_factor(a[1])} / ({a[2]} * {a[2]})",
    "mm_mat1_backward": lambda a: f"{a[-1]} * grad @ {a[1]}.T",
    "mm_mat2_backward": lambda a: f"{a[-1]} * {a[1]}.T @ grad",
    "pow_backward": lambda a: f"{a[0]} * {a[2]} * {a[1]}.pow({a[2]} - 1)",
    "pow_backward_self": lambda a: f"{a[0]} * {a[2]} * {a[1]}.pow({a[2]} - 1)",
    "pow_backward_exponent": lambda a: f"{a[0]} * {a[3]} * {a[1]}.log()",
    "std::move": lambda a: a[0],
    "sigmoid_backward": lambda a: f"{a[0]} * {a[1]} * (1 - {a[1]})",
    "tanh_backward": lambda a: f"{a[0]} * (1 - {a[1]} * {a[1]})",
    "threshold_backward": lambda a: f"{a[0]} * ({a[1]} > {a[2]})",
}

_REPLACEMENTS = (
    (re.compile(r"->"), "."),
    (re.compile(r"\.conj\(\)"), ""),
    (re.compile(r"_symint\b"), ""),
    (re.compile(r"\.sym_(\w+)\("), r".\1("),
    (re.compile(r"\bat::|\bnative::|\bstd::(?=get|sqrt|pow|log|exp|min|max)"), ""),
    (re.compile(r"\bM_PI\b"), "pi"),
    (re.compile(r"/\*.*?\*/"), ""),
    (re.compile(r"\.defined\(\) \?"), " is given ?"),
    (re.compile(r"\bstd::nullopt\b"), "None"),
    (re.compile(r"\btrue\b"), "True"),
    (re.compile(r"\bfalse\b"), "False"),
    (re.compile(r"&&"), "and"),
    (re.compile(r"\|\|"), "or"),
    (re.compile(r"\s+"), " "),
)
_GIVEN_CHOICE = re.compile(r"^[\w\[\]. ]+ is given ?\? (.*) : (?:std::tuple<.*>|Tensor)\(\)$")
_COMPLEX_CHOICE = re.compile(r"^\w+\.is_complex\(\) \? .* : (.*)$")


def _split_arguments(text: str) -> list[str]:
    """Split at the commas that are outside of any bracket."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    parts.append(text[start:].strip())
    return parts


def _closing(text: str, opening: int) -> int:
    """Position of the bracket that closes the one at `opening`; -1 if there is none."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return -1


def _rewrite_calls(text: str) -> str:
    """Replace torch's helper calls by what they compute; the innermost come last and are handled by repetition."""
    for name, write in _CALLS.items():
        pattern = re.compile(rf"(?<![\w.:]){re.escape(name)}\(")
        while (found := pattern.search(text)) is not None:
            end = _closing(text, found.end() - 1)
            if end < 0:
                break
            inside = write(_split_arguments(text[found.end() : end]))
            is_whole = found.start() == 0 and end == len(text) - 1
            text = text[: found.start()] + (inside if is_whole else f"({inside})") + text[end + 1 :]
    return text


def readable(formula: str) -> str:
    """Text of a derivative formula for people: for real tensors, without casts and C++ decoration.

    Examples
    --------
    >>> readable("mul_tensor_backward(grad, other, self.scalar_type())")
    'grad * other'
    """
    text = formula.strip()
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    text = _rewrite_calls(text)
    return _COMPLEX_CHOICE.sub(r"\1", _GIVEN_CHOICE.sub(r"\1", text)).strip()
