"""A program that stays built does in every run what a freshly built one does, bit by bit."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.programs import CallableProgram, resolve
from engine.programs.standing import StandingProgram

HEAD = """
import functools
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
"""
PROGRAMS = {
    "parameters": """
model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))

def loss():
    result = model(torch.randn(6, 4)).square().mean()
    with torch.no_grad():
        for layer in (model[0], model[3]):
            layer.bias.add_(1.5)
    model[0].weight.data = torch.ones(8, 4)
    return result
""",
    "train mode and buffers": """
norm = nn.BatchNorm1d(3, momentum=0.5)

def loss():
    result = norm(torch.arange(12.0).reshape(4, 3)).pow(3).sum() + norm.running_mean.sum()
    norm.train(not norm.training)
    norm.register_buffer("extra", torch.ones(2))
    return result
""",
    "optimizer": """
model = nn.Linear(3, 1)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

def loss():
    for _ in range(2):
        optimizer.zero_grad()
        model(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    optimizer.param_groups[0]["lr"] *= 0.5
    return model(torch.ones(2, 3)).square().sum() * optimizer.param_groups[0]["lr"]
""",
    "gradients left over": """
w = torch.ones(3, requires_grad=True)

def loss():
    (w * 2).sum().backward()
    return (w * w.grad).sum()
""",
    "globals, closures and classes": """
class Counter:
    total = 0
    def __init__(self):
        self.calls = 0
        self.seen = []

counter = Counter()
table = {"scale": 1.0}

def make():
    count = 0
    def inner(x):
        nonlocal count
        count += 1
        return x * count
    return inner

scaled = make()
w = torch.ones(2, requires_grad=True)

def loss(history=[]):
    history.append(1)
    counter.calls += 1
    Counter.total += 1
    counter.seen.append(counter)
    table["scale"] += 1
    table["new"] = 3
    loss.runs = getattr(loss, "runs", 0) + 1
    return scaled(w).sum() * (counter.calls + Counter.total + len(history) + table["scale"] + loss.runs + len(table))
""",
    "generators": """
torch_generator = torch.Generator().manual_seed(3)
python_generator = random.Random(4)
numpy_generator = np.random.default_rng(5)
old_generator = np.random.RandomState(6)
w = torch.ones(2, requires_grad=True)

def loss():
    noise = torch.randn(2, generator=torch_generator) + python_generator.random() + random.random()
    noise = noise + float(numpy_generator.normal()) + float(old_generator.normal()) + float(np.random.normal())
    return (w * noise).sum() + torch.rand(())
""",
    "memory behind torch's back": """
array = np.ones(3, np.float32)
w = torch.from_numpy(array).requires_grad_()
table = np.zeros(2)

def loss():
    array[0] += 1
    table[1] += 1
    return w.square().sum() * (1 + table.sum())
""",
    "hooks": """
w = torch.ones(2, requires_grad=True)
model = nn.Linear(2, 1)

def loss():
    w.register_hook(lambda gradient: gradient * 2)
    model.register_forward_hook(lambda module, inputs, output: output + 1)
    return model(w.reshape(1, 2)).sum()
""",
    "requires_grad and identity": """
model = nn.Linear(2, 2)

def loss():
    result = model(torch.ones(1, 2)).square().sum()
    model.bias.requires_grad_(not model.bias.requires_grad)
    model.weight = nn.Parameter(torch.zeros(2, 2))
    return result
""",
    "a buffer that joins a graph": """
state = torch.zeros(2)
w = torch.ones(2, requires_grad=True)

def loss():
    state.add_(w)
    return (state * w).sum()
""",
    "a cache": """
w = torch.ones(2, requires_grad=True)
calls = []

@functools.lru_cache
def scale(k):
    calls.append(k)
    return k

def loss():
    return w.sum() * scale(3) * len(calls)
""",
    "default dtype": """
w = torch.ones(2, requires_grad=True)

def loss():
    result = (w * torch.ones(2) / 3).sum()
    torch.set_default_dtype(torch.float64)
    return result
""",
}
NOT_KEPT = {
    "batches is a generator": """
batches = (torch.full((2,), float(k)) for k in range(1, 100))
w = torch.ones(2, requires_grad=True)

def loss():
    return (w * next(batches)).sum()
""",
    "batches is an iterator (list_iterator)": """
batches = iter([torch.ones(2), torch.zeros(2), torch.ones(2)])
w = torch.ones(2, requires_grad=True)

def loss():
    return (w * next(batches)).sum()
""",
    "hidden was computed while the program was built": """
w = torch.ones(2, requires_grad=True)
hidden = w.exp()

def loss():
    return hidden.sum()
""",
    "scale is a cache that was filled": """
w = torch.ones(2, requires_grad=True)

@functools.lru_cache
def scale(k):
    return k

scale(2)

def loss():
    return w.sum() * scale(3)
""",
}


@pytest.fixture(autouse=True)
def _surroundings() -> Iterator[None]:
    known, path = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - known:
        if (getattr(sys.modules[name], "__file__", None) or "").endswith(("program_here.py", "helper_here.py")):
            del sys.modules[name]
    sys.path[:] = path
    torch.set_default_dtype(torch.float32)


def _program(folder: Path, text: str) -> CallableProgram:
    path = folder / "program_here.py"
    path.write_text(HEAD + text)
    program = resolve(f"{path}:loss")
    assert isinstance(program, CallableProgram)
    return program


def _run(program: CallableProgram) -> tuple[bytes, ...]:
    """The bytes of a result, and of every gradient in the program's globals."""
    function, args, kwargs = program.build()
    result = function(*args, **kwargs)
    result.backward()
    module = sys.modules["program_here"]
    leaves = [value for value in vars(module).values() if isinstance(value, torch.Tensor) and value.requires_grad]
    for value in vars(module).values():
        leaves.extend(value.parameters() if isinstance(value, torch.nn.Module) else ())
    found = [result, *(leaf.grad for leaf in leaves if leaf.is_leaf and leaf.grad is not None)]
    torch.set_default_dtype(torch.float32)
    return tuple(tensor.detach().numpy().tobytes() for tensor in found)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_run_is_that_of_a_fresh_program(name: str, tmp_path: Path) -> None:
    expected = _run(_program(tmp_path, PROGRAMS[name]))
    standing = StandingProgram(_program(tmp_path, PROGRAMS[name]))
    functions = []
    for number in range(4):
        assert _run(standing) == expected
        assert standing.was_kept == (number > 0), standing.why_anew
        functions.append(standing.build()[0])
    assert len({id(function) for function in functions}) == 1
    assert standing.why_anew == ""


@pytest.mark.parametrize("reason", NOT_KEPT)
def test_what_cannot_be_put_back_is_built_anew(reason: str, tmp_path: Path) -> None:
    expected = _run(_program(tmp_path, NOT_KEPT[reason]))
    standing = StandingProgram(_program(tmp_path, NOT_KEPT[reason]))
    for _ in range(3):
        assert _run(standing) == expected
        assert not standing.was_kept
    assert standing.why_anew.startswith(reason)


def test_helper_modules_are_part_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "helper_here.py").write_text("import torch\nw = torch.ones(2, requires_grad=True)\ncount = 0\n")
    text = """
def loss():
    import helper_here
    helper_here.count += 1
    return helper_here.w.sum() * helper_here.count
"""
    standing = StandingProgram(_program(tmp_path, text))
    assert len({_run(standing) for _ in range(3)}) == 1
    early = StandingProgram(_program(tmp_path, "import helper_here" + text))
    assert len({_run(early) for _ in range(3)}) == 1
    assert early.was_kept
    kept = sys.modules["helper_here"]
    early.is_anew = True
    early.build()
    assert sys.modules["helper_here"] is not kept
    early.is_anew = False
    early.build()
    assert sys.modules["helper_here"] is kept


def test_tensors_that_are_too_large_are_not_copied(tmp_path: Path) -> None:
    standing = StandingProgram(_program(tmp_path, PROGRAMS["parameters"]), most_bytes=16)
    assert _run(standing) == _run(standing)
    assert standing.why_anew == "its tensors are too large to keep a copy of them"


def test_versions_and_steps_of_an_optimizer_are_put_back(tmp_path: Path) -> None:
    standing = StandingProgram(_program(tmp_path, PROGRAMS["optimizer"]))
    _run(standing)
    function, _, _ = standing.build()
    module = sys.modules["program_here"]
    assert standing.was_kept
    assert not module.optimizer.state
    assert module.optimizer.param_groups[0]["lr"] == 0.1
    assert module.model.weight._version == 1, "as after its initialisation"
    assert module.model.weight.grad is None
    assert inspect.unwrap(function) is module.loss
