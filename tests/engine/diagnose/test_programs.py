"""Whole training scripts, each with one planted mistake, and healthy ones: what is said, and about which line."""

from __future__ import annotations

import random
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from engine.diagnose import Finding, diagnose, findings_to_json
from engine.errors import TraceError
from engine.graph.trace import Trace
from engine.programs import resolve
from engine.programs.tracing import trace_program
from engine.storage.trace_file import dumps, loads

FOLDER = Path(__file__).parent


class Expected(NamedTuple):
    """Kind of the finding, what its node is called, a text of the line that it names, and a word of the explanation."""

    kind: str
    node: str
    line: str
    word: str
    severity: str = "warning"


BUGS = {
    "nan_forward": Expected("nan-forward", "log", "likelihood =", "logarithm", "error"),
    "nan_backward": Expected("nan-backward", "distance", "distance =", "infinite at zero", "error"),
    "unused_parameter": Expected("unused-leaf", "spread.weight", "loss =", "take no part"),
    "unreached_parameter": Expected("unused-leaf", "auxiliary.weight", "auxiliary_loss =", "does not depend"),
    "cut_by_detach": Expected("cut-path", "detach", "prediction =", "0.weight and 0.bias"),
    "cut_by_item": Expected("cut-path", "local_scalar_dense", "loss =", "weight and bias"),
    "cut_by_no_grad": Expected("cut-path", "t", "features =", "weight and bias"),
    "grad_of_non_leaf": Expected("non-leaf-grad", "hidden", "saliency =", "hidden.retain_grad()"),
    "no_zero_grad": Expected("accumulated", "weight", "loss.backward()", "SGD has already taken its step"),
    "no_zero_by_hand": Expected("accumulated", "w", "loss.backward()", "already moved"),
    "vanishing": Expected("vanishing", "0.weight", "loss =", "13 weights later"),
    "exploding": Expected("exploding", "24.weight", "loss =", "clip_grad_norm_"),
    "dead_relu": Expected("dead-relu", "relu", "loss =", "0 for every sample", "error"),
    "saturated": Expected("saturated", "tanh", "loss =", "slope is almost zero"),
    "loss_broadcast": Expected("loss-broadcast", "sub", "loss =", "(16, 1) and (16,)"),
    "double_softmax": Expected("double-softmax", "softmax", "loss =", "cross_entropy takes logits"),
    "double_sigmoid": Expected("double-softmax", "sigmoid", "loss =", "binary_cross_entropy_with_logits takes logits"),
    "exploding_recurrent": Expected("exploding", "recurrent", "state = torch.relu", "25 uses of recurrent"),
    "rebound_leaf": Expected(
        "non-leaf-grad", "weight", "weight = weight", "replaced by the result of an operation", "error"
    ),
    "rebound_under_no_grad": Expected("no-gradient", "weight", "loss.backward()", "under torch.no_grad()", "error"),
    "changed_in_place": Expected("changed-saved", "weights", "weights += 1e-6", "version 1", "error"),
    "stepped_too_early": Expected("changed-saved", "output", "second_loss.backward()", "optimizer's step", "error"),
    "not_in_optimizer": Expected("not-in-optimizer", "head.weight", "loss =", "Adam was made without"),
    "backward_twice": Expected("freed-graph", "loss", "loss.backward()", "retain_graph=True", "error"),
    "hidden_state_kept": Expected("freed-graph", "state", "state = torch.tanh", "detach()", "error"),
    "grad_mode_off": Expected("no-gradient", "prediction", "prediction =", "no_grad", "error"),
    "grad_mode_off_by_hand": Expected("no-gradient", "loss", "loss.backward()", "set_grad_enabled(True)", "error"),
    "no_derivative": Expected("no-gradient", "choice", "choice =", "argmax", "error"),
}
HEALTHY = sorted(path.stem for path in (FOLDER / "healthy").glob("[a-z]*.py"))
NOTED = {"attention_by_hand", "simsiam_by_hand", "straight_through"}
"""They detach on purpose, and no optimizer says what is trained: that is worth a note, which is no complaint."""
WARNED = {"rebound_leaf": "The .grad attribute of a Tensor that is not a leaf"}
"""What torch itself warns of in some of the scripts."""


