"""Notes where a program reads `.grad` of a tensor that is no leaf, through the warning that torch gives for it."""

from __future__ import annotations

import ast
import linecache
import re
import warnings
from types import FrameType
from typing import Any, NamedTuple

import torch

from ..capture.frames import running_frame, source_of, user_frame
from ..graph.model import Source

_MESSAGE = r"The \.grad attribute of a Tensor that is not a leaf"


class GradRead(NamedTuple):
    """One such read.

    Attributes
    ----------
    expression : what `.grad` was read of, in the program's words ("h", "self.hidden"); empty where that is not plain.
    sequence : number of the tensor's autograd node, where the tensor could be found.
    source : the line.
    """

    expression: str
    sequence: int | None
    source: Source | None


class _OneFirst(list[Any]):
    """The list of warning filters, whose first entry stays in front of those that a program inserts before it."""

    def insert(self, index: Any, item: Any) -> None:
        super().insert(max(int(index), 1), item)


class GradReads:
    """Listens to torch's warning while it is installed; whether the user sees it is still up to the user's filters."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], GradRead] = {}
        self._original: Any = None
        self._filter: Any = None
        self._filters: Any = None

    def install(self) -> None:
        """Begin to listen."""
        self._original = warnings.showwarning
        # "always": the second read of the same line, in a later step, is worth knowing too.
        warnings.filterwarnings("always", message=_MESSAGE, category=UserWarning)
        self._filter = warnings.filters[0]
        self._filters = warnings.filters
        warnings.filters = _OneFirst(warnings.filters)
        warnings.showwarning = self._on_warning

    def remove(self) -> None:
        """Put everything back."""
        if self._original is None:
            return
        if warnings.showwarning == self._on_warning:
            warnings.showwarning = self._original
        left = [entry for entry in warnings.filters if entry != self._filter]
        if isinstance(warnings.filters, _OneFirst):
            warnings.filters = self._filters
        self._original = None
        if isinstance(warnings.filters, list):  # as it always is, though declared a sequence
            warnings.filters[:] = left

    def take(self) -> list[GradRead]:
        """What was read since the last call."""
        found = list(self._found.values())
        self._found.clear()
        return found

    def _on_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: Any = None,
        line: str | None = None,
    ) -> None:
        if not re.match(_MESSAGE, str(message)):
            self._original(message, category, filename, lineno, file, line)
            return
        place = (filename, lineno)
        is_new = place not in self._found
        self._found[place] = _read_at(user_frame(running_frame()))
        action = _wanted_action(str(message), category, lineno, self._filter)
        if action == "error":
            raise message if isinstance(message, Warning) else category(message)
        if is_new and action != "ignore":
            self._original(message, category, filename, lineno, file, line)


def _wanted_action(text: str, category: type[Warning], lineno: int, own: Any) -> str:
    """What the program's own filters say about a warning."""
    for entry in warnings.filters:
        action, message, kind, _, at = entry
        if entry == own:
            continue
        pattern = re.compile(message, re.IGNORECASE) if isinstance(message, str) else message
        fits = pattern is None or pattern.match(text) is not None
        if fits and issubclass(category, kind) and at in (0, lineno):
            return str(action)
    return "default"


def _read_at(frame: FrameType | None) -> GradRead:
    """The read that a frame is executing: the instruction's own columns in the line tell what stands before ".grad"."""
    source = source_of(frame)
    if frame is None:
        return GradRead("", None, source)
    positions = list(frame.f_code.co_positions())
    index = frame.f_lasti // 2
    line, last_line, begin, end = positions[index] if index < len(positions) else (None, None, None, None)
    if line is None or line != last_line or begin is None or end is None:
        return GradRead("", None, source)
    text = linecache.getline(frame.f_code.co_filename, line).encode()[begin:end].decode(errors="replace")
    if not text.endswith(".grad"):
        return GradRead("", None, source)
    expression = text.removesuffix(".grad")
    tensor = _look_up(frame, expression)
    grad_fn = tensor.grad_fn if isinstance(tensor, torch.Tensor) else None
    return GradRead(expression, None if grad_fn is None else grad_fn._sequence_nr(), source)


def _look_up(frame: FrameType, expression: str) -> Any:
    """The value of a plain dotted name, found without running anything of the program."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return None
    attributes = []
    while isinstance(tree, ast.Attribute):
        attributes.append(tree.attr)
        tree = tree.value
    if not isinstance(tree, ast.Name):
        return None
    value = frame.f_locals.get(tree.id, frame.f_globals.get(tree.id))
    for attribute in reversed(attributes):
        value = getattr(value, "__dict__", {}).get(attribute)
    return value
