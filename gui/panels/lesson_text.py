"""Lessons: their file format, which beat goes with which step, and the numbers that the trace puts into the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from PySide6.QtGui import QColor, QFontMetrics

from engine.graph.model import Node, SavedTensor, TensorInfo
from engine.graph.numbers import format_number, format_shape
from engine.graph.stepper import Stepper
from engine.graph.timeline import Phase
from engine.graph.trace import Trace
from engine.rules import rule_for

from ..resources import resource
from ..style import TEXT_NORMAL_PT
from ..theme import Theme, mono_font, ui_font
from ..widgets.tensor_view import number_text
from .naming import line_text, node_name, node_title

_HEADER = re.compile(r"^## +(?P<kind>start|step|end)(?: +(?P<names>.*?))?(?: +via +(?P<grad_fn>\S+))? *$")
_INLINE = re.compile(
    r"\*\*(?P<bold>.+?)\*\*|\*(?P<italic>[^*]+)\*|`(?P<code>[^`]+)`|\{(?P<field>\w+)(?::(?P<name>[^{}]+))?\}"
)
_DEMO_NAME = re.compile(r"[a-z0-9_-]{1,40}")


def _own_names(node: Node) -> set[str]:
    """What a lesson may call a node: its variable; else "addmm", or "fc1.addmm" within the module call fc1."""
    if node.name is not None:
        return {node.name}
    return {node.label} | ({f"{node.scope[-1]}.{node.label}"} if node.scope else set())


@dataclass(frozen=True)
class Beat:
    """One piece of a lesson. A "step" beat goes with steps of nodes called one of `names` (and of `grad_fn`)."""

    kind: str
    names: tuple[str, ...]
    grad_fn: str | None
    paragraphs: tuple[str, ...]

    def matches(self, node: Node) -> bool:
        """Whether the beat is about the backward step of `node`: by its variable's name, else by its operation."""
        return bool(_own_names(node) & set(self.names)) and self.grad_fn in (None, node.grad_fn)


@dataclass(frozen=True)
class Lesson:
    """A title and beats in the order of the file."""

    title: str
    beats: tuple[Beat, ...]

    def beat(self, trace: Trace, position: int) -> Beat | None:
        """The text for a position of the backward pass; after the last step its own beat and the end together."""
        if not 0 <= position <= len(trace.backward):
            return None
        if position == 0:
            return next((beat for beat in self.beats if beat.kind == "start"), None)
        node = trace.backward[position - 1].node
        found = next((beat for beat in self.beats if beat.kind == "step" and beat.matches(node)), None)
        if position < len(trace.backward):
            return found
        end = next((beat for beat in self.beats if beat.kind == "end"), None)
        if found is None or end is None:
            return found or end
        return Beat("end", (), None, (*found.paragraphs, *end.paragraphs))


def parse_lesson(text: str) -> Lesson:
    """Read a lesson.

    The file is Markdown: `# title`, then `## start`, `## step NAMES [via GRAD_FN]` and `## end`, each with paragraphs.
    NAMES (see `_own_names`) are separated by "|". A paragraph holds **bold**, *italic*, `code` and fields such as
    {value:z}; see `fill`.

    Raises
    ------
    ValueError
        There is no title, or a heading is none of these.
    """
    title, beats, header, lines = "", list[Beat](), None, list[str]()
    for line in [*text.splitlines(), "## end-of-file"]:
        if line.startswith("## "):
            if header is not None:
                beats.append(_beat(header, lines))
            header, lines = _HEADER.match(line), []
            if header is None and line != "## end-of-file":
                raise ValueError(f"Not a heading of a lesson: {line!r}")
        elif line.startswith("# ") and not title:
            title = line[2:].strip()
        elif header is not None:
            lines.append(line)
    if not title:
        raise ValueError("The lesson has no title: its first line must start with '# '.")
    return Lesson(title, tuple(beats))


