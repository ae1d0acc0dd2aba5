"""Logs as text: JSON lines, tables, trainer_state.json; and how logs are found."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine.errors import LogError
from engine.runs import find_logs, open_log

from .events import as_list, scalars, version


def test_json_lines_byte_by_byte(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"")
    log = open_log(path)
    rows = [
        '{"step": 1, "loss": 0.5, "train": {"acc": 1}, "name": "ü", "ok": true}',
        "nonsense",
        "",
        '{"step":2,"loss":NaN}',
    ]
    found: dict[str, list[tuple[int, float]]] = {}
    with open(path, "ab", buffering=0) as file:
        for byte in ("\r\n".join(rows) + "\n").encode():
            file.write(bytes([byte]))
            for tag, fresh in log.poll().items():
                found.setdefault(tag, []).extend(as_list(fresh))
    assert found["loss"][0] == (1, 0.5)
    assert repr(found["loss"][1]) == "(2, nan)"
    assert found["train/acc"] == [(1, 1.0)]
    assert set(found) == {"loss", "train/acc"}
    assert log.problems == [f"{str(path)!r}: line 2 is not a JSON object and was skipped."]


def test_json_lines_without_steps_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text('{"loss": 1}\n{"loss": 2, "x": ' + "9" * 400 + "}\n")
    found = open_log(path).poll()
    assert as_list(found["loss"]) == [(0, 1.0), (1, 2.0)]
    assert as_list(found["x"]) == [(1, float("inf"))]


def test_hostile_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n" + b'{"a":' * 100_000 + b"\n\xff\xfe\n" + b'{"step": 1e400, "loss": 1}\n')
    log = open_log(path)
    assert as_list(log.poll()["loss"]) == [(0, 1.0)]
    assert len(log.problems) == 3


def test_lightning_table(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train_loss,val_loss\n0,9,0.5,\n0,19,0.25,\n0,19,,0.75\n")
    log = open_log(path)
    found = {tag: as_list(points) for tag, points in log.poll().items()}
    assert found == {
        "epoch": [(9, 0.0), (19, 0.0), (19, 0.0)],
        "train_loss": [(9, 0.5), (19, 0.25)],
        "val_loss": [(19, 0.75)],
    }
    with open(path, "a") as file:
        file.write("1,29,0.125,\n1,3")
    assert as_list(log.poll()["train_loss"]) == [(29, 0.125)]
    with open(path, "a") as file:
        file.write("9,0.0625,\n1,broken\n")
    assert as_list(log.poll()["train_loss"]) == [(39, 0.0625)]
    assert "line 7 has 2 cells instead of 4" in log.problems[0]


def _is_old(path: Path) -> None:
    os.utime(path, (os.stat(path).st_atime, 1_000_000_000))


def test_the_last_row_of_a_run_that_has_ended_needs_no_line_break(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n1,0.5\n2,0.25")
    log = open_log(path)
    assert as_list(log.poll()["loss"]) == [(1, 0.5)]  # of a run that goes on, it may be the beginning of 0.257
    assert log.poll() == {}
    _is_old(path)
    assert as_list(log.poll()["loss"]) == [(2, 0.25)]
    assert log.poll() == {}
    with open(path, "a") as file:
        file.write("\n3,0.125\n")
    assert as_list(log.poll()["loss"]) == [(3, 0.125)]
    assert log.problems == []


@pytest.mark.parametrize("rest", ["2", '2,"0.25', "2,0.25,7"])
def test_a_row_that_does_not_fit_the_table_is_never_taken_without_its_line_break(rest: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(f"step,loss\n1,0.5\n{rest}")
    _is_old(path)
    log = open_log(path)
    assert as_list(log.poll()["loss"]) == [(1, 0.5)]
    assert log.problems == []


def test_a_row_that_a_full_buffer_has_cut_is_not_taken_however_old_it_is(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    rows = "step,loss\n" + "".join(f"{step},0.1234567\n" for step in range(2000))
    path.write_text(rows[:8192])
    assert not rows[:8192].endswith("\n")
    _is_old(path)
    steps, values = open_log(path).poll()["loss"]
    assert set(values) == {0.1234567}
    assert steps.tolist() == list(range(rows[:8192].count("\n") - 1))


def test_table_rewritten_with_another_column(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,loss\n1,0.5\n2,0.25\n")
    log = open_log(path)
    log.poll()
    path.write_text("acc,loss,step\n,0.5,1\n,0.25,2\n1,0.125,3\n")
    found = {tag: as_list(points) for tag, points in log.poll().items()}
    assert found == {"loss": [(3, 0.125)], "acc": [(3, 1.0)]}


def test_table_with_semicolons_and_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeff"step";"a;b";note\n1;2;"x;y"\n')
    assert {tag: as_list(points) for tag, points in open_log(path).poll().items()} == {"a;b": [(1, 2.0)]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wall time,Step,Value\n1.5,1,0.5\n1.6,2,0.25\n", {"Wall time": [1.5, 1.6], "Value": [0.5, 0.25]}),
        ('"Step","run - loss"\n"1","0.5"\n"2","0.25"\n', {"run - loss": [0.5, 0.25]}),
        ("step, loss\n1, 0.5\n2, 0.25\n", {"loss": [0.5, 0.25]}),
        ("step;loss\n1;0,5\n2;0,25\n", {"loss": [0.5, 0.25]}),
        ('step,note,loss\r\n1,"two\r\nlines",0.5\r\n2,"one ""line""",0.25\r\n', {"loss": [0.5, 0.25]}),
    ],
    ids=["TensorBoard's table", "Weights & Biases' table", "spaces", "decimal commas", "a line break in quotes"],
)
def test_tables_of_other_tools(text: str, expected: dict[str, list[float]], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode())
    log = open_log(path)
    assert {tag: as_list(points) for tag, points in log.poll().items()} == {
        tag: list(enumerate(values, start=1)) for tag, values in expected.items()
    }
    assert log.problems == []


