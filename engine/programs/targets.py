"""From what the user typed to a program. Nothing of the user's is executed here: these errors come before the run."""

from __future__ import annotations

import io
import tokenize
from functools import partial
from pathlib import Path
from types import CodeType

from ..errors import TargetError
from .program import CallableProgram, Program, ScriptProgram

KINDS = "a demo (demo:neuron), a script (train.py), a callable (file.py:function) or an exported model (model.pt2)"


def resolve(target: str, arguments: tuple[str, ...] | list[str] = ()) -> Program:
    """Find the program that a target names.

    Parameters
    ----------
    target : "demo:NAME", "script.py", "file.py:callable" or "model.pt2".
    arguments : the script's own; other kinds take none.

    Raises
    ------
    engine.errors.TargetError
        With one sentence: no such file or demo, a syntax error, no such callable, or one that needs arguments.
    """
    arguments = tuple(arguments)
    if target.startswith("demo:"):
        return _without_arguments(_demo(target), arguments)
    path_text, name = _split(target)
    path = Path(path_text).expanduser()
    if name is not None:
        return _without_arguments(_callable(target, _existing(path, target), name), arguments)
    if path.suffix == ".retrograd":
        raise TargetError(f"{path} is a recorded trace, not a program: open it, there is nothing to run.")
    if path.is_dir():
        raise TargetError(f"{path} is a folder, which can be opened as logs but not run. Give {KINDS}.")
    if path.suffix == ".pt2":
        from .exported import exported_program

        return _without_arguments(exported_program(target, _existing(path, target)), arguments)
    if path.suffix in (".py", ".pyw"):
        return _script(target, _existing(path, target), arguments)
    _existing(path, target)
    raise TargetError(f"{path} is of no kind that can be run. Give {KINDS}.")


def why_missing(target: str) -> str:
    """A sentence if a target names no demo, file or folder; empty if it does. Nothing is read."""
    if target.startswith("demo:"):
        from ..catalogue import DEMOS, find_demo

        known = ", ".join(demo.target for demo in DEMOS)
        return "" if find_demo(target) else f"There is no demo {target!r}. The demos are: {known}."
    if Path(_split(target)[0]).expanduser().exists():
        return ""
    return f"There is no file, folder or command {target}; check the spelling (main.py --help lists what there is)."


def read_source(path: Path) -> tuple[str, CodeType]:
    """Text and code of a Python file.

    Raises
    ------
    engine.errors.TargetError
        If it cannot be read, decoded or compiled; with file, line and the line's text where there is one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror or error}.") from error
    try:
        code = compile(data, str(path), "exec", dont_inherit=True)
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = io.TextIOWrapper(io.BytesIO(data), encoding, newline=None).read()
    except SyntaxError as error:
        source = None if error.lineno is None else (str(path), error.lineno)
        raise TargetError(_syntax_message(path, error), source) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise TargetError(f"{path} is not Python source text: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise TargetError(f"{path} cannot be compiled: its expressions are nested too deeply.") from error
    return text, code


def _syntax_message(path: Path, error: SyntaxError) -> str:
    kind = type(error).__name__
    if error.lineno is None:
        return f"{kind} in {path}: {error.msg}."
    line = (error.text or "").strip()
    return f"{kind} at {path.name}, line {error.lineno}: {error.msg}" + (f": {line[:200]}" if line else ".")


def _split(target: str) -> tuple[str, str | None]:
    """Split "file.py:name"; a colon elsewhere (a drive, a file name) stays where it is."""
    head, colon, name = target.rpartition(":")
    if colon and head.endswith((".py", ".pyw")) and not Path(target).exists():
        return head, name
    return target, None


def _existing(path: Path, target: str) -> Path:
    if path.is_file():
        return path.resolve()
    if path.exists():
        raise TargetError(f"{path} is not a file, so it cannot be run.")
    folder = path.parent
    where = f"the folder {folder.resolve()} does not exist either" if not folder.is_dir() else "check the spelling"
    hint = "" if path.suffix else f" Give {KINDS}."
    raise TargetError(f"There is no file {target if target == str(path) else path}; {where}.{hint}")


def _without_arguments(program: Program, arguments: tuple[str, ...]) -> Program:
    if arguments and isinstance(program, CallableProgram):
        raise TargetError(f"{program.target} takes no arguments; only a script does (after --).")
    return program


def _demo(target: str) -> Program:
    from ..demos import DEMOS, demo_path, load_demo

    demo = DEMOS.get(target.removeprefix("demo:"))
    if demo is None:
        raise TargetError(f"There is no demo {target!r}. The demos are: {', '.join(f'demo:{name}' for name in DEMOS)}.")
    path = demo_path(demo)
    if demo.is_script:
        text, code = read_source(path)
        return ScriptProgram(target, demo.title, path, code, (), {str(path): text})
    return CallableProgram(target, demo.title, partial(load_demo, demo), {str(path): path.read_text("utf-8")})


def _script(target: str, path: Path, arguments: tuple[str, ...]) -> ScriptProgram:
    text, code = read_source(path)
    return ScriptProgram(target, path.name, path, code, arguments, {str(path): text})


def _callable(target: str, path: Path, name: str) -> CallableProgram:
    from .callables import check_callable, load_callable

    text, code = read_source(path)
    check_callable(path, text, name)
    return CallableProgram(target, f"{path.name}:{name}", partial(load_callable, path, code, name), {str(path): text})
