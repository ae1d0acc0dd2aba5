"""Losses go out complete and in order: at once to the journal, in batches to the window."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.session.messages import LossPoints
from engine.training.feed import LossFeed, value_of


class Journal:
    def __init__(self) -> None:
        self.points: list[tuple[int, float]] = []
        self.is_closed = False

    def append(self, step: int, loss: float) -> None:
        assert not self.is_closed
        self.points.append((step, loss))

    def close(self) -> None:
        self.is_closed = True


def decode(message: LossPoints, body: bytes) -> tuple[list[int], list[float]]:
    half = 8 * message.count
    return np.frombuffer(body[:half], "<i8").tolist(), np.frombuffer(body[half:], "<f8").tolist()


def test_every_point_arrives_in_order_in_few_messages() -> None:
    sent: list[tuple[LossPoints, bytes]] = []
    journal = Journal()
    feed = LossFeed(lambda message, body: sent.append((message, body)), journal)
    losses = [math.inf, math.nan, *[k / 7 for k in range(998)]]
    for step, loss in enumerate(losses):
        feed.add(step, loss)
        assert len(journal.points) == step + 1
    feed.close()
    feed.flush()
    steps = [step for message, body in sent for step in decode(message, body)[0]]
    values = [loss for message, body in sent for loss in decode(message, body)[1]]
    assert steps == list(range(1000))
    np.testing.assert_array_equal(values, losses)
    assert len(sent) < 1000
    assert journal.is_closed


def test_losses_on_a_device_are_read_later_all_at_once() -> None:
    sent: list[tuple[LossPoints, bytes]] = []
    journal = Journal()
    feed = LossFeed(lambda message, body: sent.append((message, body)), journal)
    for step in range(3):
        feed.add(step, torch.tensor(float(step)))  # stands for one on a device: it is not read before it must be
    assert len(journal.points) < 3
    feed.learning_rate = torch.tensor(0.5)
    feed.close()
    assert journal.points == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert sent[-1][0].learning_rate == 0.5


@pytest.mark.parametrize(
    ("roots", "value"),
    [
        ([torch.tensor(2.5)], 2.5),
        ([torch.tensor([[3.0]])], 3.0),
        ([torch.tensor([1.0, 2.0, 6.0])], 3.0),
        ([torch.tensor(1.0), torch.tensor([2.0, 4.0])], 4.0),
        ([torch.tensor(1.5, dtype=torch.bfloat16)], 1.5),
        ([torch.tensor(2.0 + 1.0j)], 2.0),
    ],
)
def test_the_number_that_stands_for_the_roots(roots: list[torch.Tensor], value: float) -> None:
    assert value_of(roots) == value


def test_an_empty_root_has_no_number() -> None:
    assert math.isnan(float(value_of([torch.empty(0)])))
