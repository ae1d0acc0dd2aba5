"""What a comparison says in words: what became of a node, a value, a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from engine.graph.deviation import Deviation
from engine.graph.diff import Comparison, NodeChange
from engine.graph.model import Node
from engine.graph.numbers import format_number, format_shape

from ..widgets.tensor_view import number_text
from ..widgets.text import plain
from .naming import file_name, node_title

Part = Literal["everything", "graph", "values", "gradients"]
PARTS: tuple[tuple[Part, str], ...] = (
    ("everything", "Everything"),
    ("graph", "Graph"),
    ("values", "Values"),
    ("gradients", "Gradients"),
)


def node_of(comparison: Comparison, change: NodeChange) -> Node:
    """The node as the newer trace has it, else as the older one had it."""
    if change.after is not None:
        return comparison.after.graph.nodes[change.after]
    return comparison.before.graph.nodes[change.before or 0]


def title_text(comparison: Comparison, change: NodeChange) -> str:
    return plain(node_title(node_of(comparison, change)))


def where_text(comparison: Comparison, change: NodeChange) -> str:
    """ "model.py:12 · net › fc1"."""
    node = node_of(comparison, change)
    parts = []
    if node.source is not None:
        parts.append(f"{file_name(node.source.file)}:{node.source.line}")
    if node.scope:
        parts.append(" › ".join(node.scope))
    return plain(" · ".join(parts))


def graph_text(comparison: Comparison, change: NodeChange) -> str:
    """What is different about the node itself: "added", "was relu", "2 × 3 → 2 × 4"; empty where nothing is."""
    return plain(", ".join(_graph_words(comparison, change)))


def _graph_words(comparison: Comparison, change: NodeChange) -> list[str]:
    if change.before is None or change.after is None:
        return list(change.graph)
    one, other = comparison.before.graph.nodes[change.before], comparison.after.graph.nodes[change.after]
    words = []
    for kind in change.graph:
        if kind == "operation":
            words.append(f"was {one.label}")
        elif kind == "shape":
            forms = [" and ".join(format_shape(info.shape) for info in node.outputs) for node in (one, other)]
            words.append(" → ".join(forms))
        elif kind in ("dtype", "device"):
            forms = [" and ".join(dict.fromkeys(getattr(info, kind) for info in node.outputs)) for node in (one, other)]
            words.append(" → ".join(forms))
        elif kind == "inputs":
            words.append("reads other inputs")
        elif kind == "settings":
            words.extend(_settings(one, other))
        else:
            reason = f" ({change.was_cut[0].removeprefix('cut by ').removeprefix('cut: ')})" if change.was_cut else ""
            words.append(f"gradient {'cut' if kind == 'cut' else 'flows again'}{reason}")
    return words


def _settings(one: Node, other: Node) -> list[str]:
    names = [
        name for name in {**one.params, **other.params} if repr(one.params.get(name)) != repr(other.params.get(name))
    ]
    return [f"{name} {one.params.get(name)} → {other.params.get(name)}"[:80] for name in names[:3]]


def change_text(found: Deviation) -> str:
    """ "0.31 → 0.47", "norm 3 → 0.2", "None → 0.31"."""
    before = "None" if found.before is None else number_text(found.before)
    after = "None" if found.after is None else number_text(found.after)
    if found.nan_appeared and "NaN" not in after and "∞" not in after:
        after = f"{after} with NaN or ∞"
    if before.startswith("norm ") and after.startswith("norm "):
        after = after.removeprefix("norm ")
    return f"{before} → {after}"


def amount_text(found: Deviation) -> str:
    """How much it changed: "12 %", "≥ 3 %" where only statistics were kept, "" where it cannot be said in numbers."""
    if not math.isfinite(found.amount) or found.kind == "form":
        return ""
    percent = found.amount * 100
    text = "< 0.1 %" if percent < 0.1 else f"{format_number(percent, 2)} %"
    return text if found.is_exact or percent < 0.1 else f"≥ {text}"


def details(found: Deviation, what: str) -> list[str]:
    """Everything known about a deviation, as lines for a tooltip."""
    lines = [f"{what}: {change_text(found)}"]
    if found.output:
        lines[0] += f" (output {found.output})"
    if found.max_abs is not None:
        lines.append(f"largest difference of an element {format_number(found.max_abs)}")
    if found.max_rel is not None:
        lines.append(f"in relation to the element {format_number(100 * found.max_rel, 3)} %")
    if found.norm_ratio is not None:
        lines.append(f"norm × {format_number(found.norm_ratio)}")
    if found.kind == "changed" and not found.is_exact:
        lines.append("whole values were not kept on both sides: compared by statistics")
    return lines


def headline(comparison: Comparison) -> str:
    """The comparison in one sentence."""
    if comparison.is_identical:
        return "Nothing changed: same graph, same values, same gradients."
    counts = [
        (len(comparison.added()), "node added", "nodes added"),
        (len(comparison.removed()), "node removed", "nodes removed"),
        (_count(comparison, lambda c: bool(set(c.graph) - {"added", "removed"})), "node different", "nodes different"),
        (_count(comparison, lambda c: c.value is not None), "value changed", "values changed"),
        (_count(comparison, lambda c: c.gradient is not None and c.gradient.kind not in _LOST), "gradient changed",
         "gradients changed"),
        (_count(comparison, lambda c: _is(c.gradient, "vanished")), "gradient became None", "gradients became None"),
        (_count(comparison, lambda c: _is(c.gradient, "appeared")), "gradient is new", "gradients are new"),
    ]  # fmt: skip
    words = [f"{count} {one if count == 1 else more}" for count, one, more in counts if count]
    graph = "" if not comparison.has_same_structure else "Same graph. "
    return f"{graph}{', '.join(words)}."


_LOST = ("appeared", "vanished")


def _is(found: Deviation | None, kind: str) -> bool:
    return found is not None and found.kind == kind


def _count(comparison: Comparison, wanted: Callable[[NodeChange], bool]) -> int:
    return sum(1 for change in comparison.changes if wanted(change))


def belongs(change: NodeChange, part: Part) -> bool:
    """Whether a change is one of a part of the trace."""
    if part == "graph":
        return bool(change.graph)
    if part == "values":
        return change.value is not None
    return part == "everything" or change.gradient is not None


def rank(change: NodeChange, part: Part) -> float:
    """How far up a change stands in the list of one part."""
    found = change.value if part == "values" else change.gradient
    return -found.amount if found is not None else 0.0
