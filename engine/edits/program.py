"""A program that is run again and again with edits: it stays loaded, and only what is asked for is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from ..capture import randomness
from ..capture.put_aside import PutAside
from ..capture.recorder import Recorder
from ..capture.tracing import record
from ..errors import EditError, TraceError
from ..graph.edits import AnyEdit, SetSeed, combined
from ..graph.repeatability import first_unlike
from ..graph.structure import fingerprint
from ..graph.trace import Trace
from ..programs.program import BuiltCall, CallableProgram
from ..programs.standing import StandingProgram
from .draws import KnownDraws
from .places import Places
from .recorder import EditRecorder, words
from .seeding import seeded

_CHANGED = (
    "The program did something else when it was run again, so edits of what is shown cannot be applied to it. "
    "Run it again, and edit what it shows then."
)


class EditedRunError(Exception):
    """The program raised because of an edit.

    Attributes
    ----------
    error : what it raised, in words, with its own traceback.
    node : of the unedited trace, the operation at which it stopped; None where that is not known.
    """

    def __init__(self, error: TraceError, node: int | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.node = node


class EditedProgram:
    """One program, and the places of its nodes.

    Parameters
    ----------
    run : runs the program once under a recorder that it makes by the function that it is given.
    structure : `engine.graph.structure.fingerprint` of the trace that is edited; "" to accept what the program does.
    standing : what `run` runs, if it stays built between runs.
    """

    def __init__(
        self,
        run: Callable[[Callable[..., Recorder]], Trace],
        structure: str = "",
        standing: StandingProgram | None = None,
    ) -> None:
        self._run_program = run
        self._structure = structure
        self._standing = standing
        self._is_repeatable = True
        self._draws = KnownDraws()
        self._places: Places | None = None

    @property
    def why_anew(self) -> str:
        """Why the program is built anew for each run, as a clause; empty where it stays built."""
        return "" if self._standing is None else self._standing.why_anew

    @property
    def build_s(self) -> float:
        """Seconds that building it took; 0 where nothing is known of that."""
        return 0.0 if self._standing is None else self._standing.build_s

    @property
    def original(self) -> Trace:
        """The trace without edits. Raises like `run`."""
        return self._learn().trace

    def run(self, edits: Sequence[AnyEdit]) -> Trace:
        """The trace of the program with these edits; of several at one place the last one counts.

        Afterwards the program's tensors, gradients, buffers and random number generators are what they were.

        Raises
        ------
        EditError
            The program is not what it was, or one of the edits cannot be applied to it.
        EditedRunError
            The program raised.
        """
        places = self._learn()
        edits = combined(edits)
        check(edits, places.trace)
        seed = next((edit.seed for edit in edits if isinstance(edit, SetSeed)), None)
        if self._standing is not None:
            self._standing.is_anew = seed is not None  # what is built may be made of random numbers
        trace, _ = self._run(places, edits, seed)
        return self._checked(trace, places, edits)

    def _checked(self, trace: Trace, places: Places, edits: Sequence[AnyEdit]) -> Trace:
        """The trace; of a program built anew, where the kept one computed something else before any edit."""
        standing = self._standing
        if standing is None or not standing.was_kept or not self._is_repeatable:
            return trace
        node = first_unlike(places.trace, trace, edits)
        if node is None:
            return trace
        standing.is_anew = True
        anew, _ = self._run(places, edits, None)
        if first_unlike(places.trace, anew, edits) is None:
            standing.give_up(f"it changes something that cannot be put back, which shows in {words(places, node)}")
        else:
            self._is_repeatable = False  # it differs from run to run by itself
        return anew

    def _learn(self) -> Places:
        if self._places is None:
            trace, recorder = self._run(None, (), None)
            if self._structure and fingerprint(trace) != self._structure:
                raise EditError(_CHANGED)
            assert recorder.learned is not None
            self._places = recorder.learned
        return self._places

    def _run(self, places: Places | None, edits: Sequence[AnyEdit], seed: int | None) -> tuple[Trace, EditRecorder]:
        put_aside = PutAside()
        made: list[EditRecorder] = []

        def make_recorder(**options: Any) -> EditRecorder:
            made.append(EditRecorder(put_aside=put_aside, places=places, edits=edits, draws=self._draws, **options))
            return made[-1]

        with randomness.left_alone(), put_aside.watching(), seeded(seed):
            try:
                trace = self._run_program(make_recorder)
            except TraceError as error:
                if isinstance(error.__cause__, EditError):
                    raise error.__cause__ from None
                raise EditedRunError(error, made[-1].failed_operation if made else None) from error
            finally:
                for recorder in made:
                    recorder.give_back()
        return trace, made[-1]


def check(edits: Sequence[AnyEdit], trace: Trace) -> None:
    """Raise EditError for an edit that names what the trace does not have."""
    count = len(trace.graph.nodes)
    for edit in edits:
        nodes = [getattr(edit, name) for name in ("node", "source", "target") if hasattr(edit, name)]
        if any(not 0 <= node < count for node in nodes):
            raise EditError("An edit names a node that the trace does not have.")


def edited_callable(program: CallableProgram, structure: str = "") -> EditedProgram:
    """The edits of a demo, a callable or an exported model. It stays built, and no run sees the one before."""
    from ..programs.tracing import trace_program

    standing = StandingProgram(program)

    def run(make_recorder: Callable[..., Recorder]) -> Trace:
        return trace_program(standing, make_recorder=make_recorder)

    return EditedProgram(run, structure, standing)


def edited_call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> EditedProgram:
    """The edits of any function with its arguments; what `engine.trace` records of it is what is edited."""
    built: BuiltCall = (function, args, kwargs)
    state = randomness.take()

    def run(make_recorder: Callable[..., Recorder]) -> Trace:
        randomness.restore(state)
        return record(built[0], built[1], built[2], make_recorder=partial(make_recorder))

    return EditedProgram(run)
