"""The graph as text for other programs: DOT, Mermaid, GraphML, node-link JSON. Names may hold anything at all."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from .model import Edge, Graph, Node, ScopePath, TensorInfo

_LONGEST_LABEL = 120
_GRAPHML_NODE = {
    "label": "string",
    "kind": "string",
    "op": "string",
    "grad_fn": "string",
    "sequence_nr": "string",  # as text: AccumulateGrad's does not fit a signed 64-bit integer
    "name": "string",
    "scope": "string",
    "file": "string",
    "line": "int",
    "function": "string",
    "shape": "string",
    "dtype": "string",
    "requires_grad": "boolean",
    "value": "double",
}
_GRAPHML_EDGE = {"output_nr": "int", "input_nr": "int", "arg": "string", "grad_index": "int", "cut": "string"}
_DOT_STYLE = {
    "op": 'shape=box, style="rounded,filled", fillcolor="#FFFFFF", color="#B4BECC"',
    "leaf": 'shape=box, style="rounded,filled", fillcolor="#E3F3EC", color="#2F8F6B", peripheries=2',
    "input": 'shape=ellipse, style=filled, fillcolor="#E6EEF8", color="#3B6FB6"',
    "buffer": 'shape=ellipse, style="filled,dashed", fillcolor="#F6F7F9", color="#6A7587"',
    "constant": 'shape=plain, style=filled, fillcolor="#F6F7F9", color="#6A7587"',
}

_MERMAID_SHAPE = {
    "op": ("[", "]"),
    "leaf": ("([", "])"),
    "input": ("(", ")"),
    "buffer": ("([", "])"),
    "constant": ("(", ")"),
}
_MERMAID_STYLE = {
    "leaf": "fill:#E3F3EC,stroke:#2F8F6B,stroke-width:2px",
    "input": "fill:#E6EEF8,stroke:#3B6FB6",
    "buffer": "fill:#F6F7F9,stroke:#6A7587,stroke-dasharray:4 3",
    "constant": "fill:#F6F7F9,stroke:#B4BECC",
}


def to_json(graph: Graph) -> str:
    """Node-link JSON, as `networkx.node_link_graph` reads it. ASCII only; NaN and infinities are texts."""
    nodes = [_node_fields(node) for node in graph.nodes]
    seen: dict[tuple[int, int], int] = {}
    edges = []
    for edge in graph.edges:
        key = seen.get((edge.source, edge.target), 0)
        seen[edge.source, edge.target] = key + 1
        edges.append({"source": edge.source, "target": edge.target, "key": key, **_edge_fields(edge)})
    scopes = [
        {"path": list(path), "module": scope.module, "parameters": scope.parameters}
        for path, scope in graph.scopes.items()
    ]
    document = {"directed": True, "multigraph": True, "graph": {"scopes": scopes}, "nodes": nodes, "edges": edges}
    return json.dumps(document, indent=1, allow_nan=False)


def to_graphml(graph: Graph) -> str:
    """GraphML, with the fields of nodes and edges as typed data.

    Characters that XML cannot hold (control characters, lone surrogates) become a text such as "\\u0001".
    """
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
    for owner, fields in (("node", _GRAPHML_NODE), ("edge", _GRAPHML_EDGE)):
        lines += [
            f'  <key id="{owner}.{field}" for="{owner}" attr.name="{field}" attr.type="{kind}"/>'
            for field, kind in fields.items()
        ]
    lines.append('  <graph edgedefault="directed">')
    for node in graph.nodes:
        lines.append(f'    <node id="{node.id}">')
        lines += _graphml_data("node", _graphml_node(node), _GRAPHML_NODE)
        lines.append("    </node>")
    for place, edge in enumerate(graph.edges):
        lines.append(f'    <edge id="e{place}" source="{edge.source}" target="{edge.target}">')
        lines += _graphml_data("edge", _edge_fields(edge), _GRAPHML_EDGE)
        lines.append("    </edge>")
    lines += ["  </graph>", "</graphml>", ""]
    return "\n".join(lines)


def to_dot(graph: Graph) -> str:
    """Graphviz's DOT. Module calls are clusters; edges without a gradient are dashed; long labels are elided."""
    lines = [
        "digraph trace {",
        '  graph [rankdir=TB, fontname="Inter,Helvetica,sans-serif"];',
        '  node [fontname="Inter,Helvetica,sans-serif", fontsize=11];',
        '  edge [color="#B4BECC", fontsize=9];',
    ]
    lines += _dot_clusters(graph)
    for edge in graph.edges:
        style = ' [style=dashed, arrowhead="empty"]' if edge.grad_index is None else ""
        lines.append(f"  n{edge.source} -> n{edge.target}{style};")
    return "\n".join([*lines, "}", ""])


