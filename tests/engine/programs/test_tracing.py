"""One trace of every kind of program; scripts end at their first backward pass, whatever they catch."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.errors import TargetError, TraceError
from engine.graph.trace import Trace
from engine.programs import resolve
from engine.programs.tracing import trace_program

Write = Callable[..., str]

SCRIPT = """
import sys, torch
w = torch.tensor([1.0, 2.0], requires_grad=True)
loss = (w * float(sys.argv[1])).sum()
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str, name: str = "user_program.py") -> str:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return str(path)

    return to_file


@pytest.fixture(autouse=True)
def _interpreter_as_it_was() -> Iterator[None]:
    modules, main, argv, path = set(sys.modules), sys.modules["__main__"], sys.argv, list(sys.path)
    backward, grad, tracer = torch.autograd.backward, torch.autograd.grad, sys.gettrace()
    yield
    assert sys.modules["__main__"] is main
    assert sys.argv is argv
    assert torch.autograd.backward is backward
    assert torch.autograd.grad is grad
    assert sys.gettrace() is tracer
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("user_"):
            del sys.modules[name]


def trace_of(target: str, *arguments: str) -> Trace:
    return trace_program(resolve(target, arguments))


def leaf_grad(trace: Trace) -> np.ndarray[Any, Any]:
    grad = trace.grad(trace.leaves()[0])
    assert grad is not None
    return grad


def test_a_script_is_recorded_until_its_first_backward_and_ends_there(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(SCRIPT + "print('before')\nloss.backward()\nprint('after')\n")
    trace = trace_of(path, "3")
    assert trace.loss == 9.0
    assert trace.target == path
    assert trace.sources[path].startswith("\nimport sys")
    assert [node.name for node in trace.leaves()] == ["w"]
    np.testing.assert_array_equal(leaf_grad(trace), [3.0, 3.0])
    assert capsys.readouterr().out == "before\n"


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n    try: loss = (w * 2).sum(); loss.backward()\n    except: pass\n",
        "try:\n    while True:\n        try: (w * 2).sum().backward()\n        except BaseException as e: print(e)\n"
        "except: pass\n",
        "def f():\n    while True:\n        try: return (w * 2).sum().backward()\n        except: pass\nf()\n",
    ],
)
def test_a_script_that_catches_everything_ends_too(write: Write, loop: str) -> None:
    trace = trace_of(write("import torch\nw = torch.ones(2, requires_grad=True)\n" + loop))
    assert trace.loss == 4.0


def test_a_script_runs_as_main_beside_its_own_modules(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write("factor = 5\n", "user_helper.py")
    path = write(
        """
        import __main__, sys, torch
        from user_helper import factor
        w = torch.ones(1, requires_grad=True)
        print(__name__, __main__.factor, sys.argv[1:])
        torch.autograd.backward([w * factor])
        """
    )
    assert trace_of(path, "a", "b").loss == 5.0
    assert capsys.readouterr().out == "__main__ 5 ['a', 'b']\n"


def test_a_failing_script_keeps_what_ran_and_shows_its_own_traceback(write: Write) -> None:
    path = write(SCRIPT + "def f():\n    raise ValueError('too large')\nf()\n")
    with pytest.raises(TraceError) as caught:
        trace_of(path, "3")
    error = caught.value
    assert str(error) == "ValueError at user_program.py, line 6: too large"
    assert error.source == (path, 6)
    assert [line.strip() for line in error.user_traceback.splitlines() if "File" in line] == [
        f'File "{path}", line 7, in <module>',
        f'File "{path}", line 6, in f',
    ]
    assert error.trace is not None
    assert "aten.mul.Tensor" in [node.op for node in error.trace.graph.nodes]
    assert error.trace.error_source == (path, 6)


def test_the_cause_of_an_error_is_kept_without_our_frames(write: Write) -> None:
    path = write("try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('no') from e\n")
    with pytest.raises(TraceError) as caught:
        trace_of(path)
    assert "direct cause" in caught.value.user_traceback
    assert "engine/" not in caught.value.user_traceback


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("", "Call loss.backward()"),
        ("torch.autograd.grad(loss, [w])\n", "torch.autograd.grad, which is not recorded"),
        ("sys.exit(0)\n", "The script exited and never called backward()"),
    ],
)
def test_a_script_without_a_backward_pass_says_why(write: Write, rest: str, reason: str) -> None:
    with pytest.raises(TraceError) as caught:
        trace_of(write(SCRIPT + rest), "3")
    assert reason in str(caught.value)
    assert caught.value.trace is not None
    assert caught.value.trace.graph.nodes


