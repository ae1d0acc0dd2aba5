"""The engine: records what PyTorch really executed, forward and backward. Loads neither torch nor Qt until asked to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capture.tracing import trace
    from .graph.trace import Trace

__all__ = ["Trace", "trace"]


def __getattr__(name: str) -> Any:
    if name == "trace":
        from .capture.tracing import trace

        return trace
    if name == "Trace":
        from .graph.trace import Trace

        return Trace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