def _beat(header: re.Match[str], lines: list[str]) -> Beat:
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", "\n".join(lines))]
    names = tuple(name.strip() for name in (header["names"] or "").split("|") if name.strip())
    return Beat(header["kind"], names, header["grad_fn"], tuple(part for part in paragraphs if part))


@lru_cache(maxsize=32)
def load_lesson(name: str, language: str = "en") -> Lesson | None:
    """The lesson of a built-in demo; None where there is no text for it."""
    if _DEMO_NAME.fullmatch(name) is None:
        return None
    path = resource("lessons", language, f"{name}.md")
    return parse_lesson(path.read_text(encoding="utf-8")) if path.is_file() else None


# --- numbers ---


def find_node(trace: Trace, name: str) -> Node | None:
    """The last node whose variable has this name, else the first unnamed one that is called so."""
    named = [node for node in trace.graph.nodes if node.name == name]
    if named:
        return named[-1]
    return next((node for node in trace.graph.nodes if node.name is None and name in _own_names(node)), None)


def _span(text: str, color: QColor, *, is_mono: bool = False) -> str:
    family = f"font-family:'{escape(mono_font().family())}';font-size:{TEXT_NORMAL_PT - 0.5}pt;" if is_mono else ""
    return f'<span style="color:{color.name()};{family}font-weight:600">{escape(text)}</span>'


def _code(text: str) -> str:
    family = escape(mono_font().family())
    return f"<span style=\"font-family:'{family}';font-size:{TEXT_NORMAL_PT - 0.5}pt\">{escape(text)}</span>"


def fill(field: str, name: str | None, trace: Trace, theme: Theme) -> str:
    """HTML of one field of a text.

    {value:z} and {grad:z} are numbers (of a tensor, its norm); {handed:L>a} is what the step of L handed on to a;
    {local:a} the local derivative of a scalar step (handed on divided by arrived); {before:w} and {after:w} what .grad
    held around the step; {shape:h} a shape; {zeros:h} how many entries of the gradient are 0; {name:z} the variable's
    name in the colour of values. What the trace does not know is a question mark.
    """
    unknown = _span("?", theme.muted)
    if name is None:
        return unknown
    if field == "name":
        return _span(name, theme.data_text)
    first, _, second = name.partition(">")
    node = find_node(trace, first)
    if node is None or not node.outputs:
        return unknown
    if field == "shape":
        return escape(format_shape(node.outputs[0].shape))
    if field == "value":
        return _span(number_text(node.outputs[0]), theme.data_text, is_mono=True)
    if field == "local":
        ratio = _local_derivative(trace, node)
        return unknown if ratio is None else _span(format_number(ratio), theme.data_text, is_mono=True)
    text = _gradient_text(field, node, second, trace)
    return unknown if text is None else _span(text, theme.accent_text, is_mono=True)


def _gradient_text(field: str, node: Node, receiver: str, trace: Trace) -> str | None:
    """The number of a field that is about the node's backward step; None where there is none."""
    step = trace.step_of(node)
    if step is None:
        return None
    arrived = next((grad for grad in step.grad_outputs if grad is not None), None)
    if field == "zeros":
        return None if arrived is None or arrived.summary is None else str(arrived.summary.zeros)
    if field == "before" and step.grad_before is None:
        return "None"
    infos = {
        "grad": arrived,
        "before": step.grad_before,
        "after": step.grad_after,
        "handed": _handed(trace, node, receiver),
    }
    info = infos.get(field)
    return None if info is None else number_text(info)


def _handed(trace: Trace, node: Node, target: str) -> TensorInfo | None:
    step = trace.step_of(node)
    receiver = find_node(trace, target)
    for edge in trace.graph.incoming(node):
        if step is None or edge.grad_index is None or not 0 <= edge.grad_index < len(step.grad_inputs):
            continue
        if receiver is not None and edge.source == receiver.id:
            return step.grad_inputs[edge.grad_index]
    return None


