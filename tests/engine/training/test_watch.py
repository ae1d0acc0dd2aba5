"""What is watched of a program besides its operations, and that nothing of it stays behind."""

from __future__ import annotations

import sys
import textwrap
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.optim.optimizer import Optimizer

from engine.training.controls import Controls
from engine.training.session import TrainingSession
from engine.training.watch import ProgramWatch

from .test_session import Window


@pytest.fixture(autouse=True)
def _as_it_was() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        before = warnings.showwarning, warnings.filters, list(warnings.filters), Optimizer.__init__
        yield
        assert warnings.showwarning is before[0]
        assert warnings.filters is before[1]
        assert Optimizer.__init__ is before[3]


def _run(path: Path, text: str) -> ModuleType:
    """Execute a file as the user's own code."""
    path.write_text(textwrap.dedent(text))
    module = ModuleType("user_module")
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return module


def _watched(watch: ProgramWatch, path: Path) -> ModuleType:
    with watch:
        return _run(path, READ)


READ = """
import torch, warnings
w = torch.ones(2, requires_grad=True)
class Holder: pass
holder = Holder()
holder.hidden = w * 2
kept = w * 3
kept.retain_grad()
(holder.hidden + kept).sum().backward()
a = [holder.hidden.grad, kept.grad, w.grad]
"""


def test_a_read_of_a_non_leafs_gradient_is_seen_with_its_expression(tmp_path: Path) -> None:
    path = tmp_path / "user.py"
    watch = ProgramWatch()
    with pytest.warns(UserWarning, match="not a leaf"):
        module = _watched(watch, path)
    (read,) = watch.reads.take()
    assert watch.reads.take() == []
    assert read.expression == "holder.hidden"
    assert read.sequence == module.holder.hidden.grad_fn._sequence_nr()
    assert read.source is not None
    assert (read.source.file, read.source.line) == (str(path), 10)


@pytest.mark.parametrize("is_inside", [True, False])
def test_whoever_ignores_the_warning_does_not_see_it(
    tmp_path: Path, is_inside: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    if not is_inside:
        warnings.simplefilter("ignore")
    with ProgramWatch() as watch:
        silence = "import warnings\nwarnings.simplefilter('ignore')\n" if is_inside else ""
        _run(tmp_path / "user.py", silence + READ)
        assert len(watch.reads.take()) == 1
    assert "not a leaf" not in capsys.readouterr().err


def test_whoever_turns_warnings_into_errors_gets_one(tmp_path: Path) -> None:
    with ProgramWatch(), pytest.raises(UserWarning, match="not a leaf"):
        _run(tmp_path / "user.py", "import warnings\nwarnings.simplefilter('error')\n" + READ)


def test_other_warnings_pass_unchanged() -> None:
    with ProgramWatch() as watch, pytest.warns(UserWarning, match="something else"):
        warnings.warn("something else", stacklevel=1)
    assert watch.reads.take() == []


def test_living_optimizers_are_known_with_what_they_hold_now() -> None:
    w, b = torch.ones(2, requires_grad=True), torch.ones(1, requires_grad=True)
    with ProgramWatch() as watch:
        optimizer = torch.optim.SGD([w], lr=0.1)
        dropped = torch.optim.Adam([b])
        assert [name for name, _ in watch.optimizers.held()] == ["SGD", "Adam"]
        del dropped
        optimizer.add_param_group({"params": [b]})
        ((name, held),) = watch.optimizers.held()
    assert name == "SGD"
    assert held[0] is w
    assert held[1] is b


def _train(session: TrainingSession, *, is_zeroed: bool, steps: int = 3) -> None:
    with session:
        w = torch.ones(2, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1)
        for k in range(steps):
            loss = (w * (k + 1)).sum()
            if is_zeroed:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@pytest.mark.parametrize("is_zeroed", [True, False])
def test_a_followed_training_sends_its_first_trace_with_what_comes_after(is_zeroed: bool) -> None:
    window = Window()
    _train(TrainingSession(window.send, Controls(), follow=True), is_zeroed=is_zeroed)
    assert window.recorded == [(0, "first")]
    assert window.states == [("finished", 2)]
    seen = {observation.kind: observation for observation in window.traces[0][2].observations}
    assert ("grad-kept" in seen) is not is_zeroed
    if not is_zeroed:
        assert seen["grad-kept"].text == "SGD"
        assert seen["grad-kept"].nodes == (0,)


def test_a_followed_training_of_one_step_sends_its_trace_at_the_end() -> None:
    window = Window()
    _train(TrainingSession(window.send, Controls(), follow=True), is_zeroed=True, steps=1)
    assert window.recorded == [(0, "first")]


def test_nothing_stays_when_the_program_is_cut_off() -> None:
    tracer = sys.gettrace()
    with pytest.raises(KeyError), ProgramWatch():
        raise KeyError
    assert sys.gettrace() is tracer