def test_the_last_object_needs_no_line_break(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"loss": 1}\n{"loss": 2}')
    log = open_log(path)
    assert as_list(log.poll()["loss"]) == [(0, 1.0), (1, 2.0)]
    with open(path, "a") as file:
        file.write('\n{"loss": 3')
    assert log.poll() == {}
    with open(path, "a") as file:
        file.write('}\n{"loss": 3}\n')
    assert as_list(log.poll()["loss"]) == [(2, 3.0), (3, 3.0)]
    assert log.problems == []


def _state(path: Path, *losses: float) -> None:
    path.parent.mkdir(exist_ok=True)
    history = [{"loss": loss, "step": step, "epoch": step / 10} for step, loss in enumerate(losses)]
    path.write_text(json.dumps({"log_history": history, "global_step": len(losses)}))


def test_trainer_state_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    _state(path, 4.0, float("nan"))
    log = open_log(path)
    steps, values = log.poll()["loss"]
    assert steps.tolist() == [0, 1]
    assert values[0] == 4.0
    assert log.poll() == {}
    path.write_text('{"log_history": [{"lo')
    assert log.poll() == {}
    assert log.problems == []
    assert log.poll() == {}
    assert "not a whole trainer state" in log.problems[0]
    _state(path, 4.0, float("nan"), 3.0)
    assert as_list(log.poll()["loss"]) == [(2, 3.0)]


def test_newest_checkpoint_is_followed(tmp_path: Path) -> None:
    _state(tmp_path / "checkpoint-2" / "trainer_state.json", 4.0, 3.0)
    _state(tmp_path / "checkpoint-10" / "trainer_state.json", 4.0, 3.0, 2.0)
    (log,) = find_logs(tmp_path)
    assert len(log.poll()["loss"][0]) == 3
    _state(tmp_path / "checkpoint-11" / "trainer_state.json", 4.0, 3.0, 2.0, 1.0)
    assert as_list(log.poll()["loss"]) == [(3, 1.0)]


def test_find_logs(tmp_path: Path) -> None:
    for folder in ("runs/a", "runs/b", ".hidden", "csv"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("runs/a", "runs/b", ".hidden"):
        (tmp_path / folder / "events.out.tfevents.1.host").write_bytes(version() + scalars("loss", [(1, 1.0)]))
    (tmp_path / "csv" / "metrics.csv").write_text("step,loss\n1,2\n")
    (tmp_path / "csv" / "other.csv").write_text("name,age\nx,2\n")
    (tmp_path / "log.jsonl").write_text("{}\n")
    os.symlink(tmp_path, tmp_path / "csv" / "circle")
    assert [log.name for log in find_logs(tmp_path)] == ["csv/metrics.csv", "log.jsonl", "runs/a", "runs/b"]
    with pytest.raises(LogError, match="holds 4 runs"):
        open_log(tmp_path)
    assert as_list(open_log(tmp_path / "csv").poll()["loss"]) == [(1, 2.0)]


def test_of_json_documents_in_a_folder_only_those_are_logs_that_have_an_object_a_line(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text('{"step": 1, "loss": 0.5}\n{"step": 2, "loss": 0.25}\n')
    (tmp_path / "config.json").write_text('{"lr": 0.1}\n')
    (tmp_path / "pretty.json").write_text('{\n  "lr": 0.1\n}\n')
    (tmp_path / "state.json").write_text(json.dumps({"log_history": [{"step": 1, "loss": 3.0}]}))
    found = {log.name: log for log in find_logs(tmp_path)}
    assert sorted(found) == ["log.json", "state.json"]
    assert as_list(found["log.json"].poll()["loss"]) == [(1, 0.5), (2, 0.25)]
    assert as_list(found["state.json"].poll()["loss"]) == [(1, 3.0)]


def test_what_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0" * 100)
    with pytest.raises(LogError, match="not a log of a known format"):
        open_log(tmp_path / "a.bin")
    with pytest.raises(LogError, match="no log of a training"):
        open_log(tmp_path)
    with pytest.raises(LogError, match="no file or folder"):
        open_log(tmp_path / "nowhere")
