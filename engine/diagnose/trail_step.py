"""`TrailStep`: one stop on the way from something wrong back to its cause."""

from __future__ import annotations

from typing import Literal

import msgspec

What = Literal["value", "gradient"]
Role = Literal["symptom", "way", "cause", "reason"]


class TrailStep(msgspec.Struct, frozen=True, kw_only=True):
    """One stop on the way back.

    `what` says whether it is about the node's value or its gradient. `role`: "symptom" is where one starts, "way" what
    only handed it on, "cause" where it began, and "reason" what the cause was made of. `factor` is by how much the
    gradient's norm is multiplied there, on trails about its size; `passed` are the nodes that the stop stands for
    besides `node_id`.
    """

    node_id: int
    what: What
    role: Role
    text: str
    factor: float | None = None
    passed: tuple[int, ...] = ()