def to_mermaid(graph: Graph) -> str:
    """A flowchart in Mermaid's language, for Markdown. Module calls are subgraphs; dotted edges hand no gradient back.

    Mermaid itself refuses texts of more than 50 000 characters and 500 edges unless its page is set to allow more.
    """
    lines = ["flowchart TD"]
    for opened, (path, node) in enumerate(_nested(graph)):
        indent = "  " * (len(path) + 1)
        if node is not None:
            lines.append(_mermaid_node(node, indent))
        elif path:
            lines.append(f'{indent[2:]}subgraph s{opened}["{_mermaid_text(_scope_title(graph, path))}"]')
        else:
            lines.append("  end")
    lines += [f"  n{edge.source} {'-.->' if edge.grad_index is None else '-->'} n{edge.target}" for edge in graph.edges]
    for kind, style in _MERMAID_STYLE.items():
        members = ",".join(f"n{node.id}" for node in graph.nodes if node.kind == kind)
        if members:
            lines += [f"  classDef {kind} {style}", f"  class {members} {kind}"]
    return "\n".join([*lines, ""])


def _mermaid_node(node: Node, indent: str) -> str:
    opens, closes = _MERMAID_SHAPE[node.kind]
    label = _mermaid_text(_words(node))
    if node.outputs:
        label += "<br/>" + _mermaid_text(_shapes(node))
    return f'{indent}n{node.id}{opens}"{label}"{closes}'


def _mermaid_text(text: str) -> str:
    """Only letters, digits and what means nothing to Mermaid stand for themselves; the rest are character codes."""
    shown = "".join(
        character if character.isalnum() or character in " .,:+-=×_" else f"#{ord(character)};"
        for character in _visible(text)
    )
    return shown or " "  # quotes with nothing between them are no label


def _scope_title(graph: Graph, path: ScopePath) -> str:
    scope = graph.scopes.get(path)
    return path[-1] if scope is None else f"{path[-1]}: {scope.module}"


def _words(node: Node) -> str:
    """Name and operation, as they are written on a node."""
    return node.label if node.name is None else f"{node.name} = {node.label}" if node.kind == "op" else node.name


def _shapes(node: Node) -> str:
    return ", ".join("×".join(map(str, info.shape)) or "scalar" for info in node.outputs[:4])


def _nested(graph: Graph) -> Iterator[tuple[ScopePath, Node | None]]:
    """Every node inside its module calls: (path, None) opens a call, ((), None) closes it; never recursive."""
    inside: dict[ScopePath, list[Node]] = {(): []}
    children: dict[ScopePath, dict[ScopePath, None]] = {}
    for node in graph.nodes:
        path = node.scope
        inside.setdefault(path, []).append(node)
        while path and path not in children.setdefault(path[:-1], {}):
            children[path[:-1]][path] = None
            path = path[:-1]
    waiting: list[tuple[ScopePath, bool]] = [((), True)]
    while waiting:
        path, opens = waiting.pop()
        if not opens:
            yield (), None
            continue
        if path:
            yield path, None
            waiting.append((path, False))
        for node in inside.get(path, ()):
            yield path, node
        waiting += [(child, True) for child in reversed(children.get(path, {}))]


def _dot_clusters(graph: Graph) -> list[str]:
    """Nodes inside the nested clusters of their module calls."""
    lines: list[str] = []
    for path, node in _nested(graph):
        indent = "  " * (len(path) + 1)
        if node is not None:
            lines.append(_dot_node(node, indent))
        elif path:
            lines.append(f'{indent[2:]}subgraph "cluster_{len(lines)}" {{')
            lines.append(f'{indent}label="{_dot_text(_scope_title(graph, path))}"; color="#E3E7ED";')
        else:
            lines.append("  }")
    return lines


