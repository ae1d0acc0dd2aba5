"""The losses of a training on their way out: each to the journal at once, to the window in batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from ..session.messages import LossPoints

FLUSH_S = 1 / 30
_RATE_S = 0.5

Send = Callable[[LossPoints, bytes], None]


class LossJournal(Protocol):
    """Where every loss is written as soon as it is known."""

    def append(self, step: int, loss: float) -> None: ...

    def close(self) -> None: ...


def value_of(roots: Sequence[torch.Tensor]) -> float | torch.Tensor:
    """The number that stands for the roots of a backward pass: a scalar's value, the mean of any other tensor, the sum
    of those of several roots.

    A tensor stays one where reading it would make the program wait for its device.
    """
    if len(roots) == 1 and roots[0].numel() == 1 and roots[0].device.type == "cpu":
        value = roots[0].detach()
        return float(value.real if value.is_complex() else value)
    with torch.no_grad():
        parts = [(root.detach().real if root.is_complex() else root.detach()).to_dense() for root in roots]
        means = [part.to(torch.float64 if part.device.type == "cpu" else torch.float32).mean() for part in parts]
    if all(mean.device.type == "cpu" for mean in means):
        return sum(float(mean) for mean in means)
    return means[0] if len(means) == 1 else torch.stack([mean.to(means[0].device) for mean in means]).sum()


class LossFeed:
    """Collects (step, loss) points. `add` belongs to the training's thread; `flush` may be called from any.

    Parameters
    ----------
    send : takes a `LossPoints` and its body.
    journal : takes every point; None for none.
    """

    def __init__(self, send: Send, journal: LossJournal | None = None) -> None:
        self.learning_rate: Any = None
        self.steps_per_second = 0.0
        self._send = send
        self._journal = journal
        self._lock = threading.Lock()
        self._steps: list[int] = []
        self._losses: list[float] = []
        self._on_device: list[tuple[int, torch.Tensor]] = []
        self._flushed_s = 0.0
        self._rate_from: tuple[float, int] | None = None

    def add(self, step: int, value: float | torch.Tensor) -> None:
        """Take a point; about `1 / FLUSH_S` times a second this sends what has gathered."""
        with self._lock:
            if isinstance(value, torch.Tensor):
                self._on_device.append((step, value))
            else:
                self._keep(step, value)
        now_s = time.monotonic()
        if now_s - self._flushed_s >= FLUSH_S:
            self._measure(now_s, step)
            self.flush(keep_newest=True)

    def flush(self, *, keep_newest: bool = False) -> None:
        """Send what has gathered. With `keep_newest`, the newest loss on a device waits, since it may not be ready."""
        with self._lock:
            self._flushed_s = time.monotonic()
            self._read_device(keep_newest=keep_newest)
            steps, losses = self._steps, self._losses
            self._steps, self._losses = [], []
        if steps:
            body = np.array(steps, dtype="<i8").tobytes() + np.array(losses, dtype="<f8").tobytes()
            rate = self._learning_rate_now()
            message = LossPoints(count=len(steps), steps_per_second=self.steps_per_second, learning_rate=rate)
            self._send(message, body)

    def close(self) -> None:
        """Send the rest and close the journal."""
        self.flush()
        with self._lock:
            journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _keep(self, step: int, loss: float) -> None:
        self._steps.append(step)
        self._losses.append(loss)
        if self._journal is not None:
            self._journal.append(step, loss)

    def _read_device(self, *, keep_newest: bool) -> None:
        ready = self._on_device[:-1] if keep_newest else self._on_device
        self._on_device = self._on_device[len(ready) :]
        if not ready:
            return
        device = ready[0][1].device
        together = torch.stack([value.detach().reshape(()).to(device) for _, value in ready])  # one wait for all
        for (step, _), loss in zip(ready, together.tolist(), strict=True):
            self._keep(step, float(loss))

    def _measure(self, now_s: float, step: int) -> None:
        if self._rate_from is None:
            self._rate_from = (now_s, step)
            return
        since_s, since_step = self._rate_from
        if now_s - since_s >= _RATE_S:
            self.steps_per_second = (step - since_step) / (now_s - since_s)
            self._rate_from = (now_s, step)

    def _learning_rate_now(self) -> float | None:
        rate = self.learning_rate
        return None if rate is None else float(rate)
