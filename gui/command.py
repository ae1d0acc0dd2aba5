"""`Command`: one thing that the user can tell the window to do, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Condition = Literal[
    "",  # always
    "open",  # a target is open: a trace, a run, or a program that runs now
    "trace",  # a trace is shown
    "forward",  # there is a step ahead of the cursor
    "back",  # there is one behind it
    "steps",  # there is any
    "selected",  # a node is selected to which something happens, or a run was stopped on its way to one
    "breakpoints",  # there is a breakpoint
    "stops",  # an enabled one stops somewhere in the open trace
    "rerunnable",  # the open target is a program
    "script",  # it is a script, which may have arguments
    "running",  # a worker runs it now
    "training",  # a training runs and is not held
    "held",  # a training is held
    "ongoing",  # a training runs or is held
    "undo",
    "redo",
    "picked",  # a box of the graph can be asked about: the selected one, else the current step's
    "pathed",  # the same, and a node to show paths from was chosen
    "hits",  # a search has found nodes
    "visited",  # there is a place to go back to
    "ahead",  # there is one to go forward to
    "moved",  # a box was moved by hand
    "editable",  # a node is in focus, and the program can be run again with edits
    "editable_leaf",  # the same, and whether the node requires a gradient can be switched
    "cuttable",  # the same, and a gradient comes back to the node from others, or an edge is selected
    "editable_gradient",  # the same, and a gradient arrives at that node
    "editable_program",  # the program can be run again with edits
    "edits",  # there are edits
    "edited",  # there is a trace with edits
]

SEPARATOR = "-"
"""A line between two entries of a menu."""


@dataclass(frozen=True)
class Command:
    """One thing that the user can tell the window to do.

    `callback` is the name of the method that does it, on the object given to `ActionSet`. `help` says what it does, for
    tool tips, the palette and the shortcut sheet; `short` is the text on a button. Of several commands with the same
    `choice` exactly one is checked; a `switch` is checked or not by itself.
    """

    id: str
    title: str
    callback: str
    help: str
    shortcuts: tuple[str, ...] = ()
    icon: str = ""
    short: str = ""
    when: Condition = ""
    choice: str = ""
    switch: bool = False
    keywords: str = ""


def command(id: str, title: str, help: str, *shortcuts: str, **more: str | bool) -> Command:  # noqa: A002 - as the fields
    """A command whose callback is named as itself, unless `more` says otherwise."""
    more.setdefault("callback", id)
    return Command(id=id, title=title, help=help, shortcuts=shortcuts, **more)  # type: ignore[arg-type] # fields by name
