"""Finds places where detach() or no_grad() cut a tensor that needs a gradient off from the loss.

Torch's own code cuts too, on purpose (an embedding with max_norm, spectral_norm): that is told only where it leaves a
parameter without any gradient.
"""

from __future__ import annotations

from ..graph.model import Edge, Node, Source
from ..graph.trace import Trace
from .finding import Finding
from .words import called, computed_from, names, place, reaching_root, seen

_IN_TORCH = "cut inside torch: "
_CUTS = ("cut by detach", "cut: grad", _IN_TORCH)
_OVERWRITING = ("aten.copy_.", "aten.fill_.", "aten.zero_.", "aten.normal_.", "aten.uniform_.")


def cut_edges(trace: Trace) -> list[Edge]:
    """Edges on the way to the root at which detach() or no_grad() stopped the gradient of a differentiable tensor."""
    if not trace.backward or trace.error is not None:
        return []
    on_the_way = reaching_root(trace)
    found = []
    for edge in trace.graph.edges:
        if edge.cut is None or edge.target not in on_the_way or not edge.cut.startswith(_CUTS):
            continue
        if edge.arg == "self" and (trace.graph.nodes[edge.target].op or "").startswith(_OVERWRITING):
            continue  # none of the old values goes on
        if _updates_leaf(trace, edge.target):
            continue
        source = trace.graph.nodes[edge.source]
        if source.kind == "leaf" or (source.grad_fn is not None and edge.output_nr < len(source.outputs)):
            found.append(edge)
    return found


def find(trace: Trace) -> list[Finding]:
    """One finding per line that cuts; the worse ones are those that leave a parameter without any gradient."""
    trained = trained_here(trace)
    lines: dict[tuple[str, Source | int], list[Edge]] = {}
    for edge in cut_edges(trace):
        lines.setdefault((_how(edge), trace.graph.nodes[edge.target].source or edge.target), []).append(edge)
    found = []
    for (how, _), edges in lines.items():
        sources = list({edge.source: trace.graph.nodes[edge.source] for edge in edges}.values())
        above = set().union(*(computed_from(trace, source.id) for source in sources))
        lost = [leaf for leaf in without_gradient(trace) if leaf.id in above]
        if trained is not None and not any(leaf.id in trained for leaf in lost):
            # It costs no leaf that an optimizer of this step trains its gradient: a frozen target network, an
            # adversary, a stop-gradient inside a loss.
            continue
        if not lost and all((edge.cut or "").startswith(_IN_TORCH) for edge in edges):
            continue
        found.append(_finding(trace, how, trace.graph.nodes[edges[0].target], sources, lost))
    return found


def _how(edge: Edge) -> str:
    """What cuts: "detach()", "torch.no_grad()", or the function of torch's that does it inside."""
    cut = edge.cut or ""
    if cut.startswith(_IN_TORCH):
        return cut.removeprefix(_IN_TORCH).partition(" ")[0]
    return "detach()" if "detach" in cut else "torch.no_grad()"


def _updates_leaf(trace: Trace, target: int) -> bool:
    """Whether an operation writes into a leaf: an update by hand, say. The leaf's gradient is its own all the same."""
    label = trace.graph.nodes[target].label
    written = next((edge.source for edge in trace.graph.incoming(target) if edge.arg == "self"), None)
    return label.endswith("_") and written is not None and trace.graph.nodes[written].kind == "leaf"


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


def without_gradient(trace: Trace) -> list[Node]:
    """Leaves that the backward pass did not reach, without those that only the body of a custom Function knows."""
    return [leaf for leaf in trace.leaves() if trace.step_of(leaf) is None and not _is_private(trace, leaf)]


def _is_private(trace: Trace, leaf: Node) -> bool:
    """Whether a custom Function made the leaf for itself, to differentiate something in its own forward(), say."""
    scope, nodes = leaf.scope, trace.graph.nodes
    if not scope or not scope[-1].partition("@")[0].endswith(".apply"):
        return False
    return all(nodes[edge.target].scope[: len(scope)] == scope for edge in trace.graph.outgoing(leaf))


def trained_here(trace: Trace) -> set[int] | None:
    """Leaves of the optimizers that train any leaf which the gradient reached; None where no optimizer is known."""
    optimizers = [set(observation.nodes) for observation in seen(trace, "optimizer")]
    if not optimizers:
        return None
    reached = {leaf.id for leaf in trace.leaves() if trace.step_of(leaf) is not None}
    return set().union(*(held for held in optimizers if held & reached))
