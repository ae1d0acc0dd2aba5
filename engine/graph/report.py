"""A trace as text for a terminal and as one JSON object for scripts."""

from __future__ import annotations

import json
import math
from typing import Any

from .model import Node, TensorInfo
from .trace import Trace

MOST_VALUES = 16
"""Gradients with up to this many elements are written out."""


def to_object(trace: Trace) -> dict[str, Any]:
    """Plain data for `main.py trace --json`: target, nodes, edges, backward, leaves, seconds and what went wrong.

    `backward` lists the autograd nodes' names in the order in which the engine ran them. Numbers that JSON cannot
    carry are written as the strings "NaN", "Infinity" and "-Infinity".
    """
    return {
        "target": trace.target,
        "nodes": [_node(trace, node) for node in trace.graph.nodes],
        "edges": [
            {
                "source": edge.source,
                "output_nr": edge.output_nr,
                "target": edge.target,
                "input_nr": edge.input_nr,
                "arg": edge.arg,
                "grad_index": edge.grad_index,
                "cut": edge.cut,
            }
            for edge in trace.graph.edges
        ],
        "backward": [step.node.grad_fn for step in trace.backward],
        "leaves": [_leaf(trace, node) for node in trace.leaves()],
        "roots": [{"node": node_id, "output": output} for node_id, output in trace.roots],
        "loss": _number(trace.loss),
        "step": trace.step,
        "seconds": trace.timing.total,
        "timing": {"forward": trace.timing.forward, "backward": trace.timing.backward},
        "notes": trace.notes,
        "error": trace.error,
    }


def to_json(trace: Trace) -> str:
    return json.dumps(to_object(trace), ensure_ascii=False, allow_nan=False)


def to_text(trace: Trace) -> str:
    """The backward pass as a table: step, autograd node, variable, place, norm of the gradient that arrived."""
    nodes = trace.graph.nodes
    loss = "" if trace.loss is None else f", loss {trace.loss:.6g}"
    lines = [f"{trace.target}: {len(nodes)} nodes, {len(trace.backward)} backward steps{loss}", ""]
    rows = [("step", "grad_fn", "name", "where", "|gradient|")]
    for step in trace.backward:
        node = step.node
        where = f"{node.source.file.rpartition('/')[2]}:{node.source.line}" if node.source else ""
        first = next((info for info in step.grad_outputs if info is not None), None)
        rows.append((str(step.index + 1), node.grad_fn or "", node.name or "", where, _norm_text(first)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"\nnote: {note}" for note in trace.notes]
    return "\n".join(lines)


def _node(trace: Trace, node: Node) -> dict[str, Any]:
    gradient, step = trace.grad_info(node), trace.step_of(node)
    return {
        "id": node.id,
        "kind": node.kind,
        "op": node.op,
        "grad_fn": node.grad_fn,
        "sequence_nr": node.sequence_nr,
        "name": node.name,
        "scope": list(node.scope),
        "source": None if node.source is None else list(node.source),
        "outputs": [_tensor(info) for info in node.outputs],
        "grad_norm": _norm(gradient),
        "seconds": node.seconds,
        "backward_seconds": None if step is None else step.seconds,
        "flops": node.flops,
        "saved_bytes": node.saved_bytes,
    }


def _tensor(info: TensorInfo) -> dict[str, Any]:
    return {
        "shape": list(info.shape),
        "dtype": info.dtype,
        "requires_grad": info.requires_grad,
        "norm": _norm(info),
    }


def _leaf(trace: Trace, node: Node) -> dict[str, Any]:
    shape = node.outputs[0].shape if node.outputs else ()
    gradient = trace.grad(node)
    values = None
    if gradient is not None and gradient.size <= MOST_VALUES:
        values = _numbers(gradient.tolist())
    return {"name": node.name, "shape": list(shape), "grad_norm": _norm(trace.grad_info(node)), "grad": values}


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return [_number(value.real), _number(value.imag)] if isinstance(value, complex) else _number(value)


def _norm(info: TensorInfo | None) -> float | str | None:
    summary = None if info is None else info.summary
    return None if summary is None else _number(summary.norm)


def _norm_text(info: TensorInfo | None) -> str:
    summary = None if info is None else info.summary
    return "" if summary is None else f"{summary.norm:.6g}"


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
