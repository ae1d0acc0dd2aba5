"""How panels call nodes and places of the program: in the user's own words wherever those are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePath

from engine.graph.model import Edge, Graph, Node, ScopePath, Source, TensorInfo
from engine.graph.numbers import format_shape

_LINE_END = re.compile(r"\r\n|\r|\n")


def node_name(node: Node) -> str:
    """The variable's name, else the operation."""
    return node.name or node.label


def node_title(node: Node) -> str:
    """Name and operation: "z (add)", "w (leaf)", "mul"."""
    return f"{node.name} ({node.label})" if node.name and node.name != node.label else node.label


def split_lines(text: str) -> list[str]:
    """Lines as Python counts them."""
    return _LINE_END.split(text)


def shown_code(text: str) -> str:
    """A program's text as it is shown: with one kind of line end, and without what Qt would take for another."""
    return "\n".join(split_lines(text)).replace("\u2029", " ").removesuffix("\n")


def line_text(sources: Mapping[str, str], source: Source | None) -> str:
    """The line of the program without its indentation; empty where the text is not known."""
    if source is None or source.file not in sources:
        return ""
    lines = split_lines(sources[source.file])
    return lines[source.line - 1].strip() if 0 < source.line <= len(lines) else ""


def assigns(line: str, name: str | None) -> bool:
    """Whether a line of code gives `name` its value, or returns it."""
    return (
        name is not None
        and re.match(rf"(?:[\w\s,.]*\b)?{re.escape(name)}\b[\w\s,.:\[\]]*[-+*/@|&]?=(?!=)", line) is not None
    )


def scope_text(scope: ScopePath) -> str:
    return " › ".join(scope)


@lru_cache(1024)
def file_name(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name or path


def form_text(info: TensorInfo) -> str:
    """ "2 × 3 · float32"."""
    return f"{format_shape(info.shape)} · {info.dtype.removeprefix('torch.')}"


def axis_names(graph: Graph, node: Node, output: int) -> tuple[str, ...]:
    """What the axes of an output are called where the operation tells; "dim 0", "dim 1", … otherwise."""
    shape = node.outputs[output].shape if output < len(node.outputs) else ()
    plain = tuple(f"dim {axis}" for axis in range(len(shape)))
    for names in (_axes_of(node.op or "", len(shape)), *(_axes_read(graph, edge) for edge in graph.outgoing(node)[:8])):
        if len(names) == len(shape):
            return names
    return plain


def _axes_of(op: str, count: int) -> tuple[str, ...]:
    """Axes of an operator's result."""
    name = op.split(".")[1] if op.count(".") > 1 else ""
    if name in ("convolution", "native_batch_norm", "max_pool2d_with_indices", "avg_pool2d", "_cudnn_rnn"):
        return _images(count)
    if "scaled_dot_product" in name and count == 4:
        return ("batch", "head", "position", "feature")
    if name == "embedding" and count == 3:
        return ("batch", "position", "feature")
    return ()


def _axes_read(graph: Graph, edge: Edge) -> tuple[str, ...]:
    """Axes of an operand, by the operator that reads it."""
    reader = graph.nodes[edge.target]
    source = graph.nodes[edge.source]
    count = len(source.outputs[edge.output_nr].shape) if edge.output_nr < len(source.outputs) else 0
    name = (reader.op or "").split(".")[1] if (reader.op or "").count(".") > 1 else ""
    if name == "convolution" and edge.arg == "weight":
        return (
            ("out channel", "in channel", "height", "width") if count == 4 else ("out channel", "in channel", "place")
        )
    if name in ("convolution", "native_batch_norm", "max_pool2d_with_indices", "avg_pool2d"):
        return _images(count) if edge.arg in ("input", "self") else ()
    if "scaled_dot_product" in name and count == 4:
        return ("batch", "head", "position", "feature")
    return ()


def _images(count: int) -> tuple[str, ...]:
    return {3: ("batch", "channel", "place"), 4: ("batch", "channel", "height", "width")}.get(
        count, ("batch", "channel", "depth", "height", "width") if count == 5 else ()
    )
