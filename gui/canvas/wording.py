"""Words for names and numbers in the graph: a call's own name, a parameter's name inside its module, short counts."""

from __future__ import annotations

from engine.graph.functions import MARK
from engine.graph.model import ScopePath, TensorInfo
from engine.graph.numbers import format_number

from .fonts import plain


def is_function(path: ScopePath) -> bool:
    """Whether a path is that of a function call, not of a module's."""
    return bool(path) and path[-1].startswith(MARK)


def own_name(path: ScopePath) -> str:
    """A call's own part of its path, without what the call around it already says."""
    name = path[-1] if path else ""
    if is_function(path):
        return plain(name[len(MARK) :].partition("@")[0])
    if len(path) > 1 and name.startswith(path[-2] + "."):
        name = name[len(path[-2]) + 1 :]
    return plain(name)


def path_text(path: ScopePath, separator: str = " › ") -> str:
    """A whole path for people; that a function was called for the third time there is left out."""
    return separator.join(part.partition("@")[0] if part.startswith(MARK) else part for part in path)


def name_inside(name: str, scope: ScopePath) -> str:
    """A name without the beginning that the module calls around it already say.

    "h.0.ln_1.weight" is "weight" in model/h.0/ln_1, and "ln_1.weight" in model/h.0.
    """
    if "." not in name:
        return name
    parts = [word for part in scope if not part.startswith(MARK) for word in part.partition("@")[0].split(".")]
    for first in range(len(parts)):
        prefix = ".".join(parts[first:]) + "."
        if name.startswith(prefix) and len(name) > len(prefix):
            return name[len(prefix) :]
    return name


def scalar_text(info: TensorInfo) -> str | None:
    """The number of a tensor with one element, or None if it was not kept."""
    if info.array is not None and info.array.size == 1:
        value = info.array.reshape(-1)[0]
        if info.array.dtype.kind == "c":
            return f"{value.real:.3g}{value.imag:+.3g}i".replace("-", "−")
        if info.array.dtype.kind == "b":
            return str(bool(value))
        return format_number(float(value))
    summary = info.recorded_summary
    return format_number(summary.mean) if summary is not None and summary.count == 1 else None


def norm_text(mark: str, info: TensorInfo) -> str:
    """The mark and the norm of a tensor; nothing where no values are known."""
    summary = info.summary
    return f"{mark} {format_number(summary.norm, 3)}" if summary is not None else ""


def short_count(count: int) -> str:
    """Large counts in words: 950, 12.3k, 7.1M, 1.5B."""
    for size, letter in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f}".rstrip("0").rstrip(".") + letter
    return str(count)
