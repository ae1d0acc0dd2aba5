"""What the palette finds: commands, choices of the view, demos, every node and module, and answers to queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from PySide6.QtGui import QAction

from engine.catalogue import DEMOS
from engine.graph.model import Node, ScopePath
from engine.graph.numbers import format_shape
from engine.graph.query import Query, QueryError, parse
from engine.graph.trace import Trace
from gui.actions import COMMANDS, ActionSet, shortcut_text
from gui.canvas.fonts import plain
from gui.entries import MAX_RESULTS, Entries, Entry, Texts
from gui.panels.naming import file_name
from gui.widgets.command_palette import Answer

if TYPE_CHECKING:
    from gui.canvas.widget import GraphCanvas
    from gui.window import MainWindow

MAX_TEXT = 120


def everything(window: MainWindow) -> tuple[Sequence[Entry], Callable[[str], Answer] | None]:
    """All entries of the palette, and what answers queries where there is a graph to ask."""
    entries = command_entries(window.actions_)
    trace, canvas = window.document.trace, window.canvas
    if window.panels is None or trace is None or canvas is None:
        return [*entries, *demo_entries(window.open_target)], None
    for title, icon, choices in window.panels.choices():
        entries += choice_entries(title, icon, choices)
    finder = Finder(trace, canvas)
    return Entries([*entries, *demo_entries(window.open_target)], texts_of(trace), finder.entry), finder.answer


class Finder:
    """Finds nodes and module calls of one trace, and shows them on the canvas.

    Whichever node is chosen, all others that the same text finds are outlined with it.
    """

    def __init__(self, trace: Trace, canvas: GraphCanvas) -> None:
        self._trace = trace
        self._canvas = canvas
        self._found: list[int] = []
        self._text = ""

    def entry(self, place: int) -> Entry:
        """What the palette shows of a node; beyond the last one, of a module call."""
        texts, count = texts_of(self._trace), len(self._trace.graph.nodes)
        if place < count:
            return self._node_entry(texts, place)
        path = modules_of(self._trace)[place - count]
        run = partial(self._canvas.travel.go_to_scope, path)
        return Entry(texts.titles[place], run, texts.details[place], "unfold", name=_dotted(path))

    def _node_entry(self, texts: Texts, node: int) -> Entry:
        name = self._trace.graph.nodes[node].name or ""
        run = partial(self.go_to, node)
        return Entry(texts.titles[node], run, texts.details[node], "variable" if name else "node", name=name)

    def answer(self, text: str) -> Answer:
        """The nodes that a query finds; for plain words their number alone, and for a faulty one what is wrong."""
        self._found, self._text = [], text.strip()
        try:
            query = parse(text)
        except QueryError as error:
            return Answer(note=str(error), is_fault=True)
        self._found = query.find(self._trace)
        return Answer(
            entries=tuple(self.entry(node) for node in self._found[:MAX_RESULTS]) if query.is_structured else None,
            note=_count_text(query, len(self._found)),
            show_all=self.show_all if self._found else None,
        )

    def go_to(self, node: int) -> None:
        """Go to a node, and outline it with the others that were found."""
        if node in self._found:
            self._canvas.travel.show_hits(self._text, self._found, node)
        else:
            self._canvas.travel.go_to_node(node)

    def show_all(self) -> None:
        """Outline all nodes that were found."""
        self._canvas.travel.show_hits(self._text, self._found)


def _count_text(query: Query, count: int) -> str:
    if not query.terms:
        return ""
    return "No node" if count == 0 else f"{count:,} {'node' if count == 1 else 'nodes'}"


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


_texts: WeakKeyDictionary[Trace, Texts] = WeakKeyDictionary()


def texts_of(trace: Trace) -> Texts:
    """What the palette says of each node: its variable and operation; where it is in the model and in the code.

    After the nodes come the module calls, in the order of `modules_of`: their path and class; how much is in them.
    """
    found = _texts.get(trace)
    if found is None:
        nodes, modules = trace.graph.nodes, modules_of(trace)
        titles = [_short(f"{node.name} · {node.label}" if node.name else node.label) for node in nodes]
        titles += [_short(_module_title(trace, path)) for path in modules]
        names = [node.name or "" for node in nodes] + [_dotted(path) for path in modules]
        found = _texts[trace] = Texts(titles, names, partial(_details, trace))
    return found


def modules_of(trace: Trace) -> list[ScopePath]:
    """The module calls in which anything ran, in the order in which they began."""
    known = _modules.get(trace)
    if known is None:
        paths: dict[ScopePath, None] = {}
        for scope in dict.fromkeys(node.scope for node in trace.graph.nodes):
            paths.update(dict.fromkeys(scope[: depth + 1] for depth in range(len(scope))))
        known = _modules[trace] = list(paths)
    return known


_modules: WeakKeyDictionary[Trace, list[ScopePath]] = WeakKeyDictionary()


def _dotted(path: ScopePath) -> str:
    return ".".join(path)


def _module_title(trace: Trace, path: ScopePath) -> str:
    scope = trace.graph.scopes.get(path)
    return _dotted(path) if scope is None else f"{_dotted(path)} · {scope.module}"


def _details(trace: Trace) -> list[str]:
    nodes = [_short(" · ".join(_parts(node))) for node in trace.graph.nodes]
    return nodes + [_module_detail(trace, path) for path in modules_of(trace)]


def _module_detail(trace: Trace, path: ScopePath) -> str:
    scope = trace.graph.scopes.get(path)
    return "Module" if scope is None or not scope.parameters else f"Module · {scope.parameters:,} parameters"


def _parts(node: Node) -> Iterator[str]:
    if node.scope:
        yield "/".join(node.scope)
    if node.outputs:
        yield format_shape(node.outputs[0].shape)
    if node.source is not None:
        yield f"{file_name(node.source.file)}:{node.source.line}"
    if node.grad_fn is not None:
        yield node.grad_fn


def _theme_title(title: str, choice: str) -> str:
    return f"Theme: {title}" if choice == "theme" else title


def _short(text: str) -> str:
    return plain(text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…")
