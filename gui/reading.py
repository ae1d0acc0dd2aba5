"""Reading a trace beside the window's thread, with what the window will want to know of it at once."""

from __future__ import annotations

from pathlib import Path

from engine.graph.fold import Folds
from engine.graph.trace import Trace
from gui import garbage

MOST_CODE = 300_000
"""So many characters of a program are coloured ahead; of a larger one each file as it is looked at."""


def read(path: Path) -> Trace:
    """A trace from its file. Raises what `Trace.load` does."""
    return prepared(Trace.load(path))


def prepared(trace: Trace) -> Trace:
    """Work out what is kept with a trace and takes long, so that the window finds it there. Needs no window."""
    from gui.panels.highlight import line_spans  # with it comes pygments
    from gui.panels.naming import shown_code

    graph = trace.graph
    if graph.nodes:
        graph.incoming(0)
        graph.outgoing(0)
    Folds.default_for(graph)
    if sum(map(len, trace.sources.values())) <= MOST_CODE:
        for text in trace.sources.values():
            line_spans(shown_code(text))
    garbage.spare(len(graph.nodes))
    return trace
