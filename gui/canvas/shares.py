"""How wide a gradient's line is where a tensor has several consumers: the share of each contribution in the sum."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.graph.drawing import Link
from engine.graph.model import Edge
from engine.graph.trace import Trace

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_WIDTH, MOST_WIDTH = 1.0, 5.0
_UNKNOWN = -1.0


def shares_of(trace: Trace, node: int, output: int) -> list[tuple[Edge, float]]:
    """Each consumer's part in the gradient of an output, by norm; empty unless there are several that can be told."""
    found = trace.contributions(node, output)
    if len(found) < 2:
        return []
    norms = [info.summary.norm if info.summary is not None else math.nan for _, info in found]
    total = sum(norms)
    if not math.isfinite(total) or total <= 0:
        return []
    return [(edge, norm / total) for (edge, _), norm in zip(found, norms, strict=True)]


class Shares:
    """Shares and widths of the links of one drawing; each is computed when it is first asked for."""

    def __init__(self, trace: Trace, links: Sequence[Link]) -> None:
        self._trace = trace
        self._links = links
        self._known = np.full(len(links), _UNKNOWN)
        self._of_output: dict[tuple[int, int], list[tuple[Edge, float]]] = {}

    def of(self, link: int) -> float | None:
        """The share of what comes back along a link; None where nothing is shared or known."""
        share = float(self._shares(np.array([link]))[0])
        return None if math.isnan(share) else share

    def widths(self, links: Ints, default: float) -> Floats:
        """Width of each link's way back in scene units; `default` where nothing is shared."""
        shares = self._shares(links)
        widths: Floats = np.where(np.isnan(shares), default, LEAST_WIDTH + (MOST_WIDTH - LEAST_WIDTH) * shares)
        return widths

    def _shares(self, links: Ints) -> Floats:
        for link in links[self._known[links] == _UNKNOWN].tolist():
            self._known[link] = self._compute(link)
        found: Floats = self._known[links]
        return found

    def _compute(self, link: int) -> float:
        """The largest share of any tensor that the link stands for; what goes to one box twice is added up."""
        edges = [self._trace.graph.edges[index] for index in self._links[link].edges]
        largest = math.nan
        for key in dict.fromkeys((edge.source, edge.output_nr) for edge in edges):
            if key not in self._of_output:
                self._of_output[key] = shares_of(self._trace, *key)
            every = self._of_output[key]
            mine = [share for other, share in every if any(other is edge for edge in edges)]
            if mine and len(mine) < len(every):  # where everything comes back along one link, nothing is shared
                largest = max(sum(mine), 0.0 if math.isnan(largest) else largest)
        return min(largest, 1.0)
