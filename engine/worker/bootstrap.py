"""Entry of a worker process: loads the engine under a private name, so that the user's own modules keep theirs.

A user's module named `engine` or `gui` must be imported as theirs. So the project's folder is never on `sys.path` here,
and this file imports nothing of the engine by its public name.
"""

import faulthandler
import importlib
import os
import signal
import sys
from importlib.util import module_from_spec, spec_from_file_location

PRIVATE_NAME = "_retrograd_engine"


def load_engine() -> None:
    """Put the package around this file into `sys.modules` as `PRIVATE_NAME`."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = spec_from_file_location(
        PRIVATE_NAME, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = module_from_spec(spec)
    sys.modules[PRIVATE_NAME] = package
    spec.loader.exec_module(package)


def main() -> int:
    """Run the worker on the channel whose file descriptor is the first argument."""
    channel_fd = int(sys.argv[1])
    # A crash must be told even when the program has closed its own stderr.
    faulthandler.enable(file=os.fdopen(os.dup(2), "wb", closefd=False))
    # Started from a shell's background job, SIGINT is ignored and inherited so; Stop relies on it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.path and os.path.realpath(sys.path[0]) == os.path.dirname(os.path.realpath(__file__)):
        del sys.path[0]
    for stream in (sys.stdout, sys.stderr):
        # Lines appear as they are written, as in a terminal; text that is no valid Unicode must not raise.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    load_engine()
    runner = importlib.import_module(f"{PRIVATE_NAME}.worker.runner")
    return int(runner.run_worker(channel_fd))


if __name__ == "__main__":
    sys.exit(main())
