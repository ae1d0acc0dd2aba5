"""Parts of large tensors from a real worker: the numbers are torch's, the messages small, the program runs once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.graph.structure import fingerprint
from engine.graph.trace import Trace
from engine.session.messages import MOST_TILE_CELLS, FetchTile, FetchValues, TileReady, ValuesReady
from engine.worker.tiles import KeptTensors, blocks, cut, is_exact

from ..session.watch import Watch, watched

MOST_BODY_BYTES = 26 * MOST_TILE_CELLS
PROGRAM = """
import torch
w = torch.ones(4096, 1, requires_grad=True)

def loss():
    with open(__file__ + ".runs", "a") as runs:
        runs.write("x")
    attention = w * torch.randn(4096, 4096)
    stack = attention.view(4, 4, 1024, 1024) * 2
    return stack.square().mean()
"""


@pytest.fixture
def _nothing_left_behind() -> None:
    """Tests here share a warm worker, which outlives them; `watched` proves at the end that nothing is left."""


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    with watched(tmp_path_factory.mktemp("runs"), keep_spare=False) as made:
        yield made


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("programs") / "large.py"
    path.write_text(PROGRAM)
    return f"{path}:loss"


@pytest.fixture(scope="module")
def recorded(watch: Watch, target: str) -> Trace:
    assert watch.run(target).kind == "finished"
    return watch.trace("result")


@pytest.fixture(scope="module")
def stack() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(4096, 4096).view(4, 4, 1024, 1024) * 2


def _tile(watch: Watch, trace: Trace, target: str, **fields: object) -> tuple[TileReady, bytes]:
    node = next(node.id for node in trace.graph.nodes if node.name == "stack")
    whole = {"index": (1, 2), "rows": (0, 1024), "columns": (0, 1024), "most_rows": 168, "most_columns": 260}
    request = FetchTile(target=target, node=node, structure=fingerprint(trace), **(whole | fields))  # type: ignore[arg-type]
    watch.events.clear()
    watch.supervisor.fetch(request)
    assert watch.outcome().kind == "finished"
    return watch.wait(TileReady)


def test_an_overview_then_exact_parts(watch: Watch, recorded: Trace, target: str, stack: torch.Tensor) -> None:
    runs = Path(target.removesuffix(":loss") + ".runs")
    before = len(runs.read_text())
    ready, body = _tile(watch, recorded, target)
    assert (ready.message, ready.dtype, ready.shape) == ("", "", (168, 260))
    assert len(runs.read_text()) == before + 2, "one to find its place, one to keep what is there"
    low, high, mean = np.frombuffer(body, "<f8", 3 * 168 * 260).reshape(3, 168, 260)
    rows, columns = (np.arange(n + 1) * 1024 // n for n in (168, 260))
    matrix = stack[1, 2].numpy()
    for r, c in ((0, 0), (5, 7), (167, 259), (80, 130)):
        part = matrix[rows[r] : rows[r + 1], columns[c] : columns[c + 1]]
        assert (low[r, c], high[r, c]) == (part.min(), part.max())
        assert mean[r, c] == pytest.approx(part.mean(dtype=np.float64))
    assert (low.min(), high.max()) == (matrix.min(), matrix.max()), "extremes are not lost"
    for fields in (
        {"index": (3, 0), "rows": (100, 150), "columns": (1000, 1024)},
        {"index": (0, 3), "rows": (0, 168), "columns": (1, 261)},
    ):
        ready, body = _tile(watch, recorded, target, **fields)
        expected = stack[fields["index"]].numpy()[slice(*fields["rows"]), slice(*fields["columns"])]
        assert (ready.dtype, ready.shape) == ("<f4", expected.shape)
        assert body == expected.tobytes(), "bit by bit"
    assert len(runs.read_text()) == before + 2, "the tensor was kept"
    ready, body = _tile(watch, recorded, target, is_gradient=True, rows=(0, 2), columns=(0, 3))
    np.testing.assert_allclose(np.frombuffer(body, "<f4").reshape(2, 3), matrix[:2, :3] * 2 / 2**24, rtol=1e-6)
    assert len(runs.read_text()) == before + 3


def test_a_message_is_small_whatever_is_asked(watch: Watch, recorded: Trace, target: str) -> None:
    ready, body = _tile(watch, recorded, target, most_rows=100_000, most_columns=100_000)
    assert ready.dtype == "", "the entries themselves would be too many"
    assert 1_000_000 < len(body) <= MOST_BODY_BYTES
    every = [len(body) for event, body in watch.events if not isinstance(event, TileReady)]
    assert max(every) == 0


def test_the_whole_is_sent_only_where_it_is_asked_for(watch: Watch, recorded: Trace, target: str) -> None:
    runs = Path(target.removesuffix(":loss") + ".runs")
    _tile(watch, recorded, target)
    before = len(runs.read_text())
    node = next(node.id for node in recorded.graph.nodes if node.name == "stack")
    watch.events.clear()
    watch.supervisor.fetch(FetchValues(target=target, node=node, structure=fingerprint(recorded)))
    assert watch.outcome().kind == "finished"
    ready, body = watch.wait(ValuesReady)
    assert (ready.shape, len(body)) == ((4, 4, 1024, 1024), 64 << 20)
    assert len(runs.read_text()) == before, "it was there already"


@pytest.mark.parametrize(
    "fields", [{"index": (4, 0)}, {"index": ()}, {"rows": (5, 5)}, {"rows": (-3, 2)}, {"most_columns": 0}]
)
def test_a_part_that_is_none_is_a_sentence(
    fields: dict[str, object], watch: Watch, recorded: Trace, target: str
) -> None:
    ready, body = _tile(watch, recorded, target, **fields)
    assert ready.message.startswith("The tensor has no")
    assert body == b""


def test_nan_and_infinity_are_marked_and_the_rest_stays_finite() -> None:
    matrix = np.arange(64.0, dtype=np.float16).reshape(8, 8)
    matrix[0, 0], matrix[1, 1], matrix[7, 7] = np.nan, np.inf, -np.inf
    matrix[4:6, 0:2] = np.nan
    shape, body = blocks(matrix, 4, 4)
    low, high, mean = np.frombuffer(body, "<f8", 48).reshape(3, *shape)
    nan, inf = np.frombuffer(body, np.bool_, offset=3 * 16 * 8).reshape(2, *shape)
    assert np.argwhere(nan).tolist() == [[0, 0], [2, 0]]
    assert np.argwhere(inf).tolist() == [[0, 0], [3, 3]]
    assert (low[0, 0], high[0, 0], mean[0, 0]) == (1, 8, 4.5)
    assert (low[2, 0], high[2, 0], mean[2, 0]) == (0, 0, 0)
    assert (low[3, 3], high[3, 3], mean[3, 3]) == (54, 62, pytest.approx((54 + 55 + 62) / 3))


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint8", "complex64", "float64"])
def test_every_kind_of_number_has_an_overview(dtype: str) -> None:
    array = np.random.default_rng(0).integers(0, 2, (1000,)).astype(dtype)
    request = FetchTile(target="", node=0, structure="", rows=(0, 1), columns=(0, 1000), most_rows=9, most_columns=10)
    part = cut(array, request)
    assert not is_exact(part, request)
    shape, body = blocks(part, 9, 10)
    assert shape == (1, 10)
    mean = np.frombuffer(body, "<f8", 10, offset=160)
    np.testing.assert_allclose(mean, np.abs(array).astype(float).reshape(10, 100).mean(axis=1))


def test_tensors_are_kept_under_a_bound() -> None:
    kept = KeptTensors(most_bytes=100)
    for number in range(3):
        kept.put(number, np.zeros(5))
    assert [kept.get(number) is not None for number in range(3)] == [False, True, True]
    kept.get(1)
    kept.put(3, np.zeros(6))
    assert [kept.get(number) is not None for number in (1, 2, 3)] == [True, False, True]
    kept.put(4, np.zeros(500))
    assert [kept.get(number) is not None for number in (1, 3, 4)] == [False, False, True]
