"""The built-in demos as programs: small PyTorch files, as a learner would write them. Loads no torch until one runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..catalogue import find_demo


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """One demo.

    Attributes
    ----------
    name, title, summary : as in the catalogue.
    lesson : the lesson that goes with it.
    is_script : the file is a training script; otherwise it has `example()`, which returns a function and its arguments.
    """

    name: str
    title: str
    summary: str
    lesson: str
    is_script: bool = False


def _demo(name: str, lesson: str, *, is_script: bool = False) -> Demo:
    entry = find_demo(name)
    assert entry is not None, f"the catalogue has no demo {name!r}"
    return Demo(name=name, title=entry.title, summary=entry.summary, lesson=lesson, is_script=is_script)


DEMOS: dict[str, Demo] = {
    demo.name: demo
    for demo in (_demo("neuron", "D04"), _demo("simplenet", "D09"), _demo("loop", "D10", is_script=True))
}


def demo_path(demo: Demo) -> Path:
    """The demo's file."""
    return Path(__file__).resolve().parent / f"{demo.name}.py"


def load_demo(demo: Demo) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The function of a demo that is no script, and fresh arguments for it."""
    module = importlib.import_module(f".{demo.name}", __package__)
    function, arguments = module.example()
    return function, arguments, {}
