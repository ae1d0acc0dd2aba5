"""Fetches whole values for the window: keeps a callable program, and runs it again for each request."""

from __future__ import annotations

import numpy as np

from ..capture.replay import Replay, Wanted
from ..errors import ReplayError, TargetError
from ..programs import ScriptProgram, resolve
from ..programs.failure import explain
from ..session.messages import FetchValues, ValuesReady


class Fetcher:
    """Answers requests for the values of one target."""

    def __init__(self, target: str, arguments: tuple[str, ...]) -> None:
        self._target = target
        self._arguments = arguments
        self._structure = ""
        self._replay: Replay | None = None

    def is_for(self, request: FetchValues) -> bool:
        return (request.target, request.arguments) == (self._target, self._arguments)

    def answer(self, request: FetchValues) -> tuple[ValuesReady, bytes]:
        """The values and their bytes, or a sentence that says why there are none. Never raises."""
        place = Wanted(request.node, request.output, request.is_gradient)
        message = ""
        try:
            array = np.asarray(self._program(request.structure).fetch([place])[place])
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            ready = ValuesReady(
                node=place.node,
                output=place.output,
                is_gradient=place.is_gradient,
                shape=array.shape,
                dtype=array.dtype.str,
            )
            return ready, array.tobytes()
        except (ReplayError, TargetError) as error:
            message = str(error)
        except KeyboardInterrupt:
            message = "Fetching the values was stopped."
        except BaseException as error:  # noqa: BLE001 - a program may raise anything while it is built, SystemExit too
            message = f"The values cannot be fetched, because the program failed: {explain(error).message}"
        self._replay = None  # the next request begins anew
        failed = ValuesReady(
            node=place.node, output=place.output, is_gradient=place.is_gradient, message=message or "No values came."
        )
        return failed, b""

    def _program(self, structure: str) -> Replay:
        if self._replay is None or structure != self._structure:
            program = resolve(self._target, self._arguments)
            if isinstance(program, ScriptProgram):
                raise TargetError(
                    f"{program.title} is a script: its values are kept while it runs, or not at all. "
                    "Open a function of it (script.py:function) to fetch values."
                )
            self._replay = Replay(program.build, structure, keep="step")
            self._structure = structure
        return self._replay
