"""How far a layout is, told to whoever waits for it, and whether anybody still does."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import LayoutError

STEP = 0.01
"""Progress is told in steps of at least so much."""
VIEW_SHARE = 0.35
"""How much of a large layout's time it takes to work out what is to be drawn."""


class LayoutCancelledError(LayoutError):
    """The layout was no longer wanted."""


class Pace:
    """One layout's way from 0 to 1.

    The work is divided into sections one after the other; `advance` moves on within the section that began last.
    What is told never goes back.

    Parameters
    ----------
    is_cancelled : asked between pieces of the work.
    on_progress : called with the share that is done, from 0 to 1, in the thread of the layout.
    """

    def __init__(
        self, is_cancelled: Callable[[], bool] | None = None, on_progress: Callable[[float], None] | None = None
    ) -> None:
        self._is_cancelled = is_cancelled
        self._on_progress = on_progress
        self._end = self._at = 0.0
        self._span = 0.0
        self._told = -1.0

    def check(self) -> None:
        """End the work here if nobody waits for it.

        Raises
        ------
        LayoutCancelledError
            It was cancelled.
        """
        if self._is_cancelled is not None and self._is_cancelled():
            raise LayoutCancelledError("The layout was cancelled.")

    def begin(self, start: float, end: float) -> None:
        """The section of the work from `start` to `end` begins, shares of the whole."""
        self.check()
        self._at, self._end, self._span = start, end, end - start
        self._tell()

    def advance(self, share: float) -> None:
        """A further share of this section is done."""
        self.check()
        self._at = min(self._at + share * self._span, self._end)
        self._tell()

    def finish(self) -> None:
        """All is done."""
        self.begin(1.0, 1.0)

    def _tell(self) -> None:
        if self._on_progress is not None and (self._at >= self._told + STEP or self._at == 1.0 > self._told):
            self._told = self._at
            self._on_progress(self._at)
