"""Trace files: the exact round trip, damage of every kind, and other programs' readers."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import HealthCheck, given, settings

from engine.errors import SaveError, TraceFileError
from engine.graph.model import Edge, Graph, Node, Source, TensorInfo
from engine.graph.observation import Observation
from engine.graph.trace import BackwardStep, Trace
from engine.graph.values import Values
from engine.storage.container import pack
from engine.storage.trace_file import dumps, load, loads, save
from engine.storage.trace_writer import take_apart
from tests.engine.traces import BCE, SIGMOID, W, assert_same, random_traces, small_trace


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_traces())
def test_any_trace_comes_back_as_it_was(trace: Trace) -> None:
    assert_same(trace, loads(dumps(trace)))


def test_file_round_trip(tmp_path: Path) -> None:
    trace = small_trace()
    path = tmp_path / "neuron.retrograd"
    trace.save(path)
    again = Trace.load(path)
    assert_same(trace, again)
    assert again.loss == trace.loss
    assert os.listdir(tmp_path) == ["neuron.retrograd"]
    array = again.grad(W)
    assert array is not None
    array[...] = 3  # arrays are the reader's own: they may be changed


def test_observations_come_back_and_are_checked() -> None:
    trace = small_trace()
    seen = Observation(kind="grad-read", nodes=(2,), text="h", source=Source("train.py", 12, "main"))
    trace.observations = [seen, Observation(kind="grad-off")]
    assert loads(dumps(trace)).observations == trace.observations
    trace.observations = [Observation(kind="unused", nodes=(99,))]
    with pytest.raises(TraceFileError, match=r"'observations', item 0.*a node that is not there"):
        loads(dumps(trace))
    wrong = Values(shape=(3,), dtype="<f4", data=b"1234")
    trace.observations = [Observation(kind="update", nodes=(1,), after=(None, wrong))]
    with pytest.raises(TraceFileError, match=r"'observations', item 0"):
        loads(dumps(trace))
    trace.observations = [Observation(kind="gossip")]  # type: ignore[arg-type]  # that it is unknown is the point
    with pytest.raises(TraceFileError, match="'observations'"):
        loads(dumps(trace))


def test_safetensors_reads_it() -> None:
    tensors = safetensors.numpy.load(dumps(small_trace()))
    np.testing.assert_array_equal(tensors["node.1.output.0"], np.float32(-0.5))
    assert tensors["node.1.output.0"].shape == ()


def test_document_is_one_json_text(tmp_path: Path) -> None:
    path = tmp_path / "a.retrograd"
    save(small_trace(), path)
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    document = json.loads(metadata["retrograd"])
    assert list(metadata) == ["retrograd"]
    assert document["version"] == 1
    assert document["target"] == "demo:neuron"


def test_a_trace_without_costs_needs_no_columns_for_them() -> None:
    """Files from before these columns are like this one; they are read, and the costs are unknown."""
    trace = small_trace()
    for node in trace.graph.nodes:
        assert node.flops is None
        assert all(tensor.span is None for tensor in node.saved)
    columns = safetensors.numpy.load(dumps(trace))
    assert not {"nodes.flops", "saved.storage", "saved.begin", "saved.length"} & set(columns)
    assert_same(trace, loads(dumps(trace)))
    trace.graph.nodes[SIGMOID].flops = 0
    again = loads(dumps(trace))
    assert [node.flops for node in again.graph.nodes].count(0) == 1
    assert_same(trace, again)


def test_a_trace_without_stacks_needs_no_columns_for_them() -> None:
    """Older files are like this one; a file whose stacks do not fit is refused."""
    trace = small_trace()
    assert not {"nodes.stack", "stacks", "stacks.length"} & set(safetensors.numpy.load(dumps(trace)))
    assert all(node.stack == () for node in loads(dumps(trace)).graph.nodes)
    calls = (Source("a.py", 3, "inner"), Source("a.py", 9, "outer"))
    for node in trace.graph.nodes:
        node.put_at(calls)
    again = loads(dumps(trace))
    assert_same(trace, again)
    assert len({id(node.stack) for node in again.graph.nodes}) == 1
    assert safetensors.numpy.load(dumps(trace))["stacks"].tolist() == [1, 2]
    for column, value in (("nodes.stack", 2), ("stacks", 3), ("stacks", 0)):
        document, tensors = take_apart(trace)
        tensors[column][0] = value
        with pytest.raises(TraceFileError, match=rf"'{column}', row 0.*{value} is outside what there is"):
            loads(b"".join(pack(document, tensors)))


def test_shared_arrays_are_written_once() -> None:
    trace = small_trace()
    gradient = np.zeros(10_000)
    for step in trace.backward:
        step.grad_inputs = [TensorInfo(shape=(10_000,), dtype="float64", array=gradient) for _ in range(2)]
    data = dumps(trace)
    assert len(data) < 100_000
    loaded = [info.array for step in loads(data).backward for info in step.grad_inputs if info is not None]
    assert len(loaded) == 12
    assert all(array is loaded[0] for array in loaded)


def test_layout_of_arrays_does_not_matter() -> None:
    trace = small_trace()
    whole = np.arange(24.0).reshape(2, 3, 4)
    for array in (whole.T, whole[:, ::-2], whole[:, 1:2, 3], np.broadcast_to(np.float16(2), (3, 5)), whole[:0]):
        trace.graph.nodes[W].outputs[0].array = array
        value = loads(dumps(trace)).value(W)
        assert value is not None
        assert value.dtype == array.dtype
        np.testing.assert_array_equal(value, array)


def test_long_chain() -> None:
    count = 20_000
    nodes = [Node(id=place, kind="op", op="aten.relu.default") for place in range(count)]
    edges = [Edge(source=place, output_nr=0, target=place + 1, input_nr=0) for place in range(count - 1)]
    again = loads(dumps(Trace(Graph(nodes, edges))))
    assert again.graph.edges == edges


@pytest.mark.parametrize("value", [np.array([None, "a"]), np.zeros(2, np.longdouble), np.array(["a"])])
def test_what_safetensors_cannot_hold_is_refused(value: Any) -> None:
    trace = small_trace()
    trace.graph.nodes[W].outputs[0].array = value
    with pytest.raises(TraceFileError, match=r"node\.1\.output\.0 has the dtype"):
        dumps(trace)


def test_contradictions_are_refused_when_saving() -> None:
    trace = small_trace()
    trace.graph.edges.append(Edge(source=2, output_nr=0, target=99, input_nr=0))
    with pytest.raises(TraceFileError, match="edge 7 goes from node 2 to node 99; there are 8 nodes"):
        dumps(trace)
    trace.graph.edges[-1] = Edge(source=BCE, output_nr=0, target=SIGMOID, input_nr=0)
    with pytest.raises(TraceFileError, match="the edges form a circle, at or above node 5"):
        dumps(trace)
    trace.graph.edges.pop()
    trace.backward.append(BackwardStep(index=9, node=Node(id=0, kind="op")))
    with pytest.raises(TraceFileError, match="backward step 9 belongs to a node that is not in the graph"):
        dumps(trace)


def test_cut_at_every_byte() -> None:
    data = dumps(small_trace())
    for length in range(len(data)):
        with pytest.raises(TraceFileError, match=r"byte|digest|opened"):
            loads(data[:length])


def test_flipped_bits_never_pass() -> None:
    data = bytearray(dumps(small_trace()))
    for place in [*range(200), *range(200, len(data), 7)]:
        for bit in (1, 128):
            data[place] ^= bit
            with pytest.raises(TraceFileError):
                loads(data)
            data[place] ^= bit
    loads(data)


class _Canary:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", range(6))
def test_pickle_is_not_executed(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "a.retrograd"
    path.write_bytes(pickle.dumps(_Canary(canary), protocol=protocol))
    with pytest.raises(TraceFileError, match="pickle" if protocol >= 2 else "not a trace file"):
        load(path)
    assert not canary.exists()


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(TraceFileError, match="There is no file"):
        load(tmp_path / "nowhere")
    with pytest.raises(TraceFileError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(TraceFileError, match="cannot be read"):
        load("a\0b")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TraceFileError, match="not a regular file"):
        load(tmp_path / "pipe")
    with pytest.raises(SaveError, match="the folder does not exist"):
        save(small_trace(), tmp_path / "nowhere" / "a.retrograd")


def test_weights_of_a_model_are_told_apart() -> None:
    with pytest.raises(TraceFileError, match="not a trace: its metadata have no 'retrograd' entry"):
        loads(safetensors.numpy.save({"weight": np.zeros(3)}))


def test_a_file_rewritten_by_another_program_is_refused() -> None:
    data = dumps(small_trace())
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    rewritten = safetensors.numpy.save(safetensors.numpy.load(data), header["__metadata__"])
    with pytest.raises(TraceFileError, match=r"digest|rewritten"):
        loads(rewritten)
