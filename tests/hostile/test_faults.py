"""Every fault that is said to be survived has its tests, and they are there."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from .faults import FAULTS

TESTS = Path(__file__).resolve().parent.parent


@cache
def _functions(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_every_fault_has_its_number() -> None:
    assert list(FAULTS) == list(range(1, 69))


@pytest.mark.parametrize("number", FAULTS)
def test_the_tests_of_a_fault_are_there(number: int) -> None:
    fault = FAULTS[number]
    assert fault.tests, f"{fault.what} is not survived: nothing tests it"
    for test in fault.tests:
        file, _, function = test.partition("::")
        assert (TESTS / file).is_file(), test
        assert function.startswith("test_"), test
        assert function in _functions(file), test
