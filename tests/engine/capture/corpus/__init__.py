"""Programs that the recorder is compared with torch on; importing this registers them all."""

from . import architectures, combined, functions, inplace, layers, learning, linear_algebra, operators, transforms
from .registry import HOOKED, PROGRAMS, Program

__all__ = [
    "HOOKED",
    "PROGRAMS",
    "Program",
    "architectures",
    "combined",
    "functions",
    "inplace",
    "layers",
    "learning",
    "linear_algebra",
    "operators",
    "transforms",
]
