"""The command line, each part, in processes of their own: results, error texts and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

from engine import Trace
from engine.graph.stepper import NodeState, Stepper

from .command import ROOT, SAMPLES, run, run_json

pytestmark = pytest.mark.end2end

_BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "PySide6", "pyqtgraph", "networkx", "numpy"):
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Blocker())
sys.path.insert(0, {root!r})
import main
sys.exit(main.main({arguments!r}))
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["demos"], ["trace", "--help"], ["export", "--help"]])
def test_help_needs_neither_torch_nor_qt(arguments: list[str]) -> None:
    code = _BLOCKED.format(root=str(ROOT), arguments=arguments)
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout


def test_trace_of_the_neuron() -> None:
    result = run_json("trace", "demo:neuron", "--json")
    leaves = {leaf["name"]: leaf["grad"] for leaf in result["leaves"]}
    assert leaves["w"] == pytest.approx(-0.0898263, abs=1e-7)
    assert leaves["b"] == pytest.approx(-0.0816603, abs=1e-7)
    assert result["backward"] == [
        "BinaryCrossEntropyBackward0",
        "SigmoidBackward0",
        "AddBackward0",
        "AccumulateGrad",
        "MulBackward0",
        "AccumulateGrad",
    ]
    assert result["target"] == "demo:neuron"
    assert result["seconds"] > 0


def test_trace_of_an_unchanged_script() -> None:
    text = (SAMPLES / "train_mlp.py").read_text()
    assert "retrograd" not in text.lower()
    assert "engine" not in text
    result = run_json("trace", str(SAMPLES / "train_mlp.py"), "--json")
    assert len(result["leaves"]) == 6
    assert all(leaf["grad_norm"] > 0 for leaf in result["leaves"])
    assert {node["name"] for node in result["nodes"] if node["kind"] == "input"} == {"x", "label"}


def test_trace_of_gpt2_has_every_node_of_the_grad_fn_graph(tmp_path: Path) -> None:
    saved = tmp_path / "gpt2.retrograd"
    result = run_json("trace", str(SAMPLES / "gpt2.py") + ":loss", "--json", "-o", str(saved))
    expected = Counter(_walk(_gpt2_loss()))
    assert Counter(result["backward"]) == expected
    found = Counter(node["grad_fn"] for node in result["nodes"] if node["grad_fn"])
    assert found == expected
    reached = [node for node in result["nodes"] if node["grad_fn"]]
    assert all(node["grad_norm"] is not None for node in reached)
    names = {leaf["name"] for leaf in result["leaves"]}
    assert {"wte.weight", "wpe.weight", "h.0.attn.c_attn.weight", "h.11.mlp.c_proj.bias"} <= names
    _step_through(Trace.load(saved))


def _step_through(recorded: Trace) -> None:
    """Over the whole backward pass and back: every state is met again, and in the end all is as at the start."""
    stepper = Stepper(recorded)
    positions = range(stepper.length + 1)
    states, active = [], []
    for position in positions:
        stepper.move_to(position)
        states.append(stepper.states.copy())
        active.append(stepper.active_edges)
    for position in reversed(positions):
        stepper.move_to(position)
        assert np.array_equal(stepper.states, states[position])
        assert stepper.active_edges == active[position]
    fresh = Stepper(recorded)
    assert np.array_equal(stepper.states, fresh.states)
    assert stepper.current is None
    assert not (states[-1] == NodeState.WAITING).any()


def _gpt2_loss() -> torch.Tensor:
    import importlib.util

    spec = importlib.util.spec_from_file_location("gpt2_sample", SAMPLES / "gpt2.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["gpt2_sample"] = module
    spec.loader.exec_module(module)
    result: torch.Tensor = module.loss()
    return result


def _walk(root: torch.Tensor) -> list[str]:
    pending: list[Any] = [root.grad_fn]
    seen = set(pending)
    names = []
    while pending:
        grad_fn = pending.pop()
        names.append(grad_fn.name().removeprefix("torch::autograd::"))
        for following, _ in grad_fn.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
    return names


def test_a_saved_trace_is_exported_in_every_format(tmp_path: Path) -> None:
    saved = tmp_path / "step.retrograd"
    assert run("trace", "demo:simplenet", "-o", str(saved)).returncode == 0
    nodes = len(Trace.load(saved).graph.nodes)
    for ending in ("svg", "png", "pdf", "dot", "graphml", "json"):
        output = tmp_path / f"graph.{ending}"
        finished = run("export", str(saved), "-o", str(output))
        assert finished.returncode == 0, finished.stderr
        assert output.stat().st_size > 500
    assert ET.parse(tmp_path / "graph.svg").getroot().tag.endswith("svg")
    assert nx.read_graphml(tmp_path / "graph.graphml").number_of_nodes() == nodes
    assert len(json.loads((tmp_path / "graph.json").read_text())["nodes"]) == nodes
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "graph.pdf").read_bytes().startswith(b"%PDF")


def test_a_screenshot_shows_the_real_window(tmp_path: Path) -> None:
    output = tmp_path / "neuron.png"
    finished = run("screenshot", "demo:neuron", "--step", "3", "--size", "1280x800", "-o", str(output))
    assert finished.returncode == 0, finished.stderr
    from PySide6.QtGui import QImage

    image = QImage(str(output))
    assert (image.width(), image.height()) == (1280, 800)
    colours = {image.pixelColor(x, y).name() for x in range(0, 1280, 7) for y in range(0, 800, 7)}
    assert {"#f6f7f9", "#ffffff", "#e4572e"} <= colours


@pytest.mark.parametrize("target", ["demo:neuron", "demo:simplenet", str(SAMPLES / "train_mlp.py")])
def test_check_finds_no_difference(target: str) -> None:
    finished = run("check", target)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    leaves = finished.stdout.split("\n\n")[0]
    assert "finite difference" in leaves
    assert "–" not in leaves  # every leaf by rule, by finite difference and by autograd


def test_diagnose_is_silent_about_the_healthy_demo() -> None:
    finished = run("diagnose", "demo:neuron", "--json")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    json.loads(finished.stdout)


def test_a_note_of_diagnose_is_no_complaint() -> None:
    path = ROOT / "tests" / "engine" / "diagnose" / "healthy" / "straight_through.py"
    finished = run("diagnose", str(path))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("note: detach() cuts")
    assert finished.stdout.endswith("1 note.\n")
    assert "a note is none" in run("--help").stdout


def test_diagnose_does_not_praise_a_script_that_it_saw_nothing_of(tmp_path: Path) -> None:
    path = tmp_path / "never.py"
    path.write_text(BAD_PROGRAMS["never.py"][0])
    finished = run("diagnose", str(path))
    assert finished.returncode == 3
    assert "complain" not in finished.stdout
    assert "never called backward()" in finished.stderr


def test_a_backward_pass_in_another_thread_is_named(tmp_path: Path) -> None:
    path = tmp_path / "threads.py"
    path.write_text(
        "import sys, threading, torch\n"
        "net = torch.nn.Linear(3, 1)\n"
        "def work():\n"
        "    for _ in range(int(sys.argv[1])):\n"
        "        net(torch.ones(2, 3)).sum().backward()\n"
        "thread = threading.Thread(target=work, name='trainer')\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    once = run("trace", str(path), "--", "1")
    assert once.returncode == 3
    assert "A backward pass ran in the thread trainer at threads.py, line 5" in once.stderr
    assert "in the main thread" in once.stderr
    assert "a further step in that thread" in once.stderr
    assert run("trace", str(path), "--", "2").returncode == 0  # as it says


BAD_PROGRAMS = {
    "raises.py": ("import torch\nw = torch.ones(2, requires_grad=True)\nx = w * 2\nraise ValueError('my reason')\n",
                  3, "ValueError at", "my reason"),
    "syntax.py": ("def f(:\n", 2, "SyntaxError at", "syntax.py, line 1"),
    "never.py": ("import torch\nw = torch.ones(2, requires_grad=True)\nprint((w * 2).sum())\n",
                 3, "never called backward()", ""),
    "exits.py": ("import sys\nprint('on my way')\nsys.exit(7)\n", 3, "exited with code 7", ""),
    "dies.py": ("import os\nos._exit(9)\n", 3, "", "9"),
    "number.py:f": ("def f():\n    return 3\n", 3, "returned no tensor", ""),
    "plain.py:f": ("import torch\ndef f():\n    return torch.ones(2).sum()\n", 3, "requires grad", ""),
    "needs.py:f": ("def f(x):\n    return x\n", 2, "x", ""),
    "absent.py:g": ("def f():\n    return 1\n", 2, "g", "f"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD_PROGRAMS))
def test_bad_programs_give_one_sentence_and_an_exit_code(name: str, tmp_path: Path) -> None:
    text, code, *words = BAD_PROGRAMS[name]
    file, _, function = name.partition(":")
    (tmp_path / file).write_text(text)
    finished = run("trace", str(tmp_path / file) + (f":{function}" if function else ""), "--json")
    assert finished.returncode == code, finished.stderr
    last = finished.stderr.strip().splitlines()[-1]
    assert last.startswith("main.py: ")
    assert all(word in last for word in words), last
    assert finished.stderr.count("Traceback") == (name == "raises.py")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["trace", "nowhere.py"], "no file nowhere.py"),
        (["trace", "demo:nothing"], "demo:neuron"),
        (["export", "nowhere.retrograd", "-o", "x.svg"], "nowhere.retrograd"),
        (["export", "nowhere.retrograd", "-o", "x.doc"], ".doc"),
        (["screenshot", "demo:nothing", "-o", "x.png"], "demo:neuron"),
        (["nowhere.py"], "nowhere.py"),
        (["traec"], "command traec"),
        (["export", "x.retrograd", "-o", "x.png", "--scale", "0"], "no scale"),
        (["demo:nothing"], "demo:neuron"),
    ],
)
def test_usage_errors(arguments: list[str], word: str) -> None:
    finished = run(*arguments)
    assert finished.returncode == 2, finished.stderr
    assert word in finished.stderr


UNUSABLE = {
    "broken.pt2": ("hello", 2, "broken.pt2 cannot be read"),
    "broken.retrograd": ("hello", 2, "broken.retrograd"),
    "broken.csv": ("hello", 2, "broken.csv"),
    "needs.py:f": ("def f(x):\n    return x\n", 2, "needs arguments"),
    "raises.py": ("raise ValueError('my reason')\n", 3, "my reason"),
}


@pytest.mark.parametrize(
    ("command", "name"),
    [  # every command with what cannot be read and with what fails; each costs a start of torch
        ("trace", "broken.pt2"), ("trace", "broken.csv"), ("trace", "raises.py"),
        ("check", "broken.retrograd"), ("check", "needs.py:f"), ("check", "raises.py"),
        ("diagnose", "broken.csv"), ("diagnose", "needs.py:f"), ("diagnose", "raises.py"),
        ("screenshot", "broken.retrograd"), ("screenshot", "broken.pt2"), ("screenshot", "raises.py"),
    ],
)  # fmt: skip
def test_every_command_tells_what_cannot_be_read_from_what_failed(command: str, name: str, tmp_path: Path) -> None:
    text, code, words = UNUSABLE[name]
    (tmp_path / name.partition(":")[0]).write_text(text)
    picture = ["-o", str(tmp_path / "x.png")] if command == "screenshot" else []
    finished = run(command, str(tmp_path / name), *picture)
    assert finished.returncode == code, finished.stdout + finished.stderr
    last = finished.stderr.strip().splitlines()[-1]
    assert last.startswith("main.py: ")
    assert words in last


def test_a_check_that_could_compare_nothing_is_no_success(tmp_path: Path) -> None:
    saved = tmp_path / "bare.retrograd"
    assert run("trace", "demo:neuron", "--values", "none", "-o", str(saved)).returncode == 0
    finished = run("check", str(saved))
    assert finished.returncode == 2
    assert "--values all" in finished.stdout.splitlines()[-1]
    finished = run("diagnose", str(saved))
    assert finished.returncode == 0
    assert "without values" in finished.stdout


def test_a_broken_trace_file_is_refused(tmp_path: Path) -> None:
    saved = tmp_path / "step.retrograd"
    saved.write_bytes(b"\x20\x00\x00\x00\x00\x00\x00\x00{}")
    finished = run("export", str(saved), "-o", str(tmp_path / "x.svg"))
    assert finished.returncode == 2
    assert "step.retrograd" in finished.stderr


def test_output_of_the_program_stays_out_of_the_json(tmp_path: Path) -> None:
    script = tmp_path / "talks.py"
    script.write_text(
        "import sys, torch\nprint('hello', sys.argv[1])\nw = torch.ones(2, requires_grad=True)\n"
        "(w * 2).sum().backward()\n"
    )
    finished = run("trace", str(script), "--json", "--", "world")
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout)["backward"] == ["SumBackward0", "MulBackward0", "AccumulateGrad"]
    assert "hello world" in finished.stderr


@pytest.mark.parametrize(
    ("name", "kind", "node"),
    [("no_zero_grad", "accumulated", "weight"), ("changed_in_place", "changed-saved", "weights (add_)")],
)
def test_diagnose_names_the_planted_mistake(name: str, kind: str, node: str) -> None:
    path = ROOT / "tests" / "engine" / "diagnose" / "bugs" / f"{name}.py"
    finished = run("diagnose", str(path), "--json")
    (finding,) = json.loads(finished.stdout)["findings"]
    assert (finding["kind"], finding["node"]) == (kind, node)
    assert finding["file"] == str(path)
    assert finished.returncode == 1, finished.stderr
    assert ("modified by an inplace operation" in finished.stderr) is (name == "changed_in_place")
