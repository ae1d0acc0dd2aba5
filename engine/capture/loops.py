"""How the text of the loops behind `single_pass` becomes code for this processor."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from typing import Any, NamedTuple

from .loop_text import loop_text

_TEAM = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")


class Loop(NamedTuple):
    """The compiled loops for one dtype. Both write five statistics and two extremes of the sample, as float64, and then
    the counts of its histogram, as int64.
    """

    whole: Any
    """(data, count, runs, size of a run, distance of runs, out)"""
    shared: Any
    """The same with a number of threads behind it; None where torch's OpenMP is none that we know."""
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
    if team is not None:
        for symbol in _TEAM:
            llvm.add_symbol(symbol, ctypes.cast(getattr(team, symbol), ctypes.c_void_p).value)
    module = llvm.parse_assembly(loop_text(type_name, is_shared=team is not None))
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
        None if team is None else function("shared", address, size, size, size, size, address, ctypes.c_int32),
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
