"""Finds places where detach() or no_grad() cut a tensor that needs a gradient off from the loss."""

from __future__ import annotations

from ..graph.model import Edge, Node, Source
from ..graph.trace import Trace
from .finding import Finding
from .words import called, computed_from, names, place, reaching_root, seen

_OVERWRITING = ("aten.copy_.", "aten.fill_.", "aten.zero_.", "aten.normal_.", "aten.uniform_.")


def cut_edges(trace: Trace) -> list[Edge]:
    """Edges on the way to the root at which the program itself stopped the gradient of a differentiable tensor."""
    if not trace.backward or trace.error is not None:
        return []
    on_the_way = reaching_root(trace)
    found = []
    for edge in trace.graph.edges:
        if edge.cut is None or edge.target not in on_the_way or not edge.cut.startswith(("cut by detach", "cut: grad")):
            continue
        if edge.arg == "self" and (trace.graph.nodes[edge.target].op or "").startswith(_OVERWRITING):
            continue  # none of the old values goes on
        source = trace.graph.nodes[edge.source]
        if source.kind == "leaf" or (source.grad_fn is not None and edge.output_nr < len(source.outputs)):
            found.append(edge)
    return found


def find(trace: Trace) -> list[Finding]:
    """One finding per line that cuts; the worse ones are those that leave a parameter without any gradient."""
    trained = trained_here(trace)
    lines: dict[tuple[str, Source | int], list[Edge]] = {}
    for edge in cut_edges(trace):
        how = "detach()" if edge.cut is not None and "detach" in edge.cut else "torch.no_grad()"
        lines.setdefault((how, trace.graph.nodes[edge.target].source or edge.target), []).append(edge)
    found = []
    for (how, _), edges in lines.items():
        sources = list({edge.source: trace.graph.nodes[edge.source] for edge in edges}.values())
        above = set().union(*(computed_from(trace, source.id) for source in sources))
        lost = [leaf for leaf in trace.leaves() if leaf.id in above and trace.step_of(leaf) is None]
        if trained is not None and not any(leaf.id in trained for leaf in lost):
            # It costs no leaf that an optimizer of this step trains its gradient: a frozen target network, an
            # adversary, a stop-gradient inside a loss.
            continue
        found.append(_finding(trace, how, trace.graph.nodes[edges[0].target], sources, lost))
    return found


def _finding(trace: Trace, how: str, target: Node, sources: list[Node], lost: list[Node]) -> Finding:
    still = " Its gradient from other uses still arrives." if any(trace.step_of(source) for source in sources) else ""
    return Finding(
        kind="cut-path",
        severity="warning" if lost else "note",
        node_id=target.id,
        title=f"{how} cuts {names(sources)} off from the loss at {place(target) or called(target)}",
        reason=f"The loss depends on {names(sources)} here, but no gradient flows back.{still}"
        + (f" Without any gradient: {names(lost)}." if lost else ""),
        cure=f"If the gradient is wanted, do without {how}; if not, all is well.",
        related=(*(source.id for source in sources), *(leaf.id for leaf in lost)),
    )


def trained_here(trace: Trace) -> set[int] | None:
    """Leaves of the optimizers that train any leaf which the gradient reached; None where no optimizer is known."""
    optimizers = [set(observation.nodes) for observation in seen(trace, "optimizer")]
    if not optimizers:
        return None
    reached = {leaf.id for leaf in trace.leaves() if trace.step_of(leaf) is not None}
    return set().union(*(held for held in optimizers if held & reached))