def _local_derivative(trace: Trace, node: Node) -> float | None:
    step = trace.step_of(node)
    if step is None or not step.grad_outputs:
        return None
    arrived = step.grad_outputs[0]
    handed = next((grad for grad in step.grad_inputs if grad is not None), None)
    if arrived is None or handed is None or arrived.array is None or handed.array is None:
        return None
    if arrived.array.size != 1 or handed.array.size != 1 or float(arrived.array.reshape(-1)[0]) == 0:
        return None
    return float(handed.array.reshape(-1)[0]) / float(arrived.array.reshape(-1)[0])


# --- HTML ---


def paragraph_html(text: str, trace: Trace, theme: Theme) -> str:
    """One paragraph as HTML; whatever is not our own markup is escaped."""
    parts, start = [], 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[start : match.start()]))
        start = match.end()
        if match["bold"] is not None:
            parts.append(f"<b>{paragraph_html(match['bold'], trace, theme)}</b>")
        elif match["italic"] is not None:
            parts.append(f"<i>{paragraph_html(match['italic'], trace, theme)}</i>")
        elif match["code"] is not None:
            parts.append(_code(match["code"]))
        else:
            parts.append(fill(match["field"], match["name"], trace, theme))
    return "".join([*parts, escape(text[start:])])


def beat_html(beat: Beat, trace: Trace, stepper: Stepper, theme: Theme) -> str:
    """A beat with the trace's numbers put in, under a small line that says which step it is about."""
    paragraphs = [_where(trace, stepper, theme), *(paragraph_html(part, trace, theme) for part in beat.paragraphs)]
    return _join(paragraphs)


def _join(paragraphs: list[str]) -> str:
    height = round(QFontMetrics(ui_font(TEXT_NORMAL_PT)).lineSpacing() * 1.3)  # one height, whatever faces a line mixes
    style = f"margin-top:0;margin-bottom:8px;line-height:{height}px"
    return "".join(f'<p style="{style}">{part}</p>' for part in paragraphs)


def _where(trace: Trace, stepper: Stepper, theme: Theme) -> str:
    current, event = stepper.current, stepper.event
    if current is None:
        text = "forward pass done"
        if event is None:
            text = "before the forward pass"
        elif event.phase is Phase.UPDATE:
            text = f"update {event.ordinal + 1} of {stepper.last - stepper.length}"
        elif stepper.position < 0:
            text = f"forward operation {event.ordinal + 1} of {-stepper.first}"
        return f'<span style="color:{theme.muted.name()}">{text}</span>'
    text = f"step {stepper.position} of {len(trace.backward)} · {current.node.grad_fn or current.node.label}"
    return f'<span style="color:{theme.muted.name()}">{escape(text)}</span>'


def generic_html(trace: Trace, stepper: Stepper, theme: Theme, sources: Mapping[str, str]) -> tuple[str, str]:
    """Title and text for a step of any program."""
    if not trace.backward:
        reason = trace.error or "No backward pass was recorded, so there is nothing to step through."
        return "No backward pass", _join([escape(reason)])
    current = stepper.current
    if stepper.position < 0 or stepper.position > len(trace.backward):
        return _outside_html(trace, stepper, theme, sources)
    next_step = trace.backward[stepper.position] if stepper.position < len(trace.backward) else None
    parts = [_where(trace, stepper, theme)]
    if current is None:
        title = "Ready for the backward pass"
        count = sum(node.kind == "op" for node in trace.graph.nodes)
        parts.append(
            f"The forward pass ran {count} operations. The backward pass takes {len(trace.backward)} steps, from the "
            "result back to the leaves. It starts with the derivative of the result with respect to itself, which is "
            f"{_span('1', theme.accent_text, is_mono=True)}."
        )
    else:
        node = current.node
        title = node_title(node)
        code = line_text(sources, node.source)
        if code:
            parts.append(_code(code[:200]))
        rule = rule_for(node.grad_fn) if node.grad_fn is not None else None
        if rule is not None and rule.explanation:
            parts.append(escape(rule.explanation))
        arrived = next((grad for grad in current.grad_outputs if grad is not None), None)
        if arrived is not None:
            number = _span(number_text(arrived), theme.accent_text, is_mono=True)
            parts.append(f"The gradient that arrived: {number}.")
        parts.extend(_handed_parts(trace, node, theme))
        if current.grad_after is not None:
            name, held = _span(f"{node_name(node)}.grad", theme.text), number_text(current.grad_after)
            parts.append(f"{name} now {_has(held, theme.accent_text, 'holds')}.")
    if next_step is not None:
        parts.append(f"Next: {_span(node_title(next_step.node), theme.data_text)}.")
    else:
        parts.append("That was the last step: every leaf that the result depends on has its gradient.")
    return title, _join(parts)


