"""Which nn.Module calls are running, seen through PyTorch's global module hooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from ..graph.model import Scope, ScopePath
from .frames import user_frame, variable_named


class _Call:
    """One running module call: its path, and how often each child was called in it so far."""

    __slots__ = ("children", "module", "path", "serial")

    def __init__(self, module: nn.Module | None, path: ScopePath, serial: int) -> None:
        self.module = module
        self.path = path
        self.serial = serial
        self.children: dict[str, int] = {}


class ScopeStack:
    """The stack of running module calls. `root` is the traced module itself, whose call is the top and has no name."""

    def __init__(self, root: nn.Module | None = None) -> None:
        self.scopes: dict[ScopePath, Scope] = {}
        self.parameter_names: dict[int, str] = {}
        """Qualified name of each parameter of every module called at the top, by identity."""
        self.buffer_names: dict[int, str] = {}
        self._root = root
        self._calls = [_Call(None, (), 0)]
        self._serial = 0
        self._names: dict[int, dict[int, str]] = {}
        self._handles: list[RemovableHandle] = []
        self._adopted: list[nn.Module] = []
        if root is not None:
            self._adopt(root, "")

    @property
    def path(self) -> ScopePath:
        return self._calls[-1].path

    @property
    def serial(self) -> int:
        """A number that differs between any two module calls."""
        return self._calls[-1].serial

    @property
    def is_empty(self) -> bool:
        return len(self._calls) == 1

    def start(self) -> None:
        self._handles = [
            torch.nn.modules.module.register_module_forward_pre_hook(self._on_module_entered),
            torch.nn.modules.module.register_module_forward_hook(self._on_module_left, always_call=True),
        ]

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        del self._calls[1:]

    def release(self) -> None:
        """Forget the program's modules."""
        self._adopted.clear()
        self._names.clear()
        self._root = None

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters of every module that was called at the top, each once."""
        seen: set[int] = set()
        for module in self._adopted:
            for parameter in module.parameters():
                if id(parameter) in self.parameter_names and id(parameter) not in seen:
                    seen.add(id(parameter))
                    if not nn.parameter.is_lazy(parameter):
                        yield parameter

    def _on_module_entered(self, module: nn.Module, _inputs: Any) -> None:
        parent = self._calls[-1]
        self._serial += 1
        if module is self._root and len(self._calls) == 1:
            self._calls.append(_Call(module, (), self._serial))
            return
        name = self._relative_name(parent, module)
        count = parent.children.get(name, 0) + 1
        parent.children[name] = count
        path = (*parent.path, name if count == 1 else f"{name}@{count}")
        if path not in self.scopes:
            parameters = sum(p.numel() for p in module.parameters() if not nn.parameter.is_lazy(p))
            self.scopes[path] = Scope(path=path, module=type(module).__name__, parameters=parameters)
        self._calls.append(_Call(module, path, self._serial))

    def _on_module_left(self, module: nn.Module, _inputs: Any, _output: Any) -> None:
        # A call that raised below may have left calls above ours: drop those too.
        for index in range(len(self._calls) - 1, 0, -1):
            if self._calls[index].module is module:
                del self._calls[index:]
                return

    def _relative_name(self, parent: _Call, module: nn.Module) -> str:
        if parent.module is None:
            name = variable_named(user_frame(sys._getframe(2)), module) or type(module).__name__
            self._adopt(module, name)
            return name
        names = self._names.get(id(parent.module))
        if names is None or id(module) not in names:
            names = {id(child): name for name, child in parent.module.named_modules() if name}
            self._names[id(parent.module)] = names
            self._adopted.append(parent.module)
        return names.get(id(module), type(module).__name__)

    def _adopt(self, module: nn.Module, name: str) -> None:
        """Learn the names of a top module's parameters and buffers; a name that is taken gets the module's in front."""
        for names, found in (
            (self.parameter_names, module.named_parameters()),
            (self.buffer_names, module.named_buffers()),
        ):
            taken = set(names.values())
            for key, tensor in found:
                names.setdefault(id(tensor), f"{name}.{key}" if key in taken else key)
        self._adopted.append(module)
