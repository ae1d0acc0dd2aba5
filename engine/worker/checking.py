"""Checks one node for the window: records the program again with every value, and compares the node's VJP."""

from __future__ import annotations

import time

from ..errors import ReplayError, TargetError, TraceError
from ..graph.structure import fingerprint
from ..programs import resolve
from ..programs.failure import explain
from ..programs.tracing import trace_program
from ..session.messages import CheckNode, NodeChecked
from ..session.snapshot import expect_unchanged
from ..verify.nodes import check_node


def check(request: CheckNode) -> NodeChecked:
    """What the comparison says, or a sentence that says why there is none. Never raises."""
    began_s = time.perf_counter()
    try:
        program = resolve(request.target, request.arguments)
        expect_unchanged(program.sources, request.sources)
        trace = trace_program(program, "all")
        if fingerprint(trace) != request.structure:
            message = (
                "The program did something else this time: its operations are not those of the trace that is shown."
            )
            return NodeChecked(node=request.node, message=message)
        row = check_node(trace, request.node)
    except (ReplayError, TargetError, TraceError, ValueError) as error:
        return NodeChecked(node=request.node, message=str(error) or "The node could not be checked.")
    except KeyboardInterrupt:
        return NodeChecked(node=request.node, message="The check was stopped.")
    except BaseException as error:  # noqa: BLE001 - a program may raise anything, SystemExit too
        message = f"The node cannot be checked, because the program failed: {explain(error).message}"
        return NodeChecked(node=request.node, message=message)
    return NodeChecked(
        node=request.node,
        rule_error=row.rule_error,
        difference_error=row.difference_error,
        verdict=row.verdict,
        seconds=time.perf_counter() - began_s,
    )
