"""The rule of a step with its numbers put in, as plain lines."""

from __future__ import annotations

from engine.graph.trace import BackwardStep, Trace


def lines_for(trace: Trace, step: BackwardStep) -> list[str]:
    return []
