"""Names, titles and summaries of the built-in demos: torch-free, so that a command line and a window may list them."""

from __future__ import annotations

import msgspec


class DemoEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One built-in demo: `name` as in the target "demo:NAME", a title, and one sentence that says what it shows.

    `steps_per_second` slows a training down to what can be watched; None lets it run as fast as it can.
    """

    name: str
    title: str
    summary: str
    steps_per_second: float | None = None

    @property
    def target(self) -> str:
        """What the command line and the window call the demo."""
        return f"demo:{self.name}"


DEMOS: tuple[DemoEntry, ...] = (
    DemoEntry(
        name="neuron",
        title="The single neuron",
        summary="One weight, one bias, one sigmoid: step the chain rule through six numbers.",
    ),
    DemoEntry(
        name="simplenet",
        title="A small net, layer by layer",
        summary="Two linear layers on a small batch: matrices, broadcasting, and where gradients add up.",
    ),
    DemoEntry(
        name="loop",
        title="A training loop with a live loss",
        summary="Watch the loss fall, hold it at any step, and step through that backward pass.",
        steps_per_second=60,
    ),
)


def find_demo(name: str) -> DemoEntry | None:
    """The demo called `name`, with or without "demo:" in front; None if there is none."""
    name = name.removeprefix("demo:")
    return next((demo for demo in DEMOS if demo.name == name), None)
