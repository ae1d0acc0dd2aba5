"""The loops behind `single_pass`: their text for LLVM, and how it becomes code for this processor."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from string import Template
from typing import Any, NamedTuple

from ..graph.summary import BINS

# Two loops over the elements: sixteen at a time, then those that are left. The vectors are written out, since LLVM
# would choose narrow ones because of the float64 among them, and be slower than memory is. The prefetch asks for the
# page after this one, before which the processor's own stops. Sums are taken in float64, so neither a long row nor the
# square of a large float32 loses anything. `nnan` on the comparisons leaves the extremes undefined where the tensor
# holds a NaN: the sum of squares is then NaN too, and they are not read. `reassoc` lets lanes be added up apart.
_ALONE = """
declare $wide @llvm.vector.reduce.fmin.v16$short($wides)
declare $wide @llvm.vector.reduce.fmax.v16$short($wides)
declare double @llvm.vector.reduce.fadd.v16f64(double, <16 x double>)
declare i64 @llvm.vector.reduce.add.v16i64(<16 x i64>)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

define void @alone_$name(ptr noalias readonly %data, i64 %count, ptr noalias %out) #0 {
entry:
  %in.vectors = and i64 %count, -16
  %has.vectors = icmp ne i64 %in.vectors, 0
  br i1 %has.vectors, label %vector, label %tail
vector:
  %v = phi i64 [0, %entry], [%v.next, %vector]
  %lows = phi $wides [$infinities, %entry], [%lows.next, %vector]
  %highs = phi $wides [$negative_infinities, %entry], [%highs.next, %vector]
  %sums = phi <16 x double> [zeroinitializer, %entry], [%sums.next, %vector]
  %squares.v = phi <16 x double> [zeroinitializer, %entry], [%squares.v.next, %vector]
  %zeros.v = phi <16 x i32> [zeroinitializer, %entry], [%zeros.v.next, %vector]
  %v.place = getelementptr inbounds $type, ptr %data, i64 %v
  %elements = load <16 x $type>, ptr %v.place, align $align
  %ahead = getelementptr i8, ptr %v.place, i64 4096
  call void @llvm.prefetch.p0(ptr %ahead, i32 0, i32 3, i32 1)
  $widen_all_to_float
  %are_lower = fcmp nnan nsz olt $wides %xs, %lows
  %lows.next = select nnan nsz <16 x i1> %are_lower, $wides %xs, $wides %lows
  %are_higher = fcmp nnan nsz ogt $wides %xs, %highs
  %highs.next = select nnan nsz <16 x i1> %are_higher, $wides %xs, $wides %highs
  $widen_all_to_double
  %sums.next = fadd <16 x double> %sums, %ds
  %squared = fmul contract <16 x double> %ds, %ds
  %squares.v.next = fadd contract <16 x double> %squares.v, %squared
  %are_zero = fcmp oeq $wides %xs, zeroinitializer
  %ones = zext <16 x i1> %are_zero to <16 x i32>
  %zeros.v.next = add <16 x i32> %zeros.v, %ones
  %v.next = add nuw nsw i64 %v, 16
  %v.is_last = icmp eq i64 %v.next, %in.vectors
  br i1 %v.is_last, label %together, label %vector
together:
  %low.v = call nnan $wide @llvm.vector.reduce.fmin.v16$short($wides %lows.next)
  %high.v = call nnan $wide @llvm.vector.reduce.fmax.v16$short($wides %highs.next)
  %sum.v = call reassoc double @llvm.vector.reduce.fadd.v16f64(double 0.0, <16 x double> %sums.next)
  %square.v = call reassoc double @llvm.vector.reduce.fadd.v16f64(double 0.0, <16 x double> %squares.v.next)
  %zeros.wide = zext <16 x i32> %zeros.v.next to <16 x i64>
  %zero.v = call i64 @llvm.vector.reduce.add.v16i64(<16 x i64> %zeros.wide)
  br label %tail
