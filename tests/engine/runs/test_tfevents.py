"""TensorBoard's event files: every kind of scalar, tailing, damage."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs import open_log
from engine.runs.protobuf import WireError, event_scalars

from .events import as_list, event, part, record, scalars, simple, tensor, varint, version

NAME = "events.out.tfevents.1700000000.host.1.0"


def test_kinds_of_scalars(tmp_path: Path) -> None:
    path = tmp_path / NAME
    one = part(2, b"\x08\x01")
    values = [
        simple("float", 0.5),
        tensor("content/float", 1, part(4, struct.pack("<f", 1.5))),
        tensor("content/double", 2, part(4, struct.pack("<d", 2.5)), shape=one),
        tensor("content/half", 19, part(4, struct.pack("<e", 3.5))),
        tensor("content/bfloat16", 14, part(4, b"\x80\x40")),
        tensor("content/int64", 9, part(4, struct.pack("<q", -5))),
        tensor("packed/float", 1, part(5, struct.pack("<f", 6.5))),
        tensor("single/float", 1, b"\x2d" + struct.pack("<f", 7.5)),
        tensor("packed/double", 2, part(6, struct.pack("<d", 8.5))),
        tensor("single/int", 3, b"\x38" + varint(-9)),
        tensor("packed/half", 19, part(13, varint(struct.unpack("<H", struct.pack("<e", 10.5))[0]))),
        tensor("zero", 1, b""),
        tensor("two", 1, part(4, struct.pack("<ff", 1, 2)), shape=part(2, b"\x08\x02")),
        tensor("text", 7, part(8, b"words"), plugin="text"),
        tensor("other", 1, part(4, struct.pack("<f", 1)), plugin="hparams"),
    ]
    path.write_bytes(version() + record(event(7, *values)))
    found = {tag: as_list(points) for tag, points in open_log(path).poll().items()}
    assert found == {
        "float": [(7, 0.5)],
        "content/float": [(7, 1.5)],
        "content/double": [(7, 2.5)],
        "content/half": [(7, 3.5)],
        "content/bfloat16": [(7, 4.0)],
        "content/int64": [(7, -5.0)],
        "packed/float": [(7, 6.5)],
        "single/float": [(7, 7.5)],
        "packed/double": [(7, 8.5)],
        "single/int": [(7, -9.0)],
        "packed/half": [(7, 10.5)],
        "zero": [(7, 0.0)],
    }


def test_appended_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / NAME
    points = [(step, step / 4) for step in range(6)]
    data = version() + scalars("loss", points) + record(event(-1, simple("back", 1.0)))
    path.write_bytes(b"")
    log = open_log(path)
    found: dict[str, list[tuple[int, float]]] = {}
    with open(path, "ab", buffering=0) as file:
        for byte in data:
            file.write(bytes([byte]))
            for tag, fresh in log.poll().items():
                found.setdefault(tag, []).extend(as_list(fresh))
    assert found == {"loss": points, "back": [(-1, 1.0)]}
    assert log.problems == []


@pytest.mark.parametrize("place", ["length", "length's checksum", "data", "data's checksum"])
def test_damage_in_the_middle_is_stated_and_skipped(tmp_path: Path, place: str) -> None:
    path = tmp_path / NAME
    before, damaged, after = (scalars("loss", [(step, float(step))]) for step in range(3))
    where = {"length": 1, "length's checksum": 9, "data": 20, "data's checksum": len(damaged) - 1}[place]
    broken = bytearray(damaged)
    broken[where] ^= 0x10
    path.write_bytes(version() + before + broken + after)
    log = open_log(path)
    assert as_list(log.poll()["loss"]) == [(0, 0.0), (2, 2.0)]
    assert len(log.problems) == 1
    assert f"byte {len(version() + before)}" in log.problems[0].replace("bytes", "byte")


def test_record_that_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(version() + record(b"\xff" * 30) + scalars("loss", [(1, 2.0)]))
    log = open_log(path)
    assert as_list(log.poll()["loss"]) == [(1, 2.0)]
    assert "is not an event: a number has more than ten bytes" in log.problems[0]


def test_endless_damage_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(version() + random.Random(1).randbytes(1_200_000))
    log = open_log(path)
    assert log.poll() == {}
    assert "what follows was not read" in log.problems[0]


def test_cut_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(version() + scalars("loss", [(1, 1.0), (2, 2.0), (3, 3.0)]))
    log = open_log(path)
    assert len(log.poll()["loss"][0]) == 3
    path.write_bytes(version() + scalars("loss", [(1, 1.0), (2, 9.0)]))
    assert as_list(log.poll()["loss"]) == [(2, 9.0)]
    assert log.restarts == 1


def test_absence_is_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(version() + scalars("loss", [(1, 1.0)]))
    log = open_log(path)
    log.poll()
    away = tmp_path / "away"
    os.rename(path, away)
    assert log.poll() == {}
    os.rename(away, path)
    with open(path, "ab") as file:
        file.write(scalars("loss", [(2, 2.0)]))
    assert as_list(log.poll()["loss"]) == [(2, 2.0)]
    assert log.problems == []


def test_replaced_by_a_copy_with_more(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(version() + scalars("loss", [(1, 1.0)]))
    log = open_log(path)
    log.poll()
    copy = tmp_path / "copy"
    copy.write_bytes(version() + scalars("loss", [(1, 1.0), (2, float("nan"))]))
    os.replace(copy, path)
    steps, values = log.poll()["loss"]
    assert steps.tolist() == [2]
    assert values[0] != values[0]


def test_a_folder_is_one_run_and_may_get_more_files(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(version() + scalars("loss", [(1, 1.0)]))
    log = open_log(tmp_path)
    assert log.name == tmp_path.name
    assert as_list(log.poll()["loss"]) == [(1, 1.0)]
    (tmp_path / NAME.replace("17", "18", 1)).write_bytes(version() + scalars("loss", [(2, 2.0)]))
    with open(tmp_path / NAME, "ab") as file:
        file.write(scalars("loss", [(3, 3.0)]))
    assert as_list(log.poll()["loss"]) == [(3, 3.0), (2, 2.0)]


@given(st.binary(max_size=80))
def test_hostile_bytes_raise_only_wire_errors(data: bytes) -> None:
    try:
        event_scalars(data)
        event_scalars(part(5, part(1, part(8, data))))
        event_scalars(event(1, part(1, b"\xff") + part(9, data)))
    except WireError:
        pass


@pytest.mark.parametrize("body", [part(4, b"\1\2\3"), part(5, b"\1\2\3"), part(6, b""), b"\x2b"])
def test_tensor_that_does_not_fit_its_type(body: bytes) -> None:
    try:
        _, found = event_scalars(event(1, tensor("a", 1, body)))
    except WireError:
        return
    assert found == []
