"""gui.opening: what a target is, told without reading it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalogue import DEMOS
from engine.errors import TargetError
from gui.opening import classify


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_every_demo_is_a_program_that_needs_no_consent(demo: object) -> None:
    target = classify(demo.target)  # type: ignore[attr-defined] # parametrised
    assert target.kind == "demo"
    assert target.is_program
    assert not target.needs_consent


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("train.py", "script"),
        ("model.pt2", "exported"),
        ("x.retrograd", "trace"),
        ("X.RETROGRAD", "trace"),
        ("metrics.csv", "log"),
        ("log.jsonl", "log"),
        ("trainer_state.json", "log"),
        ("events.out.tfevents.1.host", "log"),
    ],
)
def test_kind_follows_the_name(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x00 not what the name says")
    target = classify(str(path))
    assert target.kind == kind
    assert target.path == path
    assert target.needs_consent == (kind in ("script", "exported"))


def test_folder_is_a_log(tmp_path: Path) -> None:
    assert classify(str(tmp_path)).kind == "log"


def test_callable_keeps_the_name_after_the_colon(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    path.write_text("raise SystemExit('must not run')")
    target = classify(f"{path}:make")
    assert (target.kind, target.path, target.text) == ("callable", path, f"{path}:make")


def test_relative_path_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").touch()
    monkeypatch.chdir(tmp_path)
    assert classify("a.py").text == str(tmp_path / "a.py")


@pytest.mark.parametrize("text", ["demo:none", "missing.py", "missing.py:f", "", "a\x00b", "x" * 5000])
def test_what_is_not_there_is_a_sentence(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if not text:
        assert classify("").kind == "log"  # the present folder
        return
    with pytest.raises(TargetError, match="There is no"):
        classify(text)


def test_unknown_kind_says_what_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpeg"
    path.touch()
    with pytest.raises(TargetError, match=r"photo\.jpeg.*\.retrograd"):
        classify(str(path))
