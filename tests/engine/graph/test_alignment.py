"""Sequences and traces are aligned as a reader would: little edits exactly, large ones sensibly and in bounded time."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.graph.alignment import align, match_sequences
from tests.engine.graph.builder import GraphBuilder

SHORT = st.lists(st.integers(0, 4), max_size=18)


def longest_common(a: list[int], b: list[int]) -> int:
    rows = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            rows[i + 1][j + 1] = rows[i][j] + 1 if x == y else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(SHORT, SHORT)
def test_short_sequences_have_the_longest_common_subsequence(a: list[int], b: list[int]) -> None:
    pairs = match_sequences(a, b)
    assert all(a[x] == b[y] for x, y in pairs)
    assert all(x0 < x1 and y0 < y1 for (x0, y0), (x1, y1) in pairwise(pairs))
    assert len(pairs) == longest_common(a, b)


def test_long_sequences_with_many_differences_are_matched_in_order() -> None:
    chance = random.Random(0)
    a = [f"op{chance.randrange(40)}" for _ in range(4000)] + [f"once{k}" for k in range(300)]
    b = [token for token in a if chance.random() > 0.15]
    pairs = match_sequences(a, b)
    assert all(a[x] == b[y] for x, y in pairs)
    assert all(x0 < x1 and y0 < y1 for (x0, y0), (x1, y1) in pairwise(pairs))
    assert len(pairs) > 0.8 * len(b)


def test_nothing_in_common() -> None:
    assert match_sequences(range(3000), range(3000, 6000)) == []
    assert match_sequences([], [1]) == []


def chain(*ops: str, leaves: tuple[str, ...] = ("w",), scope: str = "net") -> GraphBuilder:
    build = GraphBuilder()
    x = build.tensor("input", "x")
    build.enter(scope)
    current = x
    for leaf in leaves:
        current = build.op("mul", current, build.tensor("leaf", leaf))
    for op in ops:
        current = build.op(op, current)
    return build


def test_the_same_structure_is_aligned_by_index() -> None:
    one, other = chain("relu", "tanh"), chain("relu", "tanh", scope="model")
    assert align(one.trace(4), other.trace(4)) == list(range(5))


def test_an_operation_put_in_has_no_counterpart() -> None:
    one, other = chain("relu", "tanh"), chain("relu", "exp", "tanh")
    assert align(one.trace(4), other.trace(5)) == [0, 1, 2, 3, 5]
    assert align(other.trace(5), one.trace(4)) == [0, 1, 2, 3, -1, 4]


def test_another_operation_in_one_place_is_the_same_place() -> None:
    one, other = chain("relu", "tanh", "sum"), chain("relu", "exp", "sum")
    assert align(one.trace(5), other.trace(5)) == [0, 1, 2, 3, 4, 5]


def test_another_module_name_is_looked_through() -> None:
    one, other = chain("relu", "exp", "tanh"), chain("relu", "tanh", scope="wrapped")
    assert align(one.trace(5), other.trace(4)) == [0, 1, 2, 3, -1, 4]


def test_leaves_are_found_by_name_in_another_order() -> None:
    one, other = chain("relu", leaves=("w", "v")), chain("exp", "relu", leaves=("v", "w"))
    found = align(one.trace(5), other.trace(6))
    names = {node.name: node.id for node in other.nodes if node.kind == "leaf"}
    assert [found[1], found[3]] == [names["w"], names["v"]]


def test_leaves_that_were_read_in_another_order_before_are_still_themselves() -> None:
    one, other = GraphBuilder(), GraphBuilder()
    for build, names in ((one, "wvu"), (other, "uvw")):
        leaves = {name: build.tensor("leaf", name) for name in names}
        current = leaves["w"]
        for name in "vu":
            current = build.op("mul", current, leaves[name])
    assert align(one.trace(4), other.trace(4)) == [2, 1, 0, 3, 4]


def test_operations_stay_matched_when_all_leaves_were_read_before() -> None:
    one, other = GraphBuilder(), GraphBuilder()
    for build, is_early in ((one, False), (other, True)):
        early = [build.tensor("leaf", f"w{k}") for k in range(4)] if is_early else []
        current = build.tensor("input", "x")
        for k in range(4):
            weight = early[k] if is_early else build.tensor("leaf", f"w{k}")
            current = build.op("mul", current, build.op("t", weight))
    before, after = one.trace(12), other.trace(12)
    found = align(before, after)
    assert sorted(found) == list(range(13))
    for node in before.graph.nodes:
        partner = after.graph.nodes[found[node.id]]
        assert (partner.kind, partner.name, partner.op) == (node.kind, node.name, node.op)


def test_more_iterations_of_a_loop_are_added_at_its_end() -> None:
    one, other = chain(*["mul", "tanh"] * 30), chain(*["mul", "tanh"] * 80)
    found = align(one.trace(62), other.trace(162))
    assert found[:3] == [0, 1, 2]
    assert all(place >= 0 for place in found)
