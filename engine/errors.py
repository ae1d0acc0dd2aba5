"""One exception tree. Every message says what happened, where, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .graph.trace import Trace


class RetrogradError(Exception):
    """Base of every error that the engine raises on purpose; `str(error)` is a text for people."""


class TargetError(RetrogradError):
    """The target cannot be used at all: no such file, demo or callable, or a kind that is not supported.

    Attributes
    ----------
    source : tuple of (file, line) or None
        The line that cannot be read, where the fault is in a program's text.
    """

    def __init__(self, message: str, source: tuple[str, int] | None = None) -> None:
        super().__init__(message)
        self.source = source


class TraceError(RetrogradError):
    """The program failed while it was traced.

    Attributes
    ----------
    trace : Trace or None
        What was recorded up to the failing operation.
    user_traceback : str
        The traceback of the program itself, without the engine's own frames; empty where there is none.
    source : tuple of (file, line) or None
        The line of the program that failed.
    """

    def __init__(
        self,
        message: str,
        *,
        trace: Trace | None = None,
        user_traceback: str = "",
        source: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.trace = trace
        self.user_traceback = user_traceback
        self.source = source


class ReplayError(RetrogradError):
    """Values that were not kept cannot be fetched: the program did something else when it ran again, or failed."""


class EditError(RetrogradError):
    """An edit of a program cannot be applied: there is no such place, or the value does not fit it."""


class TraceFileError(RetrogradError):
    """A trace file is truncated, damaged, hostile or of a version that this reader does not know."""


class SaveError(RetrogradError):
    """A file cannot be written; what stood there before is intact.

    Attributes
    ----------
    path : str
        The file that was to be written.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class LogError(RetrogradError):
    """A log of a training run cannot be read."""


class ProtocolError(RetrogradError):
    """A frame between window and worker does not follow the protocol."""


class LayoutError(RetrogradError):
    """A layout cannot draw this graph, or there is no layout of that name."""
