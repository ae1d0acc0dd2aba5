"""What the window asks of a training: written by the thread that reads messages, read by the one that trains."""

from __future__ import annotations

import threading

from ..session.messages import HoldAt, Pause, Resume, SendTrace, StepOnce, ToWorker


class Controls:
    """Requests to a training, checked between its steps.

    Attributes
    ----------
    pause_at : the step to record, and to hold at; once it is over, the next one.
    is_pausing : hold at the next recorded step, and stay held.
    is_abandoned : the window is gone: finish the step, then end.
    wants_attention : any request is open; the one flag that a step at full speed looks at.
    """

    def __init__(self, pause_at: int | None = None) -> None:
        self.pause_at = pause_at
        self.is_pausing = False
        self.is_abandoned = False
        self.wants_attention = False
        self._single_steps = 0
        self._trace_requests = 0
        self._lock = threading.Lock()
        self._changed = threading.Event()

    def apply(self, message: ToWorker) -> None:
        """Note a message; others than the five of a training change nothing."""
        with self._lock:
            match message:
                case Pause():
                    self.is_pausing = True
                case Resume():
                    self.is_pausing = False
                    self._single_steps = 0
                    self.pause_at = None
                case HoldAt():
                    self.is_pausing = False
                    self._single_steps = 0
                    self.pause_at = message.step
                case StepOnce():
                    self._single_steps += self.is_pausing  # of a running training, the step that is recorded is the one
                    self.is_pausing = True
                case SendTrace():
                    self._trace_requests += 1
                case _:
                    return
            self._settle()

    def abandon(self) -> None:
        """The window is gone."""
        with self._lock:
            self.is_abandoned = True
            self._settle()

    def hold(self) -> None:
        """Pause from within, as `pause_at` asks for."""
        with self._lock:
            self.is_pausing = True
            self.pause_at = None
            self._settle()

    def take_trace_request(self) -> bool:
        """Whether traces were asked for since the last call."""
        with self._lock:
            wanted = self._trace_requests > 0
            self._trace_requests = 0
            self._settle(wake=False)
            return wanted

    def take_single_step(self) -> bool:
        """Whether a held training is to go on for one step."""
        with self._lock:
            if not self._single_steps:
                return False
            self._single_steps -= 1
            return True

    def wants_recording(self, step: int) -> bool:
        """Whether the given (next) training step is to be recorded."""
        return self.is_pausing or self._trace_requests > 0 or self.is_due(step)

    def is_due(self, step: int) -> bool:
        """Whether `pause_at` asks to hold at the given step."""
        wanted = self.pause_at
        return wanted is not None and wanted <= step

    def wait(self, timeout_s: float) -> None:
        """Wait for a change; KeyboardInterrupt gets through."""
        self._changed.wait(timeout_s)
        self._changed.clear()

    def _settle(self, *, wake: bool = True) -> None:
        self.wants_attention = self.is_pausing or self.is_abandoned or self._trace_requests > 0
        if wake:
            self._changed.set()
