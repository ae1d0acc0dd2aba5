"""How many parameters a module holds."""

from __future__ import annotations

from torch import nn
from torch.nn.parameter import is_lazy


class ParameterCounts:
    """Elements of all parameters of a module and of those inside it; what is shared is counted once.

    One walk counts for every module of a tree. Only where something is shared does each module take a walk of its own.
    """

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def of(self, module: nn.Module) -> int:
        """The count for a module that stays alive as long as this object is asked."""
        if id(module) not in self._known:
            self._learn(module)
        return self._known[id(module)]

    def _learn(self, top: nn.Module) -> None:
        holders, parents, counts = [top], [0], []
        visited = {id(top)}
        sizes: dict[int, int] = {}
        listed = 0
        is_tree = True
        for number, holder in enumerate(holders):  # it grows on the way
            own = {
                id(parameter): 0 if is_lazy(parameter) else parameter.numel()
                for parameter in holder._parameters.values()
                if parameter is not None
            }
            listed += len(own)
            sizes.update(own)
            counts.append(sum(own.values()))
            for child in holder._modules.values():
                if child is None:
                    continue
                if id(child) in visited:
                    is_tree = False
                    continue
                visited.add(id(child))
                holders.append(child)
                parents.append(number)
        if not is_tree or listed != len(sizes):
            self._known[id(top)] = sum(sizes.values())
            return
        for number in range(len(holders) - 1, -1, -1):
            self._known[id(holders[number])] = counts[number]
            if number:
                counts[parents[number]] += counts[number]
