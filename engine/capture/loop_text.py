"""The text of the loops behind `single_pass`, in the language of LLVM."""

from __future__ import annotations

from string import Template

from ..graph.summary import BINS

GRAIN_ELEMENTS = 1 << 15
"""The smallest part that a thread of a team gets, as in torch's own operations."""

# What both ways of reading a single element begin with.
_EXTREMES = """
  %element = load $type, ptr %place
  %x = $widen $type %element to $wide
  %is_lower = fcmp nnan nsz olt $wide %x, %low
  %low.next = select nnan nsz i1 %is_lower, $wide %x, $wide %low
  %is_higher = fcmp nnan nsz ogt $wide %x, %high
  %high.next = select nnan nsz i1 %is_higher, $wide %x, $wide %high
"""

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
  $extremes
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
  $extremes
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
  %b.place = add i64 %b, 2
  %to = getelementptr i64, ptr %out, i64 %b.place
  store i64 %counted, ptr %to
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

# Every thread of an OpenMP team runs `share` on a part of its own. The team is the one that torch's operations use; a
# smaller one would end its other threads, so those for which there is no part of a size that is worth it have nothing
# to do, and leave theirs as it was. The last lines do what `whole` does.
_SHARED = """
declare void @GOMP_parallel(ptr, ptr, i32, i32)
declare i32 @omp_get_thread_num()
declare i32 @omp_get_num_threads()
declare i64 @llvm.umin.i64(i64, i64)

define internal void @share_$name(ptr %job) {
  %data = load ptr, ptr %job
  %job.1 = getelementptr i64, ptr %job, i64 1
  %count = load i64, ptr %job.1
  %job.2 = getelementptr i64, ptr %job, i64 2
  %out = load ptr, ptr %job.2
  %number.32 = call i32 @omp_get_thread_num()
  %number = sext i32 %number.32 to i64
  %team.32 = call i32 @omp_get_num_threads()
  %team = sext i32 %team.32 to i64
  %wanted = udiv i64 %count, $grain
  %threads = call i64 @llvm.umin.i64(i64 %team, i64 %wanted)
  %has.part = icmp ult i64 %number, %threads
  br i1 %has.part, label %work, label %end
work:
  %before = mul i64 %count, %number
  %begin = udiv i64 %before, %threads
  %number.next = add i64 %number, 1
  %until = mul i64 %count, %number.next
  %until.element = udiv i64 %until, %threads
  %size = sub i64 %until.element, %begin
  %part = getelementptr $type, ptr %data, i64 %begin
  %place = mul i64 %number, 5
  %results = getelementptr double, ptr %out, i64 %place
  call void @alone_$name(ptr %part, i64 %size, ptr %results)
  br label %end
end:
  ret void
}

define void @shared_$name(ptr %data, i64 %count, i64 %runs, i64 %size, i64 %step, ptr %out, i32 %threads) {
entry:
  %job = alloca [3 x i64]
  %width = mul i32 %threads, 5
  %parts = alloca double, i32 %width
  br label %clear
clear:
  %c = phi i32 [0, %entry], [%c.next, %clear]
  %c.part = getelementptr [5 x double], ptr %parts, i32 %c
  store [5 x double] $nothing, ptr %c.part
  %c.next = add i32 %c, 1
  %c.is_last = icmp eq i32 %c.next, %threads
  br i1 %c.is_last, label %run, label %clear
run:
  store ptr %data, ptr %job
  %job.1 = getelementptr i64, ptr %job, i64 1
  store i64 %count, ptr %job.1
  %job.2 = getelementptr i64, ptr %job, i64 2
  store ptr %parts, ptr %job.2
  call void @GOMP_parallel(ptr @share_$name, ptr %job, i32 %threads, i32 0)
  br label %join
join:
  %p = phi i32 [0, %run], [%p.next, %join]
  %low = phi double [0x7FF0000000000000, %run], [%low.next, %join]
  %high = phi double [0xFFF0000000000000, %run], [%high.next, %join]
  %sum = phi double [0.0, %run], [%sum.next, %join]
  %squares = phi double [0.0, %run], [%squares.next, %join]
  %zeros = phi double [0.0, %run], [%zeros.next, %join]
  %part = getelementptr [5 x double], ptr %parts, i32 %p
  %low.p = load double, ptr %part
  %part.1 = getelementptr double, ptr %part, i64 1
  %high.p = load double, ptr %part.1
  %part.2 = getelementptr double, ptr %part, i64 2
  %sum.p = load double, ptr %part.2
  %part.3 = getelementptr double, ptr %part, i64 3
  %squares.p = load double, ptr %part.3
  %part.4 = getelementptr double, ptr %part, i64 4
  %zeros.p = load double, ptr %part.4
  %is_lower = fcmp olt double %low.p, %low
  %low.next = select i1 %is_lower, double %low.p, double %low
  %is_higher = fcmp ogt double %high.p, %high
  %high.next = select i1 %is_higher, double %high.p, double %high
  %sum.next = fadd double %sum, %sum.p
  %squares.next = fadd double %squares, %squares.p
  %zeros.next = fadd double %zeros, %zeros.p
  %p.next = add i32 %p, 1
  %p.is_last = icmp eq i32 %p.next, %threads
  br i1 %p.is_last, label %hand, label %join
hand:
  store double %low.next, ptr %out
  %out.1 = getelementptr double, ptr %out, i64 1
  store double %high.next, ptr %out.1
  %out.2 = getelementptr double, ptr %out, i64 2
  store double %sum.next, ptr %out.2
  %out.3 = getelementptr double, ptr %out, i64 3
  store double %squares.next, ptr %out.3
  %out.4 = getelementptr double, ptr %out, i64 4
  store double %zeros.next, ptr %out.4
  %out.5 = getelementptr double, ptr %out, i64 5
  call void @binned_$name(ptr %data, i64 %runs, i64 %size, i64 %step, ptr %out.5)
  ret void
}
"""


def loop_text(type_name: str, *, is_shared: bool) -> str:
    """The loops for a type of LLVM's ("float"), with or without those of an OpenMP team."""
    text = _ALONE + _BINNED + (_SHARED if is_shared else "")
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
        extremes=Template(_EXTREMES).substitute(type=type_name, wide=wide, widen=widen),
        widen_to_double=f"%d = {to_double} {wide} %x to double",
        widen_all_to_float=f"%xs = {widen} <16 x {type_name}> %elements to {wides}",
        widen_all_to_double=f"%ds = {to_double} {wides} %xs to <16 x double>",
        widen_counted=f"%x.j = {widen} {type_name} %element.j to {wide}\n  %d.j = {to_double} {wide} %x.j to double",
        nothing=f"[double 0x7FF0000000000000, double 0xFFF0000000000000{', double 0.0' * 3}]",
        grain=GRAIN_ELEMENTS,
        bins=BINS,
        bins_bytes=8 * BINS,
        last_bin=BINS - 1,
    )