tail:
  %low.0 = phi $wide [0x7FF0000000000000, %entry], [%low.v, %together]
  %high.0 = phi $wide [0xFFF0000000000000, %entry], [%high.v, %together]
  %sum.0 = phi double [0.0, %entry], [%sum.v, %together]
  %squares.0 = phi double [0.0, %entry], [%square.v, %together]
  %zeros.0 = phi i64 [0, %entry], [%zero.v, %together]
  br label %head
head:
  %i = phi i64 [%in.vectors, %tail], [%i.next, %loop]
  %low = phi $wide [%low.0, %tail], [%low.next, %loop]
  %high = phi $wide [%high.0, %tail], [%high.next, %loop]
  %sum = phi double [%sum.0, %tail], [%sum.next, %loop]
  %squares = phi double [%squares.0, %tail], [%squares.next, %loop]
  %zeros = phi i64 [%zeros.0, %tail], [%zeros.next, %loop]
  %is_end = icmp eq i64 %i, %count
  br i1 %is_end, label %end, label %loop
loop:
  %place = getelementptr inbounds $type, ptr %data, i64 %i
  %element = load $type, ptr %place
  $widen_to_float
  %is_lower = fcmp nnan nsz olt $wide %x, %low
  %low.next = select nnan nsz i1 %is_lower, $wide %x, $wide %low
  %is_higher = fcmp nnan nsz ogt $wide %x, %high
  %high.next = select nnan nsz i1 %is_higher, $wide %x, $wide %high
  $widen_to_double
  %sum.next = fadd double %sum, %d
  %square = fmul contract double %d, %d
  %squares.next = fadd contract double %squares, %square
  %is_zero = fcmp oeq $wide %x, 0.0
  %one = zext i1 %is_zero to i64
  %zeros.next = add i64 %zeros, %one
  %i.next = add nuw nsw i64 %i, 1
  br label %head
end:
  %low.d = $to_double $wide %low to double
  %high.d = $to_double $wide %high to double
  %zeros.d = uitofp i64 %zeros to double
  store double %low.d, ptr %out
  %out.1 = getelementptr double, ptr %out, i64 1
  store double %high.d, ptr %out.1
  %out.2 = getelementptr double, ptr %out, i64 2
  store double %sum, ptr %out.2
  %out.3 = getelementptr double, ptr %out, i64 3
  store double %squares, ptr %out.3
  %out.4 = getelementptr double, ptr %out, i64 4
  store double %zeros.d, ptr %out.4
  ret void
}
attributes #0 = { "min-legal-vector-width"="512" "prefer-vector-width"="512" }
"""

# What `bin_counts` does, for runs of elements: their extremes first, then the counts. Where a run begins within its
# stretch of the row is its part of the golden ratio, so that no length of a row lets all runs show the same columns.
# A sample that is not finite gives counts without a meaning, and none outside the array.
_BINNED = """
declare i64 @llvm.fptosi.sat.i64.f64(double)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)