def _outside_html(trace: Trace, stepper: Stepper, theme: Theme, sources: Mapping[str, str]) -> tuple[str, str]:
    """Title and text for an operation of the forward pass, or for an update of a leaf."""
    parts, event, ahead = [_where(trace, stepper, theme)], stepper.event, stepper.timeline.ahead(stepper.position)
    if event is None:
        title = "Nothing has run yet"
        parts.append("There are only the leaves and the inputs. The forward pass computes everything else from them.")
    elif event.phase is Phase.UPDATE:
        update = stepper.timeline.updates[event.ordinal]
        title = f"{node_name(event.node)} is updated"
        change = (
            "" if update.amount is None else f" by {_span(format_number(update.amount), theme.leaf_text, is_mono=True)}"
        )
        text = f"{escape(update.text)} changed {_span(node_name(event.node), theme.data_text)}{change}"
        parts.append(f"{text} (the norm of the change).")
        name = _span(node_name(event.node), theme.text)
        if update.after.array is None:
            parts.append(f"{name} is another one now; its new values were not kept.")
        else:
            number = _has(number_text(update.after), theme.data_text)
            parts.append(f"{name} now {number}. The next forward pass will compute with that.")
    else:
        title = node_title(event.node)
        code = line_text(sources, event.node.source)
        if code:
            parts.append(_code(code[:200]))
        nodes = trace.graph.nodes
        read = [_span(node_name(nodes[edge.source]), theme.data_text) for edge in trace.graph.incoming(event.node)[:8]]
        if read:
            parts.append(f"Computed from {', '.join(read)}.")
        if event.node.outputs:
            number = _has(number_text(event.node.outputs[0]), theme.data_text)
            parts.append(f"{_span(node_name(event.node), theme.text)} {number}.")
        if event.node.saved:
            kept = dict.fromkeys(_kept(trace, event.node, saved) for saved in event.node.saved[:8])
            parts.append(f"For the way back it keeps {', '.join(_span(name, theme.data_text) for name in kept)}.")
    if ahead is not None:
        parts.append(f"Next: {_span(node_title(ahead.node), theme.data_text)}.")
    return title, _join(parts)


def _has(number: str, color: QColor, verb: str = "is") -> str:
    """ "is 2.42"; of several numbers "has norm 1.87"."""
    return f"{'has' if number.startswith('norm ') else verb} {_span(number, color, is_mono=True)}"


def _kept(trace: Trace, node: Node, saved: SavedTensor) -> str:
    """What is saved, by the name of whoever made it; where that is not known, as autograd calls it."""
    if saved.source is None:
        return saved.name
    maker = trace.graph.nodes[saved.source[0]]
    return f"its result {node_name(node)}" if maker.id == node.id else node_name(maker)


def _handed_parts(trace: Trace, node: Node, theme: Theme) -> list[str]:
    step = trace.step_of(node)
    parts = []
    for edge in trace.graph.incoming(node)[:8]:
        if step is None or edge.grad_index is None or not 0 <= edge.grad_index < len(step.grad_inputs):
            continue
        info = step.grad_inputs[edge.grad_index]
        if info is not None:
            name = _span(node_name(trace.graph.nodes[edge.source]), theme.data_text)
            parts.append(f"{_span(number_text(info), theme.accent_text, is_mono=True)} to {name}")
    return [f"Handed on: {', '.join(parts)}."] if parts else []
