"""Exports read back by other readers, with names that try to break out."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import subprocess

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graph.export import to_dot, to_graphml, to_json, to_mermaid
from engine.graph.model import Edge, Graph, Node, Scope, TensorInfo
from tests.engine.traces import BCE, MUL, W, X, small_trace

HOSTILE = [
    'a"; b [label="owned',
    "</data><node id='evil'/>&amp;<b>bold</b>",
    "back\\slash\\N\\",
    "line\nbreak\r\tand tab",
    "\x00\x01\x7f",
    "\ud800 lone",
    "\u202egnp.exe",
    "=cmd|' /C calc'!A0",
    "]]>-->",
    "𝛿 — é",
    "",
]


def _named(name: str) -> Graph:
    info = TensorInfo(shape=(2, 3), dtype=name, array=None)
    value = TensorInfo(shape=(), dtype="float32", array=np.array(np.nan, dtype=np.float32))
    nodes = [
        Node(id=0, kind="input", name=name, outputs=[info]),
        Node(id=1, kind="op", op=name, grad_fn=name, name=name, scope=(name, "inner"), outputs=[value],
             params={name: [math.inf, (1, name)]}, call=name),
    ]  # fmt: skip
    edges = [Edge(source=0, output_nr=0, target=1, input_nr=place, arg=name, cut=name) for place in range(2)]
    return Graph(nodes, edges, {(name,): Scope(path=(name,), module=name)})


def test_json_of_the_neuron() -> None:
    graph = nx.node_link_graph(json.loads(to_json(small_trace().graph)), edges="edges")
    assert graph.is_directed()
    assert graph.is_multigraph()
    assert (len(graph), graph.number_of_edges()) == (8, 7)
    assert graph.nodes[W]["grad_fn"] == "AccumulateGrad"
    assert graph.nodes[W]["outputs"][0]["value"] == -0.5
    assert graph.get_edge_data(W, MUL, 0)["grad_index"] == 1
    assert graph.nodes[BCE]["source"] == {"file": "neuron.py", "line": 9, "function": "<module>"}


@pytest.mark.parametrize("name", HOSTILE)
def test_json_of_hostile_names(name: str) -> None:
    text = to_json(_named(name))
    assert text.isascii()
    graph = nx.node_link_graph(json.loads(text, parse_constant=pytest.fail), edges="edges")
    assert graph.nodes[0]["name"] == name
    assert graph.nodes[1]["params"] == {name: ["inf", [1, name]]}
    assert graph.nodes[1]["outputs"][0]["value"] == "nan"
    assert [data["input_nr"] for _, _, data in graph.edges(data=True)] == [0, 1]


def _read_graphml(graph: Graph) -> nx.MultiDiGraph[str]:
    text = to_graphml(graph)
    read = nx.read_graphml(io.BytesIO(text.encode("utf-8")), force_multigraph=True)
    assert isinstance(read, nx.MultiDiGraph)
    return read


def test_graphml_of_the_neuron() -> None:
    graph = _read_graphml(small_trace().graph)
    assert (len(graph), graph.number_of_edges()) == (8, 7)
    assert graph.nodes[str(W)]["sequence_nr"] == str(2**64 - 1)
    assert graph.nodes[str(W)]["requires_grad"] is True
    assert graph.nodes[str(X)]["value"] == 1.5
    assert graph.nodes[str(X)]["line"] == 3
    assert graph.get_edge_data(str(W), str(MUL), "e1") == {
        "output_nr": 0,
        "input_nr": 1,
        "arg": "other",
        "grad_index": 1,
    }


@pytest.mark.parametrize("name", HOSTILE)
def test_graphml_of_hostile_names(name: str) -> None:
    graph = _read_graphml(_named(name))
    assert sorted(graph.nodes) == ["0", "1"]
    assert graph.number_of_edges() == 2
    shown = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", name)
    assert graph.nodes["0"].get("name") in (shown, None if name == "" else shown)
    assert math.isnan(graph.nodes["1"]["value"])


def _tokens(text: str) -> list[str]:
    """DOT's tokens: quoted strings as they stand, words, and single signs; fails on anything else."""
    pattern = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z_0-9]*|\d+|->|[{}\[\];=,]', re.DOTALL)
    place, tokens = 0, []
    while place < len(text):
        found = pattern.match(text, place)
        assert found is not None, text[place : place + 40]
        place = found.end()
        if found[0].strip():
            tokens.append(found[0])
    return tokens


