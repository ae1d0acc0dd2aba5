"""Finds places where detach() or no_grad() cut a tensor that needs a gradient off from the loss."""

from __future__ import annotations

from ..graph.model import Edge
from ..graph.trace import Trace
from .finding import Finding
from .words import called, computed_from, located, names, reaching_root


def cut_edges(trace: Trace) -> list[Edge]:
    """Edges on the way to the root at which the program itself stopped the gradient of a differentiable tensor."""
    if not trace.backward:
        return []
    on_the_way = reaching_root(trace)
    found = []
    for edge in trace.graph.edges:
        if edge.cut is None or edge.target not in on_the_way or not edge.cut.startswith(("cut by detach", "cut: grad")):
            continue
        source = trace.graph.nodes[edge.source]
        if source.kind == "leaf" or (source.grad_fn is not None and edge.output_nr < len(source.outputs)):
            found.append(edge)
    return found


def find(trace: Trace) -> list[Finding]:
    """One finding per cut; the worse ones are those that leave a parameter without any gradient."""
    found = []
    for edge in cut_edges(trace):
        source, target = trace.graph.nodes[edge.source], trace.graph.nodes[edge.target]
        above = computed_from(trace, source.id)
        lost = [leaf for leaf in trace.leaves() if leaf.id in above and trace.step_of(leaf) is None]
        how = "detach()" if edge.cut is not None and "detach" in edge.cut else "torch.no_grad()"
        others = "" if trace.step_of(source) is None else " Its gradient from other uses still arrives."
        found.append(
            Finding(
                kind="cut-path",
                severity="warning" if lost else "note",
                node_id=target.id,
                title=f"{how} cuts {called(source)} off from the loss at {located(target)}",
                reason=f"The loss depends on {called(source)} here, but no gradient flows back.{others}"
                + (f" Without any gradient: {names(lost)}." if lost else ""),
                cure=f"If the gradient is wanted, do without {how}; if not, all is well.",
                related=(source.id, *(leaf.id for leaf in lost)),
            )
        )
    return found