define void @binned_$name(ptr noalias readonly %data, i64 %runs, i64 %size, i64 %step, ptr noalias %out) {
entry:
  %counts = alloca [$bins x i64]
  call void @llvm.memset.p0.i64(ptr %counts, i8 0, i64 $bins_bytes, i1 false)
  %beside = sub i64 %step, %size
  %room = add i64 %beside, 1
  br label %run
run:
  %r = phi i64 [0, %entry], [%r.next, %run.end]
  %low.r = phi $wide [0x7FF0000000000000, %entry], [%low.next, %run.end]
  %high.r = phi $wide [0xFFF0000000000000, %entry], [%high.next, %run.end]
  %mixed = mul i64 %r, 40503
  %share = and i64 %mixed, 65535
  %shift.wide = mul i64 %share, %room
  %shift = lshr i64 %shift.wide, 16
  %stretch = mul i64 %r, %step
  %first = add i64 %stretch, %shift
  %begin = getelementptr inbounds $type, ptr %data, i64 %first
  br label %loop
loop:
  %i = phi i64 [0, %run], [%i.next, %loop]
  %low = phi $wide [%low.r, %run], [%low.next, %loop]
  %high = phi $wide [%high.r, %run], [%high.next, %loop]
  %place = getelementptr inbounds $type, ptr %begin, i64 %i
  %element = load $type, ptr %place
  $widen_to_float
  %is_lower = fcmp nnan nsz olt $wide %x, %low
  %low.next = select nnan nsz i1 %is_lower, $wide %x, $wide %low
  %is_higher = fcmp nnan nsz ogt $wide %x, %high
  %high.next = select nnan nsz i1 %is_higher, $wide %x, $wide %high
  %i.next = add nuw nsw i64 %i, 1
  %is_last = icmp eq i64 %i.next, %size
  br i1 %is_last, label %run.end, label %loop
run.end:
  %r.next = add nuw nsw i64 %r, 1
  %is_last_run = icmp eq i64 %r.next, %runs
  br i1 %is_last_run, label %count, label %run
count:
  %low.d = $to_double $wide %low.next to double
  %high.d = $to_double $wide %high.next to double
  store double %low.d, ptr %out
  %out.1 = getelementptr double, ptr %out, i64 1
  store double %high.d, ptr %out.1
  %half.low = fmul double %low.d, 0.5
  %half.high = fmul double %high.d, 0.5
  %span = fsub double %half.high, %half.low
  br label %count.run
count.run:
  %q = phi i64 [0, %count], [%q.next, %count.end]
  %mixed.q = mul i64 %q, 40503
  %share.q = and i64 %mixed.q, 65535
  %shift.wide.q = mul i64 %share.q, %room
  %shift.q = lshr i64 %shift.wide.q, 16
  %stretch.q = mul i64 %q, %step
  %first.q = add i64 %stretch.q, %shift.q
  %begin.q = getelementptr inbounds $type, ptr %data, i64 %first.q
  br label %count.loop
count.loop:
  %j = phi i64 [0, %count.run], [%j.next, %count.loop]
  %place.j = getelementptr inbounds $type, ptr %begin.q, i64 %j
  %element.j = load $type, ptr %place.j
  $widen_counted
  %half = fmul double %d.j, 0.5
  %above = fsub double %half, %half.low
  %part = fdiv double %above, %span
  %scaled = fmul double %part, $bins.0
  %number.any = call i64 @llvm.fptosi.sat.i64.f64(double %scaled)
  %number.from0 = call i64 @llvm.smax.i64(i64 %number.any, i64 0)
  %number = call i64 @llvm.smin.i64(i64 %number.from0, i64 $last_bin)
  %bin = getelementptr i64, ptr %counts, i64 %number
  %before = load i64, ptr %bin
  %after = add i64 %before, 1
  store i64 %after, ptr %bin
  %j.next = add nuw nsw i64 %j, 1
  %is_last_j = icmp eq i64 %j.next, %size
  br i1 %is_last_j, label %count.end, label %count.loop
count.end:
  %q.next = add nuw nsw i64 %q, 1
  %is_last_q = icmp eq i64 %q.next, %runs
  br i1 %is_last_q, label %hand, label %count.run
hand:
  %b = phi i64 [0, %count.end], [%b.next, %hand]
  %from = getelementptr i64, ptr %counts, i64 %b
  %counted = load i64, ptr %from
  %counted.d = uitofp i64 %counted to double
  %b.place = add i64 %b, 2
  %to = getelementptr double, ptr %out, i64 %b.place
  store double %counted.d, ptr %to
  %b.next = add nuw nsw i64 %b, 1
  %is_last_b = icmp eq i64 %b.next, $bins
  br i1 %is_last_b, label %end, label %hand
end:
  ret void
}

