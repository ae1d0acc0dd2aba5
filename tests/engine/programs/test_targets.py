"""Every target is found, or one sentence says what is wrong with it; and nothing of it is executed before."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import TargetError
from engine.programs import CallableProgram, ScriptProgram, resolve

CANARY = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').touch()\n"


def write(folder: Path, text: str, name: str = "train.py") -> Path:
    path = folder / name
    path.write_text(CANARY + text)
    return path


def complaint(target: object, *arguments: str) -> str:
    with pytest.raises(TargetError) as caught:
        resolve(str(target), arguments)
    return str(caught.value)


def test_a_script_is_found_with_its_arguments_and_its_text(tmp_path: Path) -> None:
    path = write(tmp_path, "print('ä')\n")
    program = resolve(str(path), ["--lr", "0.1"])
    assert isinstance(program, ScriptProgram)
    assert program.arguments == ("--lr", "0.1")
    assert program.sources == {str(path): path.read_text()}
    assert not path.with_suffix(".ran").exists()


def test_a_callable_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, "def loss(scale=2): ...\n")
    program = resolve(f"{path}:loss")
    assert isinstance(program, CallableProgram)
    assert program.title == "train.py:loss"
    assert not path.with_suffix(".ran").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("demo:nothing", ["no demo 'demo:nothing'", "demo:neuron", "demo:loop"]),
        ("missing.py", ["no file missing.py", "check the spelling"]),
        ("no/such/folder/missing.py", ["does not exist either"]),
        ("neuron", ["no file neuron", "demo:neuron"]),
        ("trace.retrograd", ["recorded trace", "open it"]),
        ("missing.pt2", ["no file missing.pt2"]),
    ],
)
def test_what_is_not_there_is_told(
    target: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for word in words:
        assert word in complaint(target)


def test_folders_and_other_files_are_no_programs(tmp_path: Path) -> None:
    assert "is a folder" in complaint(tmp_path)
    other = tmp_path / "notes.txt"
    other.write_text("hello")
    assert "of no kind that can be run" in complaint(other)


def test_a_syntax_error_has_its_place_and_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "x = (1,\ndef f(:\n")
    text = complaint(path)
    assert text.startswith("SyntaxError at ")
    assert f"{path.name}, line 3" in text or f"{path.name}, line 4" in text
    assert complaint(f"{path}:loss") == text
    assert not path.with_suffix(".ran").exists()


@pytest.mark.parametrize("content", [b"x = '\xff'", b"x = 1\x00", b"# coding: nonsense\n", b"(" * 5000])
def test_what_python_cannot_read_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train.py"
    path.write_bytes(content)
    assert "train.py" in complaint(path)


def test_a_declared_encoding_is_used(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    path.write_bytes("# coding: latin-1\nword = 'größe'\n".encode("latin-1"))
    assert "größe" in next(iter(resolve(str(path)).sources.values()))


def test_an_unknown_callable_lists_what_there_is(tmp_path: Path) -> None:
    path = write(tmp_path, "def loss(): ...\ndef other(): ...\ndef _private(): ...\n")
    assert complaint(f"{path}:lost") == "train.py has no callable 'lost'. It has: loss, other."
    assert "no functions at all" in complaint(f"{write(tmp_path, '', 'empty.py')}:loss")
    assert "not the name of a function" in complaint(f"{path}:loss()")


@pytest.mark.parametrize(
    ("signature", "missing"),
    [("x", "x"), ("x, /, y=1", "x"), ("*, rate", "rate"), ("x, y, *rest, z, **more", "x, y, z")],
)
def test_a_callable_that_needs_arguments_names_them(tmp_path: Path, signature: str, missing: str) -> None:
    path = write(tmp_path, f"def loss({signature}): ...\n")
    text = complaint(f"{path}:loss")
    assert f"needs arguments ({missing})" in text
    assert "function without parameters" in text


def test_names_that_only_running_shows_are_left_to_the_run(tmp_path: Path) -> None:
    for text in ("from torch.nn.functional import *\n", "globals()['loss'] = print\n", "loss = print\n"):
        assert resolve(f"{write(tmp_path, text)}:loss")
    guarded = "try:\n    from a import loss\nexcept ImportError:\n    def loss(): ...\n"
    assert resolve(f"{write(tmp_path, guarded)}:loss")


def test_only_scripts_take_arguments(tmp_path: Path) -> None:
    assert "takes no arguments" in complaint("demo:neuron", "--lr")
    path = write(tmp_path, "def loss(): ...\n")
    assert "takes no arguments" in complaint(f"{path}:loss", "1")
