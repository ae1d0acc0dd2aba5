"""What differs between two runs although no edit reaches it: real traces of programs that repeat, and that do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from engine import Trace, trace
from engine.graph.edits import CutEdge, ScaleGradient, SetConstant, SetSeed, SetValue
from engine.graph.repeatability import first_unlike, first_unseeded, is_all_alike
from engine.graph.values import Values

W = torch.arange(1.0, 5.0).requires_grad_()


def _net(x: Tensor, noise: Tensor, w: Tensor = W) -> Tensor:
    h = w * 2
    s = h * x
    y = noise + 1
    loss = (s * y).sum()
    return loss


def _traced(seed: int, x: Tensor | None = None, net: Callable[..., Tensor] = _net) -> Trace:
    generator = torch.Generator().manual_seed(seed)
    return trace(net, torch.ones(4) if x is None else x, torch.randn(4, generator=generator))


def _node(found: Trace, name: str) -> int:
    return next(node.id for node in found.graph.nodes if node.name == name)


def _value(found: Trace, name: str) -> SetValue:
    return SetValue(node=_node(found, name), values=Values.of(np.zeros(4)))


def test_equal_runs_leave_no_doubt() -> None:
    one, other = _traced(1), _traced(1)
    assert first_unlike(one, other, ()) is None
    assert is_all_alike(one, other)
    assert not is_all_alike(one, _traced(2))


def test_the_first_tensor_that_no_edit_reaches_is_named() -> None:
    one, other = _traced(1), _traced(2)
    noise = _node(one, "noise")
    for edit in (
        _value(one, "x"),
        ScaleGradient(node=noise, factor=2.0),
        SetConstant(node=_node(one, "h"), name="other", value=3),
    ):
        assert first_unlike(one, other, [edit]) == noise
    edge = one.graph.outgoing(noise)[0]
    cut = CutEdge(source=noise, output_nr=0, target=edge.target, input_nr=edge.input_nr)
    assert first_unlike(one, other, [cut]) == noise
    assert first_unlike(one, other, [_value(one, "noise")]) is None, "whatever it reaches may differ"
    assert first_unlike(one, other, [SetSeed(seed=3)]) is None


def test_what_an_edit_reaches_is_not_in_doubt() -> None:
    one, other = _traced(1), _traced(1, torch.full((4,), 3.0))
    assert first_unlike(one, other, [_value(one, "x")]) is None
    assert first_unlike(one, other, []) == _node(one, "x")


def test_nothing_is_said_of_what_python_may_have_changed() -> None:
    def net(x: Tensor, noise: Tensor) -> Tensor:
        scale = x.sum().item()
        shift = torch.full((4,), scale)
        return (W * shift).sum() + noise.sum()

    one, other = _traced(1, net=net), _traced(1, torch.full((4,), 2.0), net=net)
    assert first_unlike(one, other, [_value(one, "x")]) is None


def test_rounding_is_no_difference() -> None:
    one, other = _traced(1), _traced(1)
    info = other.graph.nodes[_node(other, "noise")].outputs[0]
    assert info.array is not None
    info.array = info.array * np.float32(1 + 1e-6)
    info.recorded_summary = None
    assert first_unlike(one, other, ()) is None


def test_another_way_ends_the_comparison() -> None:
    def longer(x: Tensor, noise: Tensor) -> Tensor:
        return (W.exp() * x * noise).sum()

    assert first_unlike(_traced(1), _traced(2, net=longer), ()) is None


def test_a_draw_that_a_seed_does_not_reach() -> None:
    def net(x: Tensor, _noise: Tensor) -> Tensor:
        own = torch.Generator().manual_seed(0)
        seeded = torch.randn(4) * x
        kept = torch.randn(4, generator=own)
        return (W * seeded * kept).sum()

    torch.manual_seed(0)
    one = _traced(1, net=net)
    torch.manual_seed(1)
    found = first_unseeded(one, _traced(1, net=net))
    assert found == _node(one, "kept")
    assert first_unseeded(one, _traced(1)) is None
