"""Edit after edit of a program that stays built: each is what a fresh program with that edit gives, bit by bit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.edits.draws import KnownDraws
from engine.edits.program import EditedProgram, edited_callable
from engine.graph.edits import AnyEdit, ScaleGradient, SetSeed, SetValue
from engine.graph.trace import Trace
from engine.graph.values import Values
from engine.programs import CallableProgram, resolve
from tests.engine.programs.test_standing import HEAD, NOT_KEPT, PROGRAMS

SKIPPED = ("hidden was computed while the program was built",)
"""No leaf of it is read while it runs."""
HIDDEN = """
import enum
w = torch.ones(2, requires_grad=True)

class Mode(enum.Enum):
    PLAIN = 1

def loss():
    Mode.PLAIN.runs = getattr(Mode.PLAIN, "runs", 0) + 1
    x = torch.full((2,), 3.0 * Mode.PLAIN.runs)
    return (w * x).sum()
"""
CHANGING = """
import itertools, os
w = torch.ones(2, requires_grad=True)

def loss():
    x = torch.tensor(list(os.urandom(8)), dtype=torch.float32)
    return (w.sum() * x).sum()
"""


@pytest.fixture(autouse=True)
def _surroundings() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.modules.pop("program_here", None)
    sys.path[:] = path
    torch.set_default_dtype(torch.float32)


def _edited(folder: Path, text: str) -> EditedProgram:
    path = folder / "program_here.py"
    path.write_text(HEAD + text)
    program = resolve(f"{path}:loss")
    assert isinstance(program, CallableProgram)
    return edited_callable(program)


def _edits(trace: Trace, number: int) -> tuple[AnyEdit, ...]:
    leaf = next(node for node in trace.graph.nodes if node.kind == "leaf")
    values = np.full(tuple(leaf.outputs[0].shape), 0.5 + number, np.float32)
    return (SetValue(node=leaf.id, values=Values.of(values)), ScaleGradient(node=leaf.id, factor=2.0))


def _numbers(trace: Trace) -> list[bytes]:
    nodes = [node for node in trace.graph.nodes if "empty" not in (node.op or "")]  # memory that nobody has written
    infos = [info for node in nodes for info in node.outputs]
    infos += [info for step in trace.backward for info in (*step.grad_outputs, *step.grad_inputs) if info is not None]
    return [b"" if info.array is None else info.array.tobytes() for info in infos] + [
        repr((info.shape, info.version, info.requires_grad)).encode() for info in infos
    ]


@pytest.mark.parametrize("name", [name for name in (*PROGRAMS, *NOT_KEPT) if name not in SKIPPED])
def test_edits_in_a_row_are_those_of_fresh_programs(name: str, tmp_path: Path) -> None:
    text = {**PROGRAMS, **NOT_KEPT}[name]
    program = _edited(tmp_path, text)
    for number in (1, 2, 3, 1):
        edits = _edits(program.original, number)
        found = _numbers(program.run(edits))
        torch.set_default_dtype(torch.float32)  # a fresh process would have it so
        assert found == _numbers(_edited(tmp_path, text).run(edits))
    assert program.why_anew.startswith("" if name in PROGRAMS else name)


def test_what_is_not_seen_is_noticed_by_its_numbers(tmp_path: Path) -> None:
    program = _edited(tmp_path, HIDDEN)
    for number in (1, 2, 3):
        edits = _edits(program.original, number)
        trace = program.run(edits)
        assert trace.loss == 6 * (0.5 + number), "x is 3 in every run"
    assert "cannot be put back, which shows in 'x'" in program.why_anew


def test_a_program_that_never_repeats_stays_built(tmp_path: Path) -> None:
    program = _edited(tmp_path, CHANGING)
    losses = {program.run(_edits(program.original, 1)).loss for _ in range(3)}
    assert len(losses) == 3
    assert program.why_anew == ""


def test_a_seed_builds_anew_and_reaches_own_generators(tmp_path: Path) -> None:
    text = """
w = nn.Parameter(torch.randn(3))
own = torch.Generator().manual_seed(0)
numbers = np.random.default_rng(0)

def loss():
    noise = torch.randn(3, generator=own)
    x = torch.from_numpy(numbers.normal(size=3).astype("f4"))
    return (w * noise * x).sum()
"""
    program = _edited(tmp_path, text)
    original = program.original
    edited = program.run([SetSeed(seed=5)])
    torch.manual_seed(5)
    w = torch.randn(3)
    names = {node.name: node.outputs[0].array for node in edited.graph.nodes}
    np.testing.assert_array_equal(names["w"], w.numpy())
    noise = torch.randn(3, generator=torch.Generator().manual_seed(5))
    np.testing.assert_array_equal(names["noise"], noise.numpy())
    np.testing.assert_array_equal(names["x"], np.random.default_rng(5).normal(size=3).astype("f4"))
    assert torch.Generator().manual_seed(0).initial_seed() == 0
    again = program.run(_edits(original, 1)[1:])
    assert _numbers(again)[: len(original.graph.nodes)] == _numbers(original)[: len(original.graph.nodes)]


def test_large_draws_are_copied_bit_by_bit() -> None:
    def draw() -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(7)
        torch.manual_seed(3)
        first = torch.empty(300, 300).normal_(std=0.02)
        first.uniform_(-1, 1, generator=generator)
        return [
            first,
            torch.randn(70_000),
            torch.randint(9, (70_000,)),
            torch.rand(3),
            torch.rand(4, generator=generator),
        ]

    expected, known = draw(), KnownDraws()
    for times in range(3):
        with known:
            found = draw()
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
        assert known.copied == 4 * times
    with known:
        torch.manual_seed(4)
        assert not torch.equal(torch.randn(70_000), expected[1])
    small = KnownDraws(most_bytes=1000)
    for _ in range(2):
        with small:
            draw()
    assert small.copied == 0
