"""Which nodes belong to which line of which file, and what a line has to say at one position. No widgets."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

from engine.graph.model import Node, TensorInfo
from engine.graph.stepper import Stepper
from engine.graph.trace import Trace

from ..widgets.tensor_view import number_text
from .naming import node_title


class LineFact(NamedTuple):
    """A node as a tooltip names it, with its value and, once it is known, its gradient."""

    name: str
    value: str
    gradient: str


class CodeLines:
    """The nodes of a trace by file and line.

    Parameters
    ----------
    trace : its nodes' sources are read once.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._nodes: dict[str, dict[int, list[int]]] = {}
        self._results: dict[tuple[str, int], Node | None] = {}
        self._runs: dict[tuple[str, int], dict[tuple[str, str | None], list[int]]] = {}
        self._moments: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for node in trace.graph.nodes:
            if node.source is not None:
                self._nodes.setdefault(node.source.file, {}).setdefault(node.source.line, []).append(node.id)

    def main_file(self, files: list[str]) -> str | None:
        """The file of which most nodes come, of those that are known; else the first."""
        counts = Counter({file: sum(map(len, lines.values())) for file, lines in self._nodes.items() if file in files})
        return counts.most_common(1)[0][0] if counts else next(iter(files), None)

    def lines(self, file: str) -> list[int]:
        """The lines of a file that have nodes."""
        return sorted(self._nodes.get(file, {}))

    def nodes(self, file: str, line: int) -> list[Node]:
        """Nodes of a line in the order in which they ran."""
        return [self.trace.graph.nodes[index] for index in self._nodes.get(file, {}).get(line, [])]

    def place(self, node_id: int) -> tuple[str, int] | None:
        """File and line of a node; of its first consumer where it has none of its own (a leaf made elsewhere)."""
        node = self.trace.graph.nodes[node_id]
        if node.source is not None:
            return node.source.file, node.source.line
        for edge in self.trace.graph.outgoing(node_id):
            source = self.trace.graph.nodes[edge.target].source
            if source is not None:
                return source.file, source.line
        return None

    def result(self, file: str, line: int) -> Node | None:
        """The node that a line is about: its last named operation, else its last operation, else its last node."""
        if (file, line) not in self._results:
            self._results[file, line] = self._find_result(file, line)
        return self._results[file, line]

    def _find_result(self, file: str, line: int) -> Node | None:
        nodes = self.nodes(file, line)
        ops = [node for node in nodes if node.kind == "op"]
        named = [node for node in ops if node.name is not None]
        ordered = named or ops or nodes
        return ordered[-1] if ordered else None

    def runs(self, node: Node) -> list[int]:
        """Ids of the nodes that the same operation of the same line made, each time it ran, this one included."""
        if node.source is None:
            return [node.id]
        place = node.source.file, node.source.line
        if place not in self._runs:
            groups = self._runs[place] = {}
            for other in self.nodes(*place):
                groups.setdefault((other.label, other.name), []).append(other.id)
        return self._runs[place][node.label, node.name]

    def latest(self, file: str, line: int, stepper: Stepper) -> Node | None:
        """The result of a line as the cursor sees it: of a line that ran many times, the run that it came to last."""
        result = self.result(file, line)
        if result is None or len(self.runs(result)) < 2:
            return result
        if (file, line) not in self._moments:
            steps = [(step.index, step.node.id) for step in map(self.trace.step_of, self.runs(result)) if step]
            self._moments[file, line] = sorted(steps)
        moments = self._moments[file, line]
        place = bisect_left(moments, (max(stepper.position, 0), -1))
        return self.trace.graph.nodes[moments[place - 1][1]] if place else result

    def margin(self, file: str, stepper: Stepper) -> dict[int, str]:
        """The gradient to print beside each line, for the lines whose result's gradient is known."""
        found = {}
        for line in self._nodes.get(file, {}):
            node = self.latest(file, line, stepper)
            info = None if node is None else self.gradient(node, stepper)
            if info is not None:
                found[line] = number_text(info)
        return found

    def updates(self, file: str, stepper: Stepper) -> dict[int, str]:
        """What to print beside the lines that made leaves, once an optimizer has changed them: the new values."""
        if stepper.position <= stepper.length:
            return {}
        found = {}
        for line in self._nodes.get(file, {}):
            node = self.result(file, line)
            info = None if node is None or not stepper.updates(node) else stepper.value(node)
            if info is not None:
                found[line] = f"→ {number_text(info)}"
        return found

    def gradient(self, node: Node, stepper: Stepper) -> TensorInfo | None:
        """The gradient of a node's first output that has one, if the cursor has come that far."""
        if not stepper.has_gradient(node):
            return None
        step = self.trace.step_of(node)
        return None if step is None else next((info for info in step.grad_outputs if info is not None), None)

    def facts(self, nodes: list[Node], stepper: Stepper) -> list[LineFact]:
        """What a tooltip says about `nodes`."""
        found = []
        for node in nodes:
            gradient = self.gradient(node, stepper)
            value = number_text(node.outputs[0]) if node.outputs else ""
            if stepper.updates(node):
                now = stepper.value(node)
                value = f"{value} → {'?' if now is None else number_text(now)}"
            found.append(LineFact(node_title(node), value, "" if gradient is None else number_text(gradient)))
        return found

    def variable(self, name: str, file: str, line: int) -> Node | None:
        """The node that a variable's name means on a line: its last definition up to there, else its first."""
        best: Node | None = None
        for node in self.trace.graph.nodes:
            if node.name != name:
                continue
            is_earlier = node.source is None or (node.source.file == file and node.source.line <= line)
            if is_earlier or best is None:
                best = node
        return best
