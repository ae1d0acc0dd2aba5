"""`Finding`: one thing that is wrong or worth knowing, in words for people."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]
ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One diagnosis.

    Attributes
    ----------
    kind : a short constant word for filters and machines, such as "nan-forward".
    severity : "error": the gradients are unusable; "warning": probably a mistake; "note": worth knowing.
    node_id : the node to look at.
    title : what and where, in one line.
    reason : why it happened, and `cure` what to do about it: whole sentences.
    related : other nodes that take part.
    """

    kind: str
    severity: Severity
    node_id: int
    title: str
    reason: str
    cure: str
    related: tuple[int, ...] = ()
