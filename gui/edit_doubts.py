"""What makes the edited trace differ from the original besides the edits: a sentence for the user, where there is."""

from __future__ import annotations

from collections.abc import Iterable

from engine.graph.edits import AnyEdit, SetSeed
from engine.graph.repeatability import first_unlike, first_unseeded, is_all_alike
from engine.graph.trace import Trace
from gui.edit_words import node_words


def doubt(original: Trace, edited: Trace, edits: Iterable[AnyEdit]) -> str:
    """One sentence that names the first tensor in doubt; empty where every difference is due to the edits."""
    edits = tuple(edits)
    if not any(isinstance(edit, SetSeed) for edit in edits):
        node = first_unlike(original, edited, edits)
        if node is None:
            return ""
        return (
            f"{_place(original, node)} is different in this run although no edit reaches it: the program draws numbers "
            "that no seed fixes, so part of what you see is not due to the edit."
        )
    node = first_unseeded(original, edited)
    if node is not None:
        return (
            f"The seed does not reach {_place(original, node)}: it drew the same numbers as before, from a generator "
            "that keeps its own seed."
        )
    if len(edits) == 1 and is_all_alike(original, edited):
        return "Nothing differs with this seed: the program draws no random numbers, or none that a seed changes."
    return ""


def _place(trace: Trace, node: int) -> str:
    """ "x (line 3)"."""
    source = trace.graph.nodes[node].source
    return node_words(trace, node) + ("" if source is None else f" (line {source.line})")
