"""Callables in a user's file: checked by reading the file, imported when the program is built."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType
from typing import Any

from ..errors import TargetError
from .program import BuiltCall


def check_callable(path: Path, text: str, name: str) -> None:
    """Look for `name` in the file's text, without executing it.

    Raises
    ------
    engine.errors.TargetError
        If the file plainly has no such name, or the function needs arguments.
    """
    if not name.isidentifier():
        raise TargetError(f"{name!r} is not the name of a function. Write {path.name}:function.")
    tree = ast.parse(text)
    defined = dict(_definitions(tree.body))
    if name not in defined:
        if not _may_define_more(tree):
            raise TargetError(_no_such_callable(path, name, _functions(defined)))
        return
    definition = defined[name]
    if isinstance(definition, ast.AsyncFunctionDef):
        raise TargetError(f"{path.name}:{name} is a coroutine; write a plain function that returns the loss.")
    if isinstance(definition, ast.FunctionDef) and not definition.decorator_list:
        arguments = definition.args
        positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        required = positional[: len(positional) - len(arguments.defaults)]
        keyword = [a.arg for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if not default]
        if required or keyword:
            raise TargetError(_needs_arguments(path, name, [*required, *keyword]))


def load_callable(path: Path, code: CodeType, name: str) -> BuiltCall:
    """Execute the file as a module (not as `__main__`) and take the callable from it.

    Raises
    ------
    engine.errors.TargetError
        If there is no such callable, or it cannot be called without arguments.
    Exception
        Whatever the file raises.
    """
    module_name = path.stem if path.stem.isidentifier() else "program"
    loader = SourceFileLoader(module_name, str(path))
    spec = ModuleSpec(module_name, loader, origin=str(path))
    spec.has_location = True
    module = module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[module_name] = module
    exec(code, module.__dict__)
    found = getattr(module, name, None)
    if not callable(found):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value) and key[0] != "_"]
        raise TargetError(_no_such_callable(path, name, functions, is_there=hasattr(module, name)))
    _check_kind(path, name, found)
    return _checked(path, name, found), (), {}


def _check_kind(path: Path, name: str, found: Any) -> None:
    import torch

    if isinstance(found, torch.nn.Module) or (isinstance(found, type) and issubclass(found, torch.nn.Module)):
        raise TargetError(_is_a_module(path, name))
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # built-in callables tell nothing about themselves
        return
    open_kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    required = [p.name for p in parameters if p.default is inspect.Parameter.empty and p.kind not in open_kinds]
    if required:
        raise TargetError(_needs_arguments(path, name, required))


def _checked(path: Path, name: str, function: Callable[[], Any]) -> Callable[[], Any]:
    @functools.wraps(function)
    def call() -> Any:
        import torch

        result = function()
        if isinstance(result, torch.nn.Module):
            raise TargetError(_is_a_module(path, name))
        return result

    return call


def _definitions(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    for statement in body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield statement.name, statement
            case ast.Import() | ast.ImportFrom():
                for alias in statement.names:
                    yield (alias.asname or alias.name).partition(".")[0], statement
            case ast.If() | ast.Try() | ast.With() | ast.For() | ast.While():
                for field in ("body", "orelse", "finalbody"):
                    yield from _definitions(getattr(statement, field, []))
                for handler in getattr(statement, "handlers", []):
                    yield from _definitions(handler.body)
            case _:
                for node in ast.walk(statement):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        yield node.id, statement


def _may_define_more(tree: ast.Module) -> bool:
    """Whether names may come about in ways that reading does not show: star imports, globals(), exec, __getattr__."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            return True
        if isinstance(node, ast.Name) and node.id in ("globals", "vars", "exec", "setattr"):
            return True
        if isinstance(node, ast.FunctionDef) and node.name == "__getattr__":
            return True
        if isinstance(node, ast.Global):
            return True
    return False


def _functions(defined: dict[str, ast.stmt]) -> list[str]:
    return [name for name, statement in defined.items() if isinstance(statement, ast.FunctionDef) and name[0] != "_"]


def _no_such_callable(path: Path, name: str, functions: list[str], *, is_there: bool = False) -> str:
    what = f"{name!r} in {path.name} cannot be called" if is_there else f"{path.name} has no callable {name!r}"
    return f"{what}. It has: {', '.join(functions[:20])}." if functions else f"{what}, and no functions at all."


def _needs_arguments(path: Path, name: str, names: list[str]) -> str:
    return (
        f"{path.name}:{name} needs arguments ({', '.join(names)}), and there is nothing to give it. "
        "Write a function without parameters that makes its own inputs and returns the loss."
    )


def _is_a_module(path: Path, name: str) -> str:
    return (
        f"{path.name}:{name} is an nn.Module, and its inputs cannot be guessed. Write a function that calls it, "
        f"such as def loss(): return {name.lower()}(torch.randn(8, 10)).mean(), and give {path.name}:loss."
    )
