"""Folds are values; defaults show a few boxes; repeats are found by what is in them."""

from __future__ import annotations

from engine.graph.fold import Folds, repeated_runs, scope_paths, unbroken_runs
from engine.graph.layout import layout
from engine.graph.model import Graph

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


def test_only_one_path_and_all_but_one() -> None:
    graph = transformer(2)
    attention = (*BLOCK, "attn")
    only, others = Folds.only(graph, attention), Folds.all_but(attention)
    for path in scope_paths(graph):
        is_around = attention[: len(path)] == path
        assert (only.hidden_in(path) is None) == is_around
        assert (others.hidden_in(path) is None) == (path[: len(attention)] != attention)


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
    assert Folds.default_for(transformer(60)).hidden_in(BLOCK) == BLOCK


def test_too_many_boxes_to_look_at_stay_in_the_one_around_them() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    build.enter("body", "Body")
    for k in range(80):
        build.enter(f"{k}", f"Wave{k}")
        data = build.op("sin" if k % 2 else "cos", data)
        build.leave()
    build.leave()
    assert Folds.default_for(build.graph()).hidden_in(("body", "1")) == ("body",)


def blocks(count: int) -> tuple[tuple[str, ...], ...]:
    return tuple(("transformer", f"h.{k}") for k in range(count))


def test_repeated_blocks_open_as_one_box() -> None:
    graph = transformer(12)
    folds = Folds.default_for(graph)
    assert folds.runs == {blocks(12)}
    assert folds.sharing_box(("transformer", "h.5")) == blocks(12)
    assert folds.expand_run(("transformer", "h.5")).runs == frozenset()
    assert folds.expand_run(("transformer", "h.5")).paths == folds.paths
    assert Folds.default_for(transformer(3)).runs == frozenset()


def test_an_open_call_parts_the_run_until_it_is_folded_again() -> None:
    folds = Folds.default_for(transformer(12))
    opened = folds.unfold_to(("transformer", "h.5"))
    assert opened.sharing_box(("transformer", "h.0")) == blocks(12)[:5]
    assert opened.sharing_box(("transformer", "h.11")) == blocks(12)[6:]
    assert opened.fold(("transformer", "h.5")) == folds


def test_runs_are_collapsed_and_expanded_by_any_of_their_calls() -> None:
    graph = transformer(3)
    folds = Folds.none().collapse_run(("transformer", "h.1"), graph)
    assert folds.runs == {blocks(3)}
    assert folds.paths == set(blocks(3))
    assert folds.expand_run(("transformer", "h.2")) == Folds(blocks(3))
    assert Folds.none().collapse_run(("transformer", "ln_f"), graph) == Folds.none()
    assert Folds.all_folded(graph).collapse_repeats(graph, at_least=2).runs == {blocks(3)}
    assert folds.expand_repeats().runs == frozenset()
    assert hash(folds) != hash(folds.expand_repeats())


def test_calls_with_other_operations_between_them_are_no_unbroken_run() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    for k in range(6):
        build.enter(f"fc{k}", "Linear")
        data = build.op("mm", data, build.tensor("leaf"))
        build.leave()
        if k == 3:
            data = build.op("relu", data)
    runs = unbroken_runs(build.graph())
    assert [len(run.paths) for run in runs] == [4, 2]
    assert all(run.is_chain for run in runs)


def test_calls_side_by_side_repeat_but_are_no_chain() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    results = []
    for k in range(5):
        build.enter(f"expert{k}", "Expert")
        results.append(build.op("sin", data))
        build.leave()
    build.op("stack", *results)
    graph = build.graph()
    (run,) = unbroken_runs(graph)
    assert not run.is_chain
    assert Folds.all_folded(graph).runs == frozenset()
    assert Folds.none().collapse_run(("expert2",), graph).runs == {run.paths}


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


