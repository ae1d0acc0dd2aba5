"""Extremes, sums and zeros of a tensor in one pass over its memory, by a loop that LLVM compiles for this processor.

torch has no operation that takes more than two of these at once, and each pass over a large tensor costs as much as
reading it. Where llvmlite is missing, or the system forbids compiled code, `statistics` gives None and the caller goes
on with torch.
"""

from __future__ import annotations

import ctypes
import functools
from string import Template
from typing import Any, NamedTuple

import torch

_TYPES = {torch.float32: "float", torch.float64: "double", torch.float16: "half", torch.bfloat16: "bfloat"}

# One loop over the elements; LLVM turns it into vector instructions. Sums are taken in float64, so neither a long row
# nor the square of a large float32 loses anything. `nnan` on the comparisons leaves the extremes undefined where the
# tensor holds a NaN: the sum of squares is then NaN too, and they are not read. `reassoc` lets lanes be added up apart.
_LOOP = Template("""
define void @$name(ptr noalias readonly %data, i64 %count, ptr noalias %out) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%i.next, %loop]
  %low = phi $wide [0x7FF0000000000000, %entry], [%low.next, %loop]
  %high = phi $wide [0xFFF0000000000000, %entry], [%high.next, %loop]
  %sum = phi double [0.0, %entry], [%sum.next, %loop]
  %squares = phi double [0.0, %entry], [%squares.next, %loop]
  %zeros = phi i64 [0, %entry], [%zeros.next, %loop]
  %place = getelementptr inbounds $type, ptr %data, i64 %i
  %element = load $type, ptr %place
  $widen_to_float
  %is_lower = fcmp nnan nsz olt $wide %x, %low
  %low.next = select nnan nsz i1 %is_lower, $wide %x, $wide %low
  %is_higher = fcmp nnan nsz ogt $wide %x, %high
  %high.next = select nnan nsz i1 %is_higher, $wide %x, $wide %high
  $widen_to_double
  %sum.next = fadd reassoc contract double %sum, %d
  %square = fmul contract double %d, %d
  %squares.next = fadd reassoc contract double %squares, %square
  %is_zero = fcmp oeq $wide %x, 0.0
  %one = zext i1 %is_zero to i64
  %zeros.next = add i64 %zeros, %one
  %i.next = add nuw nsw i64 %i, 1
  %is_last = icmp eq i64 %i.next, %count
  br i1 %is_last, label %end, label %loop
end:
  %low.d = $to_double $wide %low.next to double
  %high.d = $to_double $wide %high.next to double
  %zeros.d = uitofp i64 %zeros.next to double
  store double %low.d, ptr %out
  %out.1 = getelementptr double, ptr %out, i64 1
  store double %high.d, ptr %out.1
  %out.2 = getelementptr double, ptr %out, i64 2
  store double %sum.next, ptr %out.2
  %out.3 = getelementptr double, ptr %out, i64 3
  store double %squares.next, ptr %out.3
  %out.4 = getelementptr double, ptr %out, i64 4
  store double %zeros.d, ptr %out.4
  ret void
}
""")


class Pass(NamedTuple):
    """What one pass found. Where `squares` is not finite, there may be NaN or infinities, and the rest says nothing."""

    low: float
    high: float
    total: float
    squares: float
    zeros: int


def statistics(row: torch.Tensor) -> Pass | None:
    """Statistics of a contiguous tensor on the CPU with at least one element; None for a dtype that has no loop."""
    loops = _loops()
    loop = None if loops is None else loops.functions.get(row.dtype)
    if loop is None:
        return None
    out = _Results()
    loop(row.data_ptr(), row.numel(), out)
    low, high, total, squares, zeros = out
    return Pass(low, high, total, squares, int(zeros))


_Results = ctypes.c_double * 5


class _Loops(NamedTuple):
    functions: dict[torch.dtype, Any]
    engine: Any
    """Owns the compiled code."""


@functools.cache
def _loops() -> _Loops | None:
    try:
        return _compile()
    except (ImportError, OSError, RuntimeError):
        return None


def _compile() -> _Loops:
    from llvmlite import binding as llvm  # type: ignore[import-untyped]  # it has no types

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    module = llvm.parse_assembly("\n".join(_source(type_name) for type_name in _TYPES.values()))
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.loop_interleaving = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    prototype = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(ctypes.c_double))
    functions = {
        dtype: prototype(engine.get_function_address(f"statistics_{type_name}")) for dtype, type_name in _TYPES.items()
    }
    return _Loops(functions, engine)


def _source(type_name: str) -> str:
    wide = "double" if type_name == "double" else "float"
    to_double = "bitcast" if wide == "double" else "fpext"
    is_narrow = type_name in ("half", "bfloat")
    return _LOOP.substitute(
        name=f"statistics_{type_name}",
        type=type_name,
        wide=wide,
        to_double=to_double,
        widen_to_float=f"%x = {'fpext' if is_narrow else 'bitcast'} {type_name} %element to {wide}",
        widen_to_double=f"%d = {to_double} {wide} %x to double",
    )
