"""Function calls are found where the code leaves no doubt, and drawn as one box with what they ran inside."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine import Trace, trace
from engine.graph.fold import Folds
from engine.graph.functions import Functions, functions_of
from engine.graph.layout import layout

from .metrics import problems


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        scores = self.fc(F.normalize(x))
        return F.cross_entropy(scores * 2.0, y.flatten())


def found(recorded: Trace) -> tuple[Functions, dict[tuple[str, ...], list[str]]]:
    functions = functions_of(recorded.graph, recorded.sources)
    by_path: dict[tuple[str, ...], list[str]] = {}
    for node, path in functions.path_of.items():
        by_path.setdefault(path, []).append(recorded.graph.nodes[node].label)
    return functions, by_path


def classified() -> Trace:
    torch.manual_seed(0)
    return trace(Classifier(), torch.randn(5, 4), torch.zeros(5, 1, dtype=torch.long))


def test_one_call_among_modules_is_a_function() -> None:
    functions, by_path = found(classified())
    assert set(by_path) == {("ƒ normalize",), ("ƒ cross_entropy",)}
    assert by_path["ƒ cross_entropy",] == ["log_softmax", "nll_loss"]
    assert len(by_path["ƒ normalize",]) > 2
    assert functions.modules == {("fc",)}


def test_operators_of_the_user_stay_as_they_are() -> None:
    x = torch.randn(3, requires_grad=True)

    def program() -> Tensor:
        return (x * 2.0 + 1.0).sum()

    assert found(trace(program))[1] == {}


def test_calls_in_a_loop_are_told_apart() -> None:
    x = torch.randn(3, 4, requires_grad=True)

    def program() -> Tensor:
        y = x
        for _ in range(3):
            y = F.normalize(y)
        return y.sum()

    _, by_path = found(trace(program))
    assert list(by_path) == [("ƒ normalize",), ("ƒ normalize@2",), ("ƒ normalize@3",)]
    assert len(set(map(tuple, by_path.values()))) == 1


def test_without_the_code_nothing_is_claimed() -> None:
    recorded = classified()
    assert functions_of(recorded.graph, {}) == Functions({}, frozenset())
    assert functions_of(recorded.graph, dict.fromkeys(recorded.sources, "not python (")).path_of == {}


def test_functions_are_boxes_that_open_and_close() -> None:
    recorded = classified()
    functions = functions_of(recorded.graph, recorded.sources)
    folds = Folds.none().with_functions(functions)
    drawing = layout(recorded.graph, folds=folds)
    (box,) = (item for item in drawing.items if item.scope == ("ƒ cross_entropy",))
    assert box.is_folded
    assert [recorded.graph.nodes[node].label for node in box.members] == ["log_softmax", "nll_loss"]
    assert problems(drawing) == {}
    opened = layout(recorded.graph, folds=folds.unfold_to(("ƒ cross_entropy",)))
    inside = [item.node for item in opened.items if item.scope == ("ƒ cross_entropy",) and item.kind == "node"]
    assert len(inside) == 2
    assert problems(opened) == {}
    assert folds.without_functions() == Folds([("fc",)])
    assert folds != folds.without_functions()
    assert folds.unfold(("fc",)).functions is functions
