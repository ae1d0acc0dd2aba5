"""Extremes, sums and zeros of a tensor in one pass over its memory, by a loop that LLVM compiles for this processor.

torch has no operation that takes more than two of these at once, and each pass over a large tensor costs as much as
reading it. Where llvmlite is missing, or the system forbids compiled code, `statistics` gives None and the caller goes
on with torch.
"""

from __future__ import annotations

import ctypes
import functools
import math
import mmap
import os
import sys
from string import Template
from typing import Any, NamedTuple

import torch

_TYPES = {torch.float32: "float", torch.float64: "double", torch.float16: "half", torch.bfloat16: "bfloat"}
DTYPES = frozenset(_TYPES)
"""The dtypes that `statistics` has a loop for."""

# One loop over the elements; LLVM turns it into vector instructions. Sums are taken in float64, so neither a long row
# nor the square of a large float32 loses anything. `nnan` on the comparisons leaves the extremes undefined where the
# tensor holds a NaN: the sum of squares is then NaN too, and they are not read. `reassoc` lets lanes be added up apart.
_LOOP = Template("""
define void @alone_$name(ptr noalias readonly %data, i64 %count, ptr noalias %out) {
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


# Every thread of an OpenMP team runs `share` on a part of its own. The team is the one that torch's operations use.
_SHARED = Template("""
define internal void @share_$name(ptr %job) {
  %data = load ptr, ptr %job
  %job.1 = getelementptr i64, ptr %job, i64 1
  %count = load i64, ptr %job.1
  %job.2 = getelementptr i64, ptr %job, i64 2
  %out = load ptr, ptr %job.2
  %number.32 = call i32 @omp_get_thread_num()
  %number = sext i32 %number.32 to i64
  %threads.32 = call i32 @omp_get_num_threads()
  %threads = sext i32 %threads.32 to i64
  %before = mul i64 %count, %number
  %begin = udiv i64 %before, %threads
  %number.next = add i64 %number, 1
  %until = mul i64 %count, %number.next
  %end = udiv i64 %until, %threads
  %size = sub i64 %end, %begin
  %part = getelementptr $type, ptr %data, i64 %begin
  %place = mul i64 %number, 5
  %results = getelementptr double, ptr %out, i64 %place
  call void @alone_$name(ptr %part, i64 %size, ptr %results)
  ret void
}

define void @shared_$name(ptr %data, i64 %count, ptr %out, i32 %threads) {
  %job = alloca [3 x i64]
  store ptr %data, ptr %job
  %job.1 = getelementptr i64, ptr %job, i64 1
  store i64 %count, ptr %job.1
  %job.2 = getelementptr i64, ptr %job, i64 2
  store ptr %out, ptr %job.2
  call void @GOMP_parallel(ptr @share_$name, ptr %job, i32 %threads, i32 0)
  ret void
}
""")


_TEAM = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
_TEAM_DECLARED = """
declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()
"""


class Pass(NamedTuple):
    """What one pass found. Where `squares` is not finite, there may be NaN or infinities, and the rest says nothing."""

    low: float
    high: float
    total: float
    squares: float
    zeros: int


def statistics(row: torch.Tensor) -> Pass | None:
    """Statistics of a contiguous tensor on the CPU with at least one element; None for a dtype that has no loop."""
    loop = _loop(row.dtype)
    if loop is None:
        return None
    count = row.numel()
    threads = torch.get_num_threads() if count >= SHARED_ELEMENTS else 1
    if threads == 1 or loop.shared is None:
        out = (ctypes.c_double * 5)()
        loop.alone(row.data_ptr(), count, out)
        low, high, total, squares, zeros = out
        return Pass(low, high, total, squares, int(zeros))
    out = (ctypes.c_double * (5 * threads))(*_NOTHING * threads)  # the team may turn out smaller
    loop.shared(row.data_ptr(), count, out, threads)
    return Pass(min(out[0::5]), max(out[1::5]), sum(out[2::5]), sum(out[3::5]), int(sum(out[4::5])))


SHARED_ELEMENTS = 1 << 20
"""From this size on the threads of torch share the work: for less, waking them costs more than they save."""

_NOTHING = (math.inf, -math.inf, 0.0, 0.0, 0.0)


class _Loop(NamedTuple):
    alone: Any
    shared: Any
    """None where torch does not run on an OpenMP that we know how to call."""
    engine: Any
    """Owns the compiled code."""


@functools.cache
def _loop(dtype: torch.dtype) -> _Loop | None:
    if dtype not in _TYPES:
        return None
    try:
        loop = _compile(_TYPES[dtype])
    except (ImportError, OSError, RuntimeError):
        return None
    _page_out("libllvmlite")
    return loop


def _page_out(library: str) -> None:
    """Give back the memory that a library's code takes; what is needed again comes back from its file by itself.

    LLVM is needed once, for a tenth of a second, and would hold 50 MB from then on.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            span, permissions, *_, name = line.split(maxsplit=5)
            if library in name and permissions == "r-xp":  # instructions: nobody has written to them
                begin, end = (int(number, 16) for number in span.split("-"))
                libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), ctypes.c_int(mmap.MADV_DONTNEED))


def _compile(type_name: str) -> _Loop:
    from llvmlite import binding as llvm  # type: ignore[import-untyped]  # it has no types

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    team = _openmp()
    texts = [_source(_LOOP, type_name)]
    if team is not None:
        for symbol in _TEAM:
            llvm.add_symbol(symbol, ctypes.cast(getattr(team, symbol), ctypes.c_void_p).value)
        texts += [_TEAM_DECLARED, _source(_SHARED, type_name)]
    module = llvm.parse_assembly("\n".join(texts))
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.loop_interleaving = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()

    def function(prefix: str, *more: Any) -> Any:
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(ctypes.c_double), *more)
        return kind(engine.get_function_address(f"{prefix}_{type_name}"))

    return _Loop(function("alone"), None if team is None else function("shared", ctypes.c_int32), engine)


def _openmp() -> ctypes.CDLL | None:
    """The OpenMP library that torch runs on, if it is GNU's: its threads are warm, and compete with no others."""
    try:
        return ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except (OSError, AttributeError):  # another system's, under another name
        return None


def _source(template: Template, type_name: str) -> str:
    wide = "double" if type_name == "double" else "float"
    to_double = "bitcast" if wide == "double" else "fpext"
    is_narrow = type_name in ("half", "bfloat")
    return template.substitute(
        name=type_name,
        type=type_name,
        wide=wide,
        to_double=to_double,
        widen_to_float=f"%x = {'fpext' if is_narrow else 'bitcast'} {type_name} %element to {wide}",
        widen_to_double=f"%d = {to_double} {wide} %x to double",
    )
