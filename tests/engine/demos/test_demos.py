"""The demos' numbers, by torch alone and by the formulas a learner writes on paper."""

from __future__ import annotations

import contextlib
import inspect
import io
import math
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import engine
from engine.catalogue import DEMOS as CATALOGUE
from engine.demos import DEMOS, demo_path, load_demo
from engine.programs import CallableProgram, ScriptProgram, resolve
from engine.programs.tracing import trace_program


def test_every_demo_of_the_catalogue_can_be_run() -> None:
    assert list(DEMOS) == [entry.name for entry in CATALOGUE]
    for entry in CATALOGUE:
        program = resolve(entry.target)
        assert program.title == entry.title
        assert isinstance(program, ScriptProgram if DEMOS[entry.name].is_script else CallableProgram)
        assert str(demo_path(DEMOS[entry.name])) in program.sources


def test_listing_the_demos_loads_no_torch() -> None:
    code = "import sys, engine.demos; sys.exit('torch' in sys.modules)"
    root = Path(engine.__file__).parent.parent
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_neuron_by_hand() -> None:
    function, arguments, _ = load_demo(DEMOS["neuron"])
    x, y, w, b = arguments
    loss = function(x, y, w, b)
    loss.backward()
    a = 1 / (1 + math.exp(-(x.item() * w.item() + b.item())))
    assert loss.item() == pytest.approx(-math.log(a), rel=1e-5)
    assert w.grad.item() == pytest.approx(-(1 - a) * x.item(), rel=1e-5)
    assert b.grad.item() == pytest.approx(-(1 - a), rel=1e-5)
    assert x.grad is None
    assert (round(w.grad.item(), 7), round(b.grad.item(), 7)) == (-0.0898263, -0.0816603)


def test_the_neurons_trace_has_the_words_of_its_code() -> None:
    trace = trace_program(resolve("demo:neuron"))
    assert trace.target == "demo:neuron"
    names = [node.name for node in trace.graph.nodes]
    for name in ("x", "w", "b", "y", "z", "a", "L"):
        assert name in names
    w = next(node for node in trace.graph.nodes if node.name == "w")
    assert trace.grad(w) == pytest.approx(-0.0898263, abs=1e-7)
    (source,) = trace.sources.values()
    assert "z = x * w + b" in source


def test_the_small_net_by_its_matrices() -> None:
    function, (inputs, labels), _ = load_demo(DEMOS["simplenet"])
    model = inspect.getclosurevars(function).nonlocals["model"]
    assert sum(parameter.numel() for parameter in model.parameters()) == 61
    loss = function(inputs, labels)
    loss.backward()
    weights = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    x = inputs.numpy()
    z = x @ weights["fc1.weight"].T + weights["fc1.bias"]
    h = np.maximum(z, 0)
    out = 1 / (1 + np.exp(-(h @ weights["fc2.weight"].T + weights["fc2.bias"])))
    delta_2 = out - labels.numpy()
    delta_1 = (delta_2 @ weights["fc2.weight"]) * (z > 0)
    np.testing.assert_allclose(loss.item(), -np.log(out).item(), rtol=1e-5)
    for name, by_hand in {
        "fc2.weight": delta_2.T @ h,
        "fc2.bias": delta_2[0],
        "fc1.weight": delta_1.T @ x,
        "fc1.bias": delta_1[0],
    }.items():
        np.testing.assert_allclose(model.get_parameter(name).grad.numpy(), by_hand, atol=1e-6)
    assert (round(out.item(), 6), round(loss.item(), 6)) == (0.436488, 0.828994)


def test_the_small_net_is_the_same_each_time() -> None:
    first, second = (trace_program(resolve("demo:simplenet")) for _ in range(2))
    assert first.loss == second.loss
    assert [node.op for node in first.graph.nodes] == [node.op for node in second.graph.nodes]


def test_the_loop_starts_at_the_loss_of_a_guess_and_learns_xor() -> None:
    trace = trace_program(resolve("demo:loop"))
    assert trace.step == 0
    assert trace.loss == pytest.approx(0.699566, abs=1e-6)
    assert trace.loss == pytest.approx(math.log(2), abs=0.01)

    with contextlib.redirect_stdout(io.StringIO()) as output:
        result = runpy.run_path(str(demo_path(DEMOS["loop"])), run_name="__main__")
    assert "after 1000 steps" in output.getvalue()
    with torch.no_grad():
        assert ((result["model"](result["X"]) > 0).float() == result["Y"]).all()