define void @whole_$name(ptr %data, i64 %count, i64 %runs, i64 %size, i64 %step, ptr %out) {
  call void @alone_$name(ptr %data, i64 %count, ptr %out)
  %binned = getelementptr double, ptr %out, i64 5
  call void @binned_$name(ptr %data, i64 %runs, i64 %size, i64 %step, ptr %binned)
  ret void
}
"""

# Every thread of an OpenMP team runs `share` on a part of its own. The team is the one that torch's operations use.
_SHARED = """
declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()

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
"""
_TEAM = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


class Loop(NamedTuple):
    """The compiled loops for one dtype. Each writes float64: five statistics, or two extremes and the counts."""

    whole: Any
    """(data, count, runs, size of a run, distance of runs, out): the statistics, and behind them the histogram."""
    shared: Any
    """(data, count, out, threads): statistics of each thread's part; None where torch's OpenMP is none that we know."""
    binned: Any
    """(data, runs, size of a run, distance of runs, out): the histogram alone."""
    engine: Any
    """Owns the compiled code."""


def compile_loop(type_name: str) -> Loop:
    """Compile the loops for a type of LLVM's ("float").

    Raises
    ------
    ImportError, OSError, RuntimeError
        There is no llvmlite, or it cannot make code here.
    """
    from llvmlite import binding as llvm  # type: ignore[import-untyped]  # it has no types

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3
    )
    team = _openmp()
    text = _ALONE + _BINNED
    if team is not None:
        for symbol in _TEAM:
            llvm.add_symbol(symbol, ctypes.cast(getattr(team, symbol), ctypes.c_void_p).value)
        text += _SHARED
    module = llvm.parse_assembly(_filled_in(text, type_name))
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.loop_interleaving = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    size, address = ctypes.c_int64, ctypes.c_void_p

    def function(prefix: str, *arguments: Any) -> Any:
        return ctypes.CFUNCTYPE(None, *arguments)(engine.get_function_address(f"{prefix}_{type_name}"))

    loop = Loop(
        function("whole", address, size, size, size, size, address),
        None if team is None else function("shared", address, size, address, ctypes.c_int32),
        function("binned", address, size, size, size, address),
        engine,
    )
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


def _openmp() -> ctypes.CDLL | None:
    """The OpenMP library that torch runs on, if it is GNU's: its threads are warm, and compete with no others."""
    try:
        return ctypes.CDLL("libgomp.so.1", mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except (OSError, AttributeError):  # another system's, under another name
        return None


def _filled_in(text: str, type_name: str) -> str:
    wide = "double" if type_name == "double" else "float"
    wides = f"<16 x {wide}>"
    to_double = "bitcast" if wide == "double" else "fpext"
    widen = "fpext" if type_name in ("half", "bfloat") else "bitcast"
    return Template(text).substitute(
        name=type_name,
        type=type_name,
        align={"double": 8, "float": 4}.get(type_name, 2),
        wide=wide,
        wides=wides,
        short="f64" if wide == "double" else "f32",
        infinities=f"<{', '.join([f'{wide} 0x7FF0000000000000'] * 16)}>",
        negative_infinities=f"<{', '.join([f'{wide} 0xFFF0000000000000'] * 16)}>",
        to_double=to_double,
        widen_to_float=f"%x = {widen} {type_name} %element to {wide}",
        widen_to_double=f"%d = {to_double} {wide} %x to double",
        widen_all_to_float=f"%xs = {widen} <16 x {type_name}> %elements to {wides}",
        widen_all_to_double=f"%ds = {to_double} {wides} %xs to <16 x double>",
        widen_counted=f"%x.j = {widen} {type_name} %element.j to {wide}\n  %d.j = {to_double} {wide} %x.j to double",
        bins=BINS,
        bins_bytes=8 * BINS,
        last_bin=BINS - 1,
    )
