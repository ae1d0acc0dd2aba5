"""The corpus: small real programs, one for each construct that a recorder of autograd can get wrong.

Each entry builds, from seed 0, a function without arguments that returns the root, a single tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Program = Callable[[], Any]
PROGRAMS: dict[str, Callable[[], Program]] = {}
HOOKED: dict[str, set[str]] = {}
"""For each program: the variables whose gradient the program's own hooks change on its way."""


def program(build: Callable[[], Program]) -> Callable[[], Program]:
    PROGRAMS[build.__name__] = build
    return build


def leaf(*shape: int) -> Tensor:
    return torch.randn(*shape, requires_grad=True)
