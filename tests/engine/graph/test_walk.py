"""Walks agree with networkx, and survive what a recursion would not."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from engine.graph.model import Edge, Graph, Node
from engine.graph.walk import ancestors, break_cycles, descendants, nodes_between, path_between, topological_order

from .models import chain

graphs = st.integers(1, 12).flatmap(
    lambda count: st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=24).map(
        lambda pairs: Graph(
            [Node(id=k, kind="op") for k in range(count)],
            [Edge(source=a, output_nr=0, target=b, input_nr=0) for a, b in pairs],
        )
    )
)


def as_networkx(graph: Graph) -> nx.DiGraph[int]:
    result: nx.DiGraph[int] = nx.DiGraph()
    result.add_nodes_from(range(len(graph.nodes)))
    result.add_edges_from((edge.source, edge.target) for edge in graph.edges)
    return result


@given(graphs)
def test_ancestors_and_descendants(graph: Graph) -> None:
    expected = as_networkx(graph)
    for node in range(len(graph.nodes)):
        assert ancestors(graph, [node]) - {node} == nx.ancestors(expected, node)
        assert descendants(graph, [node]) - {node} == nx.descendants(expected, node)


@given(graphs)
def test_topological_order_holds_every_node_and_respects_acyclic_edges(graph: Graph) -> None:
    order = topological_order(graph)
    assert sorted(order) == list(range(len(graph.nodes)))
    if nx.is_directed_acyclic_graph(as_networkx(graph)):
        place = {node: index for index, node in enumerate(order)}
        assert all(place[edge.source] < place[edge.target] for edge in graph.edges)


@given(graphs, st.integers(0, 11), st.integers(0, 11))
def test_paths_are_shortest_and_what_lies_between_is_all_of_them(graph: Graph, a: int, b: int) -> None:
    a, b = a % len(graph.nodes), b % len(graph.nodes)
    expected = as_networkx(graph)
    path = path_between(graph, a, b)
    if not nx.has_path(expected, a, b):
        assert path == []
        assert nodes_between(graph, a, b) == set()
        return
    assert (path[0], path[-1]) == (a, b)
    assert len(path) == nx.shortest_path_length(expected, a, b) + 1
    assert nx.is_path(expected, path)
    inner = {n for n in expected if nx.has_path(expected, a, n) and nx.has_path(expected, n, b)}
    assert nodes_between(graph, a, b) == inner


def test_order_of_execution_breaks_ties_and_cycles() -> None:
    assert break_cycles(4, [(3, 0)]) == [1, 2, 3, 0]
    assert break_cycles(3, [(0, 1), (1, 2), (2, 0)]) == [0, 1, 2]


def test_long_chains() -> None:
    graph = chain(20_000)
    assert len(ancestors(graph, [20_000])) == 20_000
    assert len(path_between(graph, 0, 20_000)) == 20_001
    assert topological_order(graph) == list(range(20_001))