def _dot_node(node: Node, indent: str) -> str:
    label = _dot_text(_words(node))
    if node.outputs:
        label += "\\n" + _dot_text(_shapes(node))
    return f'{indent}n{node.id} [label="{label}", {_DOT_STYLE[node.kind]}];'


def _dot_text(text: str) -> str:
    """Inside quotes Graphviz knows backslash escapes and HTML entities: both must stand for themselves."""
    return _visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def _visible(text: str) -> str:
    """A text elided to what a label holds, with codes in the place of characters that control something."""
    if len(text) > _LONGEST_LABEL:
        text = text[: _LONGEST_LABEL - 1] + "…"
    return "".join(character if _is_plain(character) else f"\\u{ord(character):04x}" for character in text)


def _is_plain(character: str) -> bool:
    """Whether a character neither controls anything (line breaks, writing direction) nor is half of one."""
    code = ord(character)
    return not (
        code < 32
        or 0x7F <= code < 0xA0
        or 0x200E <= code <= 0x200F
        or 0x2028 <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
        or 0xD800 <= code < 0xE000
        or code & 0xFFFE == 0xFFFE
    )


def _graphml_data(owner: str, fields: dict[str, Any], kinds: dict[str, str]) -> list[str]:
    lines = []
    for field in kinds:
        value = fields.get(field)
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            lines.append(f'      <data key="{owner}.{field}">{_xml_text(text)}</data>')
    return lines


def _xml_text(text: str) -> str:
    shown = "".join(character if _is_xml(character) else f"\\u{ord(character):04x}" for character in text)
    return escape(shown, {"\r": "&#13;"})


def _is_xml(character: str) -> bool:
    code = ord(character)
    return code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code >= 0x10000


def _graphml_node(node: Node) -> dict[str, Any]:
    first = node.outputs[0] if node.outputs else None
    return {
        "label": node.label,
        "kind": node.kind,
        "op": node.op,
        "grad_fn": node.grad_fn,
        "sequence_nr": node.sequence_nr,
        "name": node.name,
        "scope": "/".join(node.scope) or None,
        "file": node.source.file if node.source else None,
        "line": node.source.line if node.source else None,
        "function": node.source.function if node.source else None,
        "shape": "×".join(map(str, first.shape)) if first is not None else None,
        "dtype": first.dtype if first is not None else None,
        "requires_grad": first.requires_grad if first is not None else None,
        "value": _scalar(first) if first is not None else None,
    }


def _scalar(info: TensorInfo) -> float | None:
    """The value of a tensor of one real number."""
    array = info.array
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 and array.dtype.kind != "c" else None


def _node_fields(node: Node) -> dict[str, Any]:
    return {
        "id": node.id,
        "label": node.label,
        "kind": node.kind,
        "op": node.op,
        "grad_fn": node.grad_fn,
        "sequence_nr": node.sequence_nr,
        "name": node.name,
        "scope": list(node.scope),
        "source": node.source._asdict() if node.source else None,
        "outputs": [_tensor_fields(info) for info in node.outputs],
        "params": {key: _plain(value) for key, value in node.params.items()},
        "saved": [
            {"name": saved.name, "shape": list(saved.shape), "dtype": saved.dtype, "version": saved.version}
            for saved in node.saved
        ],
        "call": node.call,
    }


def _tensor_fields(info: TensorInfo) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "shape": list(info.shape),
        "dtype": info.dtype,
        "device": info.device,
        "layout": info.layout,
        "requires_grad": info.requires_grad,
        "version": info.version,
    }
    value = _scalar(info)
    if value is not None:
        fields["value"] = _plain(value)
    return fields


def _edge_fields(edge: Edge) -> dict[str, Any]:
    return {
        "output_nr": edge.output_nr,
        "input_nr": edge.input_nr,
        "arg": edge.arg,
        "grad_index": edge.grad_index,
        "cut": edge.cut,
    }


def _plain(value: Any, depth: int = 0) -> Any:
    """`value` as JSON without NaN and infinities; what JSON does not know is a text."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple) and depth < 32:
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, dict) and depth < 32:
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    return str(value)
