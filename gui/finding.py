"""What the palette finds: commands, choices of the view, demos, and every node and variable of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePath

from PySide6.QtGui import QAction

from engine.catalogue import DEMOS
from engine.graph.numbers import format_shape
from engine.graph.trace import Trace
from gui.actions import COMMANDS, ActionSet, shortcut_text
from gui.widgets.command_palette import Entry

MAX_TEXT = 120


def command_entries(actions: ActionSet) -> list[Entry]:
    """Every command that can be used now, apart from the one that opens the palette."""
    return [
        Entry(
            title=_theme_title(command.title, command.choice),
            run=actions[command.id].trigger,
            detail=command.help,
            icon=command.icon or "command",
            keys=shortcut_text(command.shortcuts[0]) if command.shortcuts else "",
            keywords=command.keywords,
            rank=1.0,
        )
        for command in COMMANDS
        if actions[command.id].isEnabled() and command.id != "show_palette"
    ]


def choice_entries(title: str, icon: str, choices: Iterable[QAction]) -> list[Entry]:
    """One entry for each action of a menu, such as "Layout: circular"."""
    return [Entry(f"{title}: {action.text()}", action.trigger, action.toolTip(), icon) for action in choices]


def demo_entries(open_target: Callable[[str], None]) -> list[Entry]:
    return [
        Entry(f"Demo: {demo.title}", partial(open_target, demo.target), demo.summary, f"demo-{demo.name}")
        for demo in DEMOS
    ]


def node_entries(trace: Trace, go_to: Callable[[int], None]) -> list[Entry]:
    """One entry for each node: its variable and operation; where it is in the model and in the code."""
    entries = []
    for node in trace.graph.nodes:
        title = f"{node.name} · {node.label}" if node.name else node.label
        details = ["/".join(node.scope)] if node.scope else []
        if node.outputs:
            details.append(format_shape(node.outputs[0].shape))
        if node.source is not None:
            details.append(f"{PurePath(node.source.file).name}:{node.source.line}")
        if node.grad_fn is not None:
            details.append(node.grad_fn)
        icon = "variable" if node.name else "node"
        entries.append(Entry(_short(title), partial(go_to, node.id), _short(" · ".join(details)), icon))
    return entries


def _theme_title(title: str, choice: str) -> str:
    return f"Theme: {title}" if choice == "theme" else title


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