def _labels(text: str) -> dict[str, str]:
    """Labels of the nodes as Graphviz shows them, by the node's name."""
    tokens = _tokens(text)
    labels = {}
    for place, token in enumerate(tokens):
        if re.fullmatch(r"n\d+", token) and tokens[place + 1 : place + 4] == ["[", "label", "="]:
            inner = tokens[place + 4][1:-1].replace("&amp;", "&")
            labels[token] = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], inner)
    return labels


def test_dot_of_the_neuron() -> None:
    text = to_dot(small_trace().graph)
    assert _labels(text) == {
        "n0": "x\nscalar",
        "n1": "w\nscalar",
        "n2": "mul\nscalar",
        "n3": "b\nscalar",
        "n4": "z = add\nscalar",
        "n5": "a = sigmoid\nscalar",
        "n6": "y\nscalar",
        "n7": "L = binary_cross_entropy\nscalar",
    }
    assert _tokens(text).count("->") == 7
    assert text.count("style=dashed") == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_dot_of_hostile_names(name: str) -> None:
    text = to_dot(_named(name))
    tokens = _tokens(text)
    assert tokens.count("->") == 2
    assert tokens.count("subgraph") == 2
    assert tokens.count("{") == tokens.count("}") == 3
    labels = _labels(text)
    assert set(labels) == {"n0", "n1"}
    shown = re.sub("[\x00-\x1f\x7f\u202e\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", name)
    assert labels["n0"] == f"{shown}\n2×3"
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tplain"], input=text.encode(), check=True, capture_output=True, timeout=60)


def test_dot_of_deep_scopes_and_long_names() -> None:
    node = Node(id=0, kind="op", op="aten.relu.default", name="x" * 1_000_000, scope=tuple(map(str, range(1200))))
    text = to_dot(Graph([node], []))
    assert len(text) < 10_000_000
    tokens = _tokens(text)
    assert tokens.count("{") == tokens.count("}") == 1201
    assert len(_labels(text)["n0"]) == 120


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(), max_size=20))
def test_any_name(name: str) -> None:
    graph = _named(name)
    assert len(_read_graphml(graph)) == 2
    assert len(_labels(to_dot(graph))) == 2
    assert json.loads(to_json(graph))["nodes"][0]["name"] == name


_MERMAID_LINES = re.compile(
    r"""flowchart\ TD
    | \ *subgraph\ s\d+\["[^"\[\]<>`\\|{}();]*(?:\#\d+;[^"\[\]<>`\\|{}();]*)*"\]
    | \ *end
    | \ *n\d+ (?:\[|\(\[|\() "[^"\[\]`\\|{}()]+" (?:\]|\]\)|\))
    | \ *n\d+\ -(?:\.-|-)>\ n\d+
    | \ *classDef\ \w+\ [\w:\#,\-\ ]+
    | \ *class\ n\d+(?:,n\d+)*\ \w+
    """,
    re.VERBOSE,
)


def _mermaid_labels(graph: Graph) -> list[str]:
    """The text of every quoted label, its character codes read back; every line must be one of Mermaid's."""
    text = to_mermaid(graph)
    for line in text.splitlines():
        assert _MERMAID_LINES.fullmatch(line), line
    labels = re.findall(r'"([^"]*)"', text)
    return [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), label) for label in labels]


def test_mermaid_of_the_neuron() -> None:
    text = to_mermaid(small_trace().graph)
    assert text.startswith("flowchart TD\n")
    assert f"  n{W} --> n{MUL}\n" in text
    assert f"  n{X} -.-> n{MUL}\n" in text
    labels = _mermaid_labels(small_trace().graph)
    assert "L = binary_cross_entropy<br/>scalar" in labels
    assert len(labels) == 8


@pytest.mark.parametrize("name", HOSTILE)
def test_mermaid_of_hostile_names(name: str) -> None:
    labels = _mermaid_labels(_named(name))
    assert len(labels) == 4, "two calls, two nodes, and nothing that a name has opened"
    if name.isprintable() and name:
        assert labels[1] == f"{name}: {name}"
        assert f"{name} = {name}<br/>scalar" in labels or "." in name


@given(st.text(max_size=200))
def test_mermaid_of_any_name(name: str) -> None:
    assert len(_mermaid_labels(_named(name))) == 4


def test_mermaid_of_nested_calls() -> None:
    path: tuple[str, ...] = tuple(f"level{depth}" for depth in range(3000))
    nodes = [Node(id=0, kind="op", op="aten.mm.default", scope=path), Node(id=1, kind="op", op="aten.mm.default")]
    lines = to_mermaid(Graph(nodes, [])).splitlines()
    assert sum("subgraph" in line for line in lines) == 3000
    assert sum(line.strip() == "end" for line in lines) == 3000