def test_a_callable_returns_the_root(write: Write) -> None:
    path = write(
        """
        import torch
        def loss():
            w = torch.randn(3, requires_grad=True)
            return (w * w).sum()
        """
    )
    first, second = trace_of(f"{path}:loss"), trace_of(f"{path}:loss")
    assert first.target == f"{path}:loss"
    assert first.loss == second.loss  # seeded
    torch.manual_seed(0)
    w = torch.randn(3)
    assert first.loss == pytest.approx((w * w).sum().item())
    np.testing.assert_allclose(leaf_grad(first), 2 * w.numpy())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import torch\nloss = torch.nn.Linear(2, 2)\n", "is an nn.Module, and its inputs cannot be guessed"),
        ("import torch\nclass loss(torch.nn.Module): ...\n", "is an nn.Module"),
        ("import torch\ndef loss(): return torch.nn.Linear(2, 2)\n", "def loss(): return"),
        ("loss = 3\n", "cannot be called"),
        ("globals()['other'] = 3\n", "has no callable 'loss'"),
        ("import functools\n@functools.cache\ndef loss(x): ...\n", "needs arguments (x)"),
    ],
)
def test_a_callable_that_cannot_be_called_says_what_to_write(write: Write, text: str, words: str) -> None:
    with pytest.raises(TargetError) as caught:
        trace_of(write(text) + ":loss")
    assert words in str(caught.value)


def test_a_callable_that_raises_or_whose_file_does(write: Write) -> None:
    inside = write("import torch\ndef loss():\n    a = torch.ones(2, requires_grad=True) * 2\n    return a @ a @ a.x\n")
    with pytest.raises(TraceError, match=r"AttributeError at user_program.py, line 4") as caught:
        trace_of(f"{inside}:loss")
    assert caught.value.trace is not None
    at_import = write("import user_module_that_is_not_there\ndef loss(): ...\n", "user_other.py")
    with pytest.raises(TraceError, match=r"ModuleNotFoundError at user_other.py, line 1: .*must be installed"):
        trace_of(f"{at_import}:loss")
    exits = write("def loss():\n    raise SystemExit(3)\n", "user_exit.py")
    with pytest.raises(TraceError, match="exited"):
        trace_of(f"{exits}:loss")


class Doubler(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


@pytest.mark.filterwarnings("ignore")  # torch.export warns about its own use of deprecated functions
def test_an_exported_model_runs_on_its_example_inputs_or_on_random_ones(tmp_path: Path) -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    exported = torch.export.export(Doubler(), (x,))
    path = tmp_path / "model.pt2"
    torch.export.save(exported, path)
    trace = trace_of(str(path))
    np.testing.assert_allclose(leaf_grad(trace), x.sum(0).numpy())

    exported.example_inputs = None
    torch.export.save(exported, path)
    trace = trace_of(str(path))
    torch.manual_seed(0)
    np.testing.assert_allclose(leaf_grad(trace), torch.randn(2, 2).sum(0).numpy(), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")  # torch warns before it fails
def test_a_damaged_model_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    path.write_bytes(b"PK\x03\x04 not a model")
    with pytest.raises(TargetError, match=r"cannot be read as a model saved by torch.export.save"):
        trace_of(str(path))
