"""Which calls of nn.Modules and of custom autograd Functions are running."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection, Iterator
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from ..graph.model import Scope, ScopePath, Source
from .bindings import binding_of
from .faults import fault_note
from .frames import Stacks, function_frames, locals_of, user_frame, variable_named
from .parameter_counts import ParameterCounts

_COMPILED = "_orig_mod"
"""Name under which a module that torch.compile has wrapped holds the module itself."""


class FunctionCall(NamedTuple):
    """One call of a custom `torch.autograd.Function`: where the program makes it, and what it calls the results."""

    function: Any
    path: ScopePath
    caller: FrameType | None
    stack: tuple[Source, ...]
    names: tuple[str | None, ...]
    outer: FunctionCall | None


class _Call:
    """One running call of a module or custom Function: its path, and how often each child was called in it so far."""

    __slots__ = ("children", "frame", "function", "module", "path", "serial")

    def __init__(self, module: nn.Module | None, path: ScopePath, serial: int) -> None:
        self.module = module
        self.path = path
        self.serial = serial
        self.children: dict[str, int] = {}
        self.frame: FrameType | None = None
        self.function: FunctionCall | None = None
        """The innermost call of a custom Function around this one."""

    def path_of(self, name: str) -> ScopePath:
        """The path of a new call in this one; a name that was called before gets a number."""
        count = self.children.get(name, 0) + 1
        self.children[name] = count
        return (*self.path, name if count == 1 else f"{name}@{count}")


class ScopeStack:
    """The stack of running calls. `root` is the traced module itself, whose call is the top and has no name.

    Module calls are seen through PyTorch's global module hooks. Calls of custom Functions have no hooks: they are found
    in the interpreter's own stack (`follow_functions`).
    """

    def __init__(self, root: nn.Module | None = None) -> None:
        self._called: dict[ScopePath, nn.Module | Scope] = {}
        """Every call so far: of which module, or else what the graph shows for it."""
        self.parameter_names: dict[int, str] = {}
        """Qualified name of each parameter of every module called at the top, by identity."""
        self.buffer_names: dict[int, str] = {}
        self.path: ScopePath = ()
        """The path of the innermost running call."""
        self.function: FunctionCall | None = None
        """The innermost running call of a custom Function."""
        self.outside: FrameType | None = None
        """The frame of whoever traces the program: its variables are none of the program's."""
        self.notes: set[str] = set()
        self._stacks = Stacks()
        self._root = root
        self._calls = [_Call(None, (), 0)]
        self._serial = 0
        self._thread = 0
        self._names: dict[int, dict[int, str]] = {}
        self._handles: list[RemovableHandle] = []
        self._adopted: list[nn.Module] = []
        if root is not None:
            self._adopt(root, "")

    @property
    def serial(self) -> int:
        """A number that differs between any two module calls."""
        return self._calls[-1].serial

    @property
    def is_empty(self) -> bool:
        return len(self._calls) == 1

    def stack_at(self, frame: FrameType | None) -> tuple[Source, ...]:
        """The program's calls at or above `frame`, the innermost first."""
        return self._stacks.at(frame, self.outside)

    def start(self) -> None:
        self._thread = threading.get_ident()
        self._handles = [
            torch.nn.modules.module.register_module_forward_pre_hook(self._on_module_entered),
            torch.nn.modules.module.register_module_forward_hook(self._on_module_left, always_call=True),
        ]

    def stop(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._stacks.forget()
        self._leave(1)

    def restart(self, path: ScopePath) -> None:
        """Put the calls that follow under `path` instead of the top."""
        self._leave(1)
        self._serial += 1
        self._called.setdefault(path, Scope(path=path, module="recomputed in the backward pass"))
        self._enter(_Call(self._root, path, self._serial))

    def follow_functions(self, frame: FrameType) -> None:
        """Learn which custom Functions are being called at `frame`.

        Needed where gradients are off, as they are in such a call, and as long as `function` is not None.
        """
        running = function_frames(frame)
        depth = 0
        for index, call in enumerate(self._calls):
            if call.frame is None:
                continue
            if depth == len(running) or call.frame is not running[depth]:
                self._leave(index)
                break
            depth += 1
        for entered in running[depth:]:
            self._enter_function(entered)

    def _enter(self, call: _Call) -> None:
        self._calls.append(call)
        self.path, self.function = call.path, call.function

    def _leave(self, index: int) -> None:
        del self._calls[index:]
        self.path, self.function = self._calls[-1].path, self._calls[-1].function

    def _enter_function(self, frame: FrameType) -> None:
        parent = self._calls[-1]
        function = locals_of(frame).get("cls")
        name = getattr(function, "__qualname__", "Function").rpartition("<locals>.")[2]
        caller = user_frame(frame.f_back)
        binding = None if caller is self.outside else binding_of(caller)
        self._serial += 1
        call = _Call(parent.module, parent.path_of(f"{name}.apply"), self._serial)
        call.frame = frame
        names = () if binding is None else binding.names
        call.function = FunctionCall(function, call.path, caller, self.stack_at(caller), names, parent.function)
        self._called[call.path] = Scope(path=call.path, module=name)
        self._enter(call)

    def scopes(self, paths: Collection[ScopePath]) -> dict[ScopePath, Scope]:
        """What the graph shows for those calls, in the order in which they were made."""
        counts = ParameterCounts()
        return {
            path: called
            if isinstance(called, Scope)
            else Scope(path=path, module=type(called).__name__, parameters=counts.of(called))
            for path, called in self._called.items()
            if path in paths
        }

    def release(self) -> None:
        """Forget the program's modules."""
        self._called.clear()
        self._adopted.clear()
        self._names.clear()
        self._root = None
        self.outside = None

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters of every module that was called at the top, each once."""
        seen: set[int] = set()
        for module in self._adopted:
            for parameter in module.parameters():
                if id(parameter) in self.parameter_names and id(parameter) not in seen:
                    seen.add(id(parameter))
                    if not nn.parameter.is_lazy(parameter):
                        yield parameter

    def _is_elsewhere(self) -> bool:
        """Whether this thread is none of the program's that is recorded, whose operations are not seen either.

        A backward pass on an accelerator computes again what a checkpoint left out in a thread of autograd's.
        """
        return threading.get_ident() != self._thread and torch._C._current_autograd_node() is None

    def _on_module_entered(self, module: nn.Module, _inputs: Any) -> None:
        if self._is_elsewhere():
            return
        try:
            with torch._C.DisableTorchFunction():  # a mode of the program's would see what is looked at here
                self._enter_module(module)
        except Exception as error:  # noqa: BLE001 - whatever fails here must not end the program's own call
            self.notes.add(fault_note(f"A call of the module {type(module).__name__}", error))

    def _enter_module(self, module: nn.Module) -> None:
        if self.function is not None or not torch.is_grad_enabled():
            self.follow_functions(sys._getframe(2))
        parent = self._calls[-1]
        self._serial += 1
        if module is self._root and len(self._calls) == 1:
            self._enter(_Call(module, (), self._serial))
            return
        name = self._relative_name(parent, module)
        note = module_hook_note(module, name)
        if note is not None:
            self.notes.add(note)
        path = parent.path_of(name)
        self._called.setdefault(path, module)
        call = _Call(module, path, self._serial)
        call.function = parent.function
        self._enter(call)

    def _on_module_left(self, module: nn.Module, _inputs: Any, _output: Any) -> None:
        if self._is_elsewhere():
            return
        # A call that raised below may have left calls above ours: drop those too.
        for index in range(len(self._calls) - 1, 0, -1):
            if self._calls[index].module is module:
                self._leave(index)
                return

    def _relative_name(self, parent: _Call, module: nn.Module) -> str:
        if parent.module is None:
            name = variable_named(user_frame(sys._getframe(3)), module) or type(module).__name__
            self._adopt(module, name)
            return name
        names = self._names.get(id(parent.module))
        if names is None or id(module) not in names:
            # Most calls are those of a direct child; looking at the whole subtree of every module takes its time.
            names = {id(child): _shown(name) for name, child in parent.module.named_children()}
            if id(module) not in names:
                names = {id(child): _shown(name) for name, child in parent.module.named_modules() if name}
            self._names[id(parent.module)] = names
            self._adopted.append(parent.module)
        if id(module) not in names:  # a module that another one calls without holding it
            names[id(module)] = variable_named(user_frame(sys._getframe(3)), module) or type(module).__name__
            self._adopt(module, names[id(module)])
        return names[id(module)]

    def _adopt(self, module: nn.Module, name: str) -> None:
        """Learn the names of a top module's parameters and buffers."""
        self.learn_names(module, name)
        self._adopted.append(module)

    def learn_names(self, module: nn.Module, name: str) -> None:
        """Learn what a module calls its parameters and buffers; a name that is taken gets the module's in front."""
        taken = set(self.parameter_names.values()), set(self.buffer_names.values())
        for prefix, part in module.named_modules():
            for held, names, used in (
                (part._parameters, self.parameter_names, taken[0]),
                (part._buffers, self.buffer_names, taken[1]),
            ):
                for short, tensor in held.items():
                    if tensor is not None and id(tensor) not in names:
                        key = _shown(f"{prefix}.{short}" if prefix else short)
                        names[id(tensor)] = f"{name}.{key}" if key in used else key


def _shown(name: str) -> str:
    """A module's or parameter's name as the program's author knows it: without the wrapper of torch.compile."""
    return ".".join(part for part in name.split(".") if part != _COMPILED) if _COMPILED in name else name


def module_hook_note(module: nn.Module, name: str) -> str | None:
    """What to say of a module that has full backward hooks."""
    if not module._backward_hooks and not module._backward_pre_hooks:
        return None
    return (
        f"The module {name or type(module).__name__} has backward hooks, which may change gradients: they run where "
        "the graph shows a BackwardHookFunctionBackward, which receives what is from before them."
    )
