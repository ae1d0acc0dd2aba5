"""Fetches values for the window: keeps a callable program, runs it again for each tensor, and keeps what it fetched."""

from __future__ import annotations

import numpy as np

from ..capture.replay import Replay, Wanted
from ..errors import ReplayError, TargetError
from ..programs import ScriptProgram, resolve
from ..programs.failure import explain
from ..session.messages import FetchTile, FetchValues, TileReady, ValuesReady
from ..session.snapshot import expect_unchanged
from .tiles import Array, KeptTensors, blocks, cut, is_exact


class Fetcher:
    """Answers requests for the values of one target."""

    def __init__(self, target: str, arguments: tuple[str, ...]) -> None:
        self._target = target
        self._arguments = arguments
        self._structure = ""
        self._replay: Replay | None = None
        self._kept = KeptTensors()

    def is_for(self, request: FetchValues | FetchTile) -> bool:
        return (request.target, request.arguments) == (self._target, self._arguments)

    def answer(self, request: FetchValues) -> tuple[ValuesReady, bytes]:
        """The values and their bytes, or a sentence that says why there are none. Never raises."""
        place = _place(request)
        array, message = self._fetched(request)
        if array is None:
            return ValuesReady(**place._asdict(), message=message), b""
        return ValuesReady(**place._asdict(), shape=array.shape, dtype=array.dtype.str), array.tobytes()

    def answer_part(self, request: FetchTile) -> tuple[TileReady, bytes]:
        """A part of the values as its message and the message's body, or why there is none. Never raises."""
        place = _place(request)
        array, message = self._fetched(request)
        if array is None:
            return TileReady(**place._asdict(), message=message), b""
        try:
            part = cut(array, request)
        except ValueError as error:
            return TileReady(**place._asdict(), message=str(error)), b""
        if is_exact(part, request):
            rows, columns = part.shape
            return TileReady(**place._asdict(), shape=(rows, columns), dtype=part.dtype.str), part.tobytes()
        shape, body = blocks(part, request.most_rows, request.most_columns)
        return TileReady(**place._asdict(), shape=shape), body

    def _fetched(self, request: FetchValues | FetchTile) -> tuple[Array | None, str]:
        """The whole tensor, by a run of the program unless it is kept; or why there is none."""
        place = _place(request)
        key = request.structure, place
        kept = self._kept.get(key)
        if kept is not None:
            return kept, ""
        try:
            array = np.asarray(self._program(request).fetch([place])[place])
            array = array.astype(array.dtype.newbyteorder("<"), copy=False)
            self._kept.put(key, array)
            return array, ""
        except (ReplayError, TargetError) as error:
            message = str(error)
        except KeyboardInterrupt:
            message = "Fetching the values was stopped."
        except BaseException as error:  # noqa: BLE001 - a program may raise anything while it is built, SystemExit too
            message = f"The values cannot be fetched, because the program failed: {explain(error).message}"
        self._replay = None  # the next request begins anew
        return None, message or "No values came."

    def _program(self, request: FetchValues | FetchTile) -> Replay:
        structure = request.structure
        if self._replay is None or structure != self._structure:
            program = resolve(self._target, self._arguments)
            expect_unchanged(program.sources, request.sources)
            if isinstance(program, ScriptProgram):
                raise TargetError(
                    f"{program.title} is a script: its values are kept while it runs, or not at all. "
                    "Open a function of it (script.py:function) to fetch values."
                )
            self._kept.clear()
            self._replay = Replay(program.build, structure, keep="step")
            self._structure = structure
        return self._replay


def _place(request: FetchValues | FetchTile) -> Wanted:
    return Wanted(request.node, request.output, request.is_gradient)
