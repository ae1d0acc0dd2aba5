"""Finds leaves that require a gradient and get none, since the loss does not depend on them."""

from __future__ import annotations

from ..graph.model import Node
from ..graph.trace import Trace
from .finding import Finding
from .way_out import lost_leaves, ways_out
from .words import names, names_used, root_place, seen


def find(trace: Trace) -> list[Finding]:
    """At most one finding for leaves that were read in vain, and one for parameters that were not even read.

    Those behind a cut, and those whose values leave as numbers, are told about there.
    """
    if not trace.backward or trace.error is not None:
        return []
    never = {node for observation in seen(trace, "unused") for node in observation.nodes}
    gone = {leaf.id for leaves in ways_out(trace).values() for leaf in leaves}
    lost = [leaf for leaf in lost_leaves(trace) if leaf.id not in gone]
    unread = [leaf for leaf in lost if leaf.id in never]
    return [*_read_in_vain(trace, [leaf for leaf in lost if leaf.id not in never]), *_never_read(trace, unread)]


def _read_in_vain(trace: Trace, lost: list[Node]) -> list[Finding]:
    if not lost:
        return []
    them = "it" if len(lost) == 1 else "them"
    return [
        Finding(
            kind="unused-leaf",
            severity="warning",
            node_id=lost[0].id,
            title=f"No gradient reaches {names_used(lost)}",
            reason=f"The program uses {them}, but the loss{root_place(trace)} does not depend on the result, unless by "
            "way of plain numbers (tolist(), numpy()), which carry no gradient; so .grad stays as it was.",
            cure=f"Use the result in the loss, as a tensor, or set requires_grad=False for {them}.",
            related=tuple(leaf.id for leaf in lost[1:]),
        )
    ]


def _never_read(trace: Trace, unread: list[Node]) -> list[Finding]:
    if not unread:
        return []
    is_one = len(unread) == 1
    it = "it" if is_one else "them"
    return [
        Finding(
            kind="unused-leaf",
            severity="warning",
            node_id=unread[0].id,
            title=f"{names(unread)} {'takes' if is_one else 'take'} no part in this step",
            reason=f"The model has {it}, but no operation on the way to the loss{root_place(trace)} reads {it}: "
            f"no gradient can reach {it}, and .grad stays None.",
            cure=f"Call the part of forward() that uses {it}, or remove {it} from the model and the optimizer.",
            related=tuple(leaf.id for leaf in unread[1:]),
        )
    ]
