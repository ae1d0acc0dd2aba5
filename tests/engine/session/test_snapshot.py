"""A program whose file has changed is not run again for values, checks or edits of the run before."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import TargetError
from engine.graph.structure import fingerprint
from engine.programs import CallableProgram, resolve
from engine.programs.tracing import trace_program
from engine.session.messages import CheckNode, EditsRefused, FetchValues, RunEdited
from engine.session.snapshot import digests, expect_unchanged
from engine.worker.checking import check
from engine.worker.editing import Editor
from engine.worker.fetching import Fetcher

RAN = "import torch\nw = torch.ones(3, requires_grad=True)\ndef loss():\n    return (w * 2).sum()\n"


def test_only_files_that_are_named_are_compared() -> None:
    expect_unchanged({"a.py": "x"}, {})
    expect_unchanged({"a.py": "x"}, digests({"a.py": "x", "b.py": "\udc80"}))
    with pytest.raises(TargetError, match=r"a\.py has changed since it ran"):
        expect_unchanged({"/home/a.py": "y"}, digests({"/home/a.py": "x"}))


def test_whoever_runs_it_again_refuses_another_text_with_the_same_operations(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text(RAN)
    target = f"{path}:loss"
    program = resolve(target, ())
    assert isinstance(program, CallableProgram)
    recorded = trace_program(program)
    node = next(step.node.id for step in recorded.backward if step.node.kind == "op")
    structure, sources = fingerprint(recorded), digests(recorded.sources)
    assert check(CheckNode(target=target, sources=sources, node=node, structure=structure)).message == ""
    path.write_text(RAN.replace("2", "3"))
    wanted = FetchValues(target=target, sources=sources, node=node, structure=structure)
    edited = RunEdited(target=target, sources=sources, structure=structure)
    refused = Editor(edited).answer(edited)[0]
    assert isinstance(refused, EditsRefused)
    for message in (
        check(CheckNode(target=target, sources=sources, node=node, structure=structure)).message,
        Fetcher(target, ()).answer(wanted)[0].message,
        refused.message,
    ):
        assert "model.py has changed since it ran" in message