def _trace_of(path: Path, warned: str = "") -> Trace:
    """The script's trace, also where it fails; filters of warnings and random numbers are as before afterwards.

    `warned` is a part of a warning that torch must give while the script runs.
    """
    state = random.getstate(), torch.get_rng_state()
    trace: Trace | None
    with warnings.catch_warnings(), pytest.warns(match=warned) if warned else nullcontext():
        warnings.simplefilter("default")
        try:
            trace = trace_program(resolve(str(path)), follow=True)
        except TraceError as error:
            trace = error.trace
    random.setstate(state[0])
    torch.set_rng_state(state[1])
    assert trace is not None
    return trace


def test_every_script_is_expected() -> None:
    assert sorted(path.stem for path in (FOLDER / "bugs").glob("[a-z]*.py")) == sorted(BUGS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_mistake_is_found_and_located(name: str) -> None:
    expected = BUGS[name]
    path = FOLDER / "bugs" / f"{name}.py"
    recorded = _trace_of(path, WARNED.get(name, ""))
    (finding,) = diagnose(recorded)
    assert (finding.kind, finding.severity) == (expected.kind, expected.severity)
    node = recorded.graph.nodes[finding.node_id]
    assert (node.name or node.label) == expected.node
    text = f"{finding.title} {finding.reason} {finding.cure}"
    assert expected.word in text
    lines = path.read_text().splitlines()
    named = [number for number, line in enumerate(lines, 1) if expected.line in line]
    assert any(f"{path.name}, line {number}" in text for number in named), text
    again = loads(dumps(recorded))
    assert diagnose(again) == [finding]
    assert findings_to_json(again, [finding]) == findings_to_json(recorded, [finding])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_script_has_no_findings(name: str) -> None:
    recorded = _trace_of(FOLDER / "healthy" / f"{name}.py")
    assert recorded.error is None
    assert recorded.backward
    assert [finding.kind for finding in diagnose(recorded) if finding.severity != "note" or name not in NOTED] == []
    assert all(leaf.name for leaf in recorded.leaves())


def test_a_changed_saved_operand_names_both_operations(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import torch\n"
        "w = torch.ones(3, requires_grad=True)\n"
        "x = torch.ones(3)\n"
        "h = x * 2\n"
        "z = w * h\n"
        "h[0] = 7\n"
        "z.sum().backward()\n"
    )
    (finding,) = diagnose(_trace_of(path))
    assert finding.kind == "changed-saved"
    assert "script.py, line 6" in finding.title
    assert "z (mul) at script.py, line 5" in finding.title
    assert "keeps h for its backward pass" in finding.reason


def test_without_following_nothing_is_said_about_what_comes_after() -> None:
    recorded = trace_program(resolve(str(FOLDER / "bugs" / "no_zero_grad.py")))
    assert diagnose(recorded) == []


def test_an_optimizer_over_another_model_is_found(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import copy, torch\nfrom torch import nn\n"
        "old = nn.Linear(3, 1)\n"
        "optimizer = torch.optim.Adam(old.parameters())\n"
        "net = copy.deepcopy(old)\n"
        "net(torch.ones(1, 3)).sum().backward()\n"
    )
    (finding,) = diagnose(_trace_of(path))
    assert (finding.kind, finding.severity) == ("not-in-optimizer", "warning")
    assert "weight and bias, first used at script.py, line 6" in finding.title


def test_an_optimizer_over_an_input_makes_frozen_weights_a_note(tmp_path: Path) -> None:
    """Finding the input that a network likes best: its own weights get gradients that nobody uses."""
    path = tmp_path / "script.py"
    path.write_text(
        "import torch\nfrom torch import nn\n"
        "net = nn.Linear(3, 1)\n"
        "image = torch.zeros(1, 3, requires_grad=True)\n"
        "optimizer = torch.optim.Adam([image])\n"
        "net(image).sum().backward()\n"
    )
    finding: Finding
    (finding,) = diagnose(_trace_of(path))
    assert (finding.kind, finding.severity) == ("not-in-optimizer", "note")
