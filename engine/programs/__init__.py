"""Everything that can be traced, behind one interface: demos, scripts, callables, exported models."""

from .program import CallableProgram, Program, ScriptProgram
from .targets import resolve

__all__ = ["CallableProgram", "Program", "ScriptProgram", "resolve"]
