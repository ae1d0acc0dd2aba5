"""Folds are values; defaults show a few boxes; repeats are found by what is in them."""

from __future__ import annotations

from engine.graph.fold import Folds, repeated_runs, scope_paths

from .builder import GraphBuilder, neuron
from .models import mlp, transformer

BLOCK = ("transformer", "h.0")


def test_folding_makes_a_new_value() -> None:
    none = Folds.none()
    folded = none.fold(("a",))
    assert ("a",) in folded
    assert ("a",) not in none
    assert folded.unfold(("a",)) == none
    assert folded.toggle(("a",)) == none
    assert none.toggle(("a",)) == folded
    assert hash(folded) == hash(Folds([("a",)]))


def test_the_outermost_folded_call_hides_what_is_inside() -> None:
    folds = Folds([("a",), ("a", "b")])
    assert folds.hidden_in(("a", "b", "c")) == ("a",)
    assert folds.hidden_in(("b",)) is None
    assert folds.unfold(("a",)).hidden_in(("a", "b", "c")) == ("a", "b")


def test_unfolding_to_a_call_opens_it_and_everything_around_it() -> None:
    graph = transformer(2)
    folds = Folds.all_folded(graph).unfold_to((*BLOCK, "attn"))
    assert folds.hidden_in((*BLOCK, "attn")) is None
    assert folds.hidden_in((*BLOCK, "mlp")) == (*BLOCK, "mlp")
    assert folds.hidden_in(("transformer", "h.1")) == ("transformer", "h.1")


def test_by_depth() -> None:
    graph = transformer(1)
    assert all(Folds.by_depth(graph, 1).hidden_in(path) == path[:2] for path in scope_paths(graph) if len(path) > 1)
    assert Folds.by_depth(graph, 1).hidden_in(("transformer",)) is None
    assert Folds.by_depth(graph, 9) == Folds.none()
    assert Folds.all_folded(graph).hidden_in(BLOCK) == ("transformer",)


def test_small_graphs_open_whole_and_large_ones_as_their_blocks() -> None:
    build, _ = neuron()
    assert Folds.default_for(build.graph()) == Folds.none()
    assert Folds.default_for(mlp()) == Folds.none()
    graph = transformer(12)
    folds = Folds.default_for(graph)
    visible = {folds.hidden_in(path) for path in scope_paths(graph)} - {None}
    assert {("transformer", f"h.{k}") for k in range(12)} < visible
    assert len(visible) == 15
    # Too many blocks to look at: then rather the one box around them.
    assert Folds.default_for(transformer(60)).hidden_in(BLOCK) == ("transformer",)


def test_repeats() -> None:
    runs = {len(run.paths): run for run in repeated_runs(transformer(12))}
    assert runs[12].paths == tuple(("transformer", f"h.{k}") for k in range(12))
    assert runs[12].signature.startswith("Block")


def test_calls_with_other_contents_are_no_repeats() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    for name, op in (("a", "sin"), ("b", "sin"), ("c", "cos")):
        build.enter(name, "Wave")
        data = build.op(op, data)
        build.leave()
    assert [run.paths for run in repeated_runs(build.graph())] == [(("a",), ("b",))]
