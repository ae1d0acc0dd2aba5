"""Models saved by `torch.export.save`, run on the inputs that they were exported with, or on random ones like them."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import TargetError
from .program import BuiltCall, CallableProgram

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def exported_program(target: str, path: Path) -> CallableProgram:
    """The program in a .pt2 file; it is read when it is built."""

    def make() -> BuiltCall:
        exported = _load(path)
        example = exported.example_inputs
        args, kwargs = example if example is not None else (_random_inputs(exported), {})
        return exported.module(), tuple(args), dict(kwargs)

    return CallableProgram(target, path.name, make, {})


def _load(path: Path) -> ExportedProgram:
    import torch

    if not zipfile.is_zipfile(path):  # torch would write to stderr what it tried with it
        raise TargetError(f"{path} cannot be read as a model saved by torch.export.save: it is not even an archive.")
    log = logging.getLogger("torch.export")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        return torch.export.load(path)
    except Exception as error:  # a damaged archive fails in many ways, and all of them mean the same
        raise TargetError(
            f"{path} cannot be read as a model saved by torch.export.save "
            f"(with torch {torch.__version__}): {type(error).__name__}: {str(error)[:300]}"
        ) from error
    finally:
        log.setLevel(level)


def _random_inputs(exported: ExportedProgram) -> tuple[Any, ...]:
    import torch

    wanted = set(exported.graph_signature.user_inputs)
    made = []
    for node in exported.graph.nodes:
        if node.op != "placeholder" or node.name not in wanted:
            continue
        value = node.meta.get("val")
        if not isinstance(value, torch.Tensor):
            raise TargetError(
                f"The exported model takes {node.name!r}, which is not a tensor, and the file has no example inputs. "
                "Export it with torch.export.export(model, example_inputs) by a newer torch."
            )
        shape = [_size(size) for size in value.shape]
        if value.dtype.is_floating_point or value.dtype.is_complex:
            made.append(torch.randn(shape, dtype=value.dtype))
        else:
            made.append(torch.randint(0, 2, shape).to(value.dtype))
    return tuple(made)


def _size(size: Any) -> int:
    """A dimension's size; of a dynamic one, the size that it was exported with, or 2."""
    if isinstance(size, int):
        return size
    hint = getattr(size.node, "hint", None)
    return int(hint) if hint is not None else 2
