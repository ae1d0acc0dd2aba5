"""The engine loads under a private name, and only so."""

from __future__ import annotations

import subprocess
import sys

from engine.session.process import BOOTSTRAP


def test_the_engine_gets_a_private_name_and_the_project_stays_off_the_path() -> None:
    code = f"""
import importlib, runpy, sys
bootstrap = runpy.run_path({str(BOOTSTRAP)!r})
bootstrap["load_engine"]()
importlib.import_module(bootstrap["PRIVATE_NAME"] + ".session.messages")
importlib.import_module(bootstrap["PRIVATE_NAME"] + ".worker.runner")
assert "engine" not in sys.modules
assert "torch" not in sys.modules
try:
    import engine
except ModuleNotFoundError:
    print("private")
"""
    # -P and another folder: nothing but the bootstrap itself may lead to the project.
    result = subprocess.run([sys.executable, "-P", "-c", code], cwd="/", capture_output=True, text=True, check=False)
    assert result.stdout == "private\n", result.stderr
