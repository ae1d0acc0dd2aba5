"""A real worker runs a program again and sends the values that its trace does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.session.messages import FetchValues, ValuesReady

from ..session.watch import Watch, watched

PROGRAM = """
import torch
from torch import nn

model = nn.Sequential(nn.Linear(50, 400), nn.Dropout(0.5), nn.Linear(400, 1))


def loss():
    with open(__file__ + ".runs", "a") as runs:
        runs.write("x")
    return model(torch.randn(300, 50)).square().mean()
"""


@pytest.fixture
def _nothing_left_behind() -> None:
    """Tests here share warm workers, which outlive them; `watched` proves at the end that nothing is left."""


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    with watched(tmp_path_factory.mktemp("runs"), keep_spare=False) as made:
        yield made


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("programs") / "dropping.py"
    path.write_text(PROGRAM)
    return f"{path}:loss"


def _request(watch: Watch, request: FetchValues) -> tuple[ValuesReady, bytes]:
    watch.events.clear()
    watch.supervisor.fetch(request)
    assert watch.outcome().kind == "finished"
    return watch.wait(ValuesReady)


@pytest.fixture(scope="module")
def recorded(watch: Watch, target: str) -> Trace:
    assert watch.run(target).kind == "finished"
    return watch.trace("result")


def _runs(target: str) -> int:
    return len(Path(target.removesuffix(":loss") + ".runs").read_text())


def _expected() -> dict[str, torch.Tensor]:
    """What the program computes, by plain torch: a build seeds with 0 before the import, and again before the run."""
    torch.manual_seed(0)
    up, down = torch.nn.Linear(50, 400), torch.nn.Linear(400, 1)
    torch.manual_seed(0)
    hidden = up(torch.randn(300, 50))
    dropped = torch.nn.functional.dropout(hidden, 0.5)
    dropped.retain_grad()
    down(dropped).square().mean().backward()
    assert dropped.grad is not None
    return {"addmm": hidden.detach(), "grad": dropped.grad}


def test_values_and_gradients_come_from_another_run(watch: Watch, target: str, recorded: Trace) -> None:
    expected = _expected()
    addmm = next(node for node in recorded.graph.nodes if node.label == "addmm")
    assert addmm.outputs[0].array is None
    ready, body = _request(watch, FetchValues(target=target, node=addmm.id, structure=fingerprint(recorded)))
    assert (ready.node, ready.message, ready.shape, ready.dtype) == (addmm.id, "", (300, 400), "<f4")
    assert _runs(target) == 3, "the first, one to find the place, and one to keep what is there"
    values = np.frombuffer(body, ready.dtype).reshape(ready.shape)
    np.testing.assert_allclose(values, expected["addmm"].numpy(), rtol=1e-6, atol=1e-6)

    dropped = next(node for node in recorded.graph.nodes if node.label == "mul")
    request = FetchValues(target=target, node=dropped.id, is_gradient=True, structure=fingerprint(recorded))
    ready, body = _request(watch, request)
    assert ready.message == ""
    gradient = np.frombuffer(body, ready.dtype).reshape(ready.shape)
    np.testing.assert_allclose(gradient, expected["grad"].numpy(), rtol=1e-5, atol=1e-8)
    assert _runs(target) == 4, "the program was kept, and its places are known"


def test_what_cannot_be_fetched_is_a_sentence(watch: Watch, target: str, recorded: Trace, tmp_path: Path) -> None:
    ready, body = _request(watch, FetchValues(target=target, node=0, structure="of another program"))
    assert "did something else when it ran again" in ready.message
    assert body == b""
    ready, _ = _request(watch, FetchValues(target=str(tmp_path / "none.py") + ":loss", node=0, structure=""))
    assert "none.py" in ready.message
    ready, _ = _request(watch, FetchValues(target=target, node=10_000, structure=fingerprint(recorded)))
    assert "No value is known of output 0 of node 10000" in ready.message
    script = tmp_path / "script.py"
    script.write_text("x = 1\n")
    ready, _ = _request(watch, FetchValues(target=str(script), node=0, structure=""))
    assert "script.py is a script" in ready.message
