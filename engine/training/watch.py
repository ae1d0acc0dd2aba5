"""Everything that is watched of a program besides its operations, switched on and off as one."""

from __future__ import annotations

from types import TracebackType

from .grad_reads import GradReads
from .optimizers import MadeOptimizers


class ProgramWatch:
    """The optimizers that a program makes, and its reads of `.grad` where there never is one."""

    def __init__(self) -> None:
        self.optimizers = MadeOptimizers()
        self.reads = GradReads()

    def install(self) -> None:
        """Begin to watch."""
        self.optimizers.install()
        self.reads.install()

    def remove(self) -> None:
        """Leave everything as it was; harmless when nothing is installed."""
        self.reads.remove()
        self.optimizers.remove()

    def __enter__(self) -> ProgramWatch:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, entry: TracebackType | None
    ) -> None:
        self.remove()
