"""Writes derivatives.json, the compact table of every derivative formula that ships with the installed torch.

Run it as `python -m engine.rules.generate` after a change of the torch version. Reading torch's own table takes
seconds and needs PyYAML, so the application reads the result instead.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from .derivatives import TABLE_NAME, Derivative, DerivativeTable
from .readable import readable


def argument_order(schema: str) -> list[str]:
    """Names of a schema's arguments, in order: "add(Tensor self, Scalar alpha=1) -> Tensor" gives self, alpha."""
    inside = schema.split("(", 1)[1].rsplit(" -> ", 1)[0]
    words = (part.strip().split("=")[0].split() for part in inside.split(","))
    return [found[-1].rstrip(")") for found in words if found]


def collect() -> DerivativeTable:
    """Read the formulas of every autograd node from the packaged tables of the installed torch."""
    torchgen = import_module("torchgen")
    loader: Any = import_module("torchgen.packaged.autograd.load_derivatives")
    packaged = Path(torchgen.__path__[0]) / "packaged"
    native = packaged / "ATen" / "native"
    loaded = loader.load_derivatives(
        str(packaged / "autograd" / "derivatives.yaml"),
        str(native / "native_functions.yaml"),
        str(native / "tags.yaml"),
    )
    nodes: dict[str, Derivative] = {}
    for by_dispatch in loaded[0].values():
        for info in by_dispatch.values():
            if not info.op or info.op in nodes:
                continue
            schema = str(info.func.func)
            order = {name: place for place, name in enumerate(argument_order(schema))}
            formulas = sorted(info.derivatives, key=lambda d: order.get(d.var_names[0], len(order)))
            nodes[info.op] = Derivative(
                schema=schema,
                gradients=[(", ".join(d.var_names), readable(d.original_formula)) for d in formulas],
            )
    return DerivativeTable(torch=version("torch").split("+")[0], nodes=dict(sorted(nodes.items())))


def main() -> int:
    """Write the table beside this module and say how many nodes it holds."""
    try:
        table = collect()
    except ModuleNotFoundError as error:
        advice = "Install PyYAML into this environment and try again."
        print(f"The table cannot be made: {error}. {advice}", file=sys.stderr)
        return 3
    path = Path(__file__).with_name(TABLE_NAME)
    path.write_bytes(msgspec.json.encode(table) + b"\n")
    print(f"{path}: {len(table.nodes)} autograd nodes of torch {table.torch}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