def triples(count: int, *, has_sums: bool = False) -> Graph:
    """Convolution, normalisation and activation again and again, without a module around each three."""
    build = GraphBuilder()
    data = build.tensor("input", "x")
    for k in range(count):
        for number, module in enumerate(("Conv2d", "BatchNorm2d", "ReLU")):
            build.enter(f"{3 * k + number}", module)
            data = build.op(module.lower(), data)
            build.leave()
        if has_sums:
            data = build.op("neg", data)
    build.enter("head", "Linear")
    build.op("mm", data, build.tensor("leaf", "w"))
    build.leave()
    return build.graph()


def test_several_calls_that_repeat_together_are_one_box() -> None:
    graph = triples(6)
    (run,) = unbroken_runs(graph)
    assert (len(run.paths), run.period, run.is_chain) == (18, 3, True)
    assert run.signature.split("#")[0] == "Conv2d"
    folds = Folds.all_folded(graph)
    assert folds.period_of(("4",)) == 3
    (box, head) = (item for item in layout(graph, folds=folds).items if item.kind == "group")
    assert (box.repeats, box.period, len(box.members)) == (6, 3, 18)
    assert (head.repeats, head.period) == (1, 1)
    assert folds.expand_run(("4",)).runs == frozenset()
    assert folds.expand_run(("4",)).collapse_run(("10",), graph) == folds
    assert folds != Folds(folds.paths, folds.runs)  # the same calls as a run of equal ones


def test_of_several_calls_that_repeat_together_whole_groups_share_a_box() -> None:
    folds = Folds.all_folded(triples(6))
    opened = folds.unfold(("7",))
    assert opened.sharing_box(("0",)) == tuple((f"{k}",) for k in range(6))
    assert opened.sharing_box(("6",)) == (("6",),)
    assert opened.sharing_box(("8",)) == (("8",),)
    assert opened.sharing_box(("17",)) == tuple((f"{k}",) for k in range(9, 18))
    assert opened.fold(("7",)) == folds


def test_blocks_that_alternate_repeat_as_pairs() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    for k in range(12):
        build.enter(f"h.{k}", "Block")
        build.enter("mlp", "Experts" if k % 2 else "Dense")
        data = build.op("topk" if k % 2 else "mm", data)
        build.leave()
        build.leave()
    graph = build.graph()
    (box,) = (item for item in layout(graph, folds=Folds.all_folded(graph)).items if item.kind == "group")
    assert (box.repeats, box.period) == (6, 2)


def test_twice_the_same_pair_is_no_repeat_and_operations_between_break_one() -> None:
    assert unbroken_runs(triples(2)) == []
    assert unbroken_runs(triples(6, has_sums=True)) == []


def test_what_takes_in_most_calls_is_the_repeat() -> None:
    build = GraphBuilder()
    data = build.tensor("input", "x")
    for name in "aaaabaaaabaaaab":
        build.enter(f"{name}{len(build.nodes)}", name)
        data = build.op("sin" if name == "a" else "cos", data)
        build.leave()
    assert [(len(run.paths), run.period) for run in repeated_runs(build.graph())] == [(15, 5)]
    assert repeated_runs(transformer(12))[0].period == 1


def test_a_graph_that_has_grown_is_looked_at_again() -> None:
    build = GraphBuilder()
    x = build.tensor("input", "x")
    for block in range(3):
        build.enter(f"block{block}")
        x = build.op("mul", x, build.tensor("leaf", "w"))
        build.leave()
    graph = build.graph()
    assert [len(run.paths) for run in unbroken_runs(graph)] == [3]
    assert unbroken_runs(graph) is unbroken_runs(graph)
    build.enter("block3")
    build.op("mul", x, build.tensor("leaf", "w"))
    build.leave()
    grown = build.graph()
    graph.nodes[:], graph.edges[:] = grown.nodes, grown.edges
    graph.scopes.update(grown.scopes)
    graph._incoming = graph._outgoing = None
    assert [len(run.paths) for run in unbroken_runs(graph)] == [4]
