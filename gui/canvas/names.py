"""Names where there is no room for more: one line for each box, as large on screen as it can be read."""

from __future__ import annotations

from typing import NamedTuple

from .fonts import Face, Fonts
from .group_labels import GAP, Run
from .look import PILLS, Role

LARGEST_PX, LEAST_PX = 12.0, 6.5
OF_BOX, OF_TITLE_BAR = 0.62, 0.7
"""How much of the height of its box, or of its title bar, a name takes."""
INSET_PX = 5.0
READABLE_PX = 9.0
"""A title of this size needs no magnification."""
FACE_PX = {Face.TITLE: 14.0, Face.SMALL_BOLD: 12.0, Face.LABEL: 14.0}
BASELINE = 0.36
"""From the middle of a line to its baseline, as a part of the font's size."""


class Name(NamedTuple):
    """Texts to be drawn magnified by `zoom`, at places that are to be multiplied by it."""

    runs: tuple[Run, ...]
    zoom: float


def title_of(runs: tuple[Run, ...]) -> Run | None:
    """Of all texts of a box, the one that names it."""
    for face in (Face.TITLE, Face.SMALL_BOLD):
        for run in runs:
            if run.face is face:
                return run
    return None


def name_of(runs: tuple[Run, ...], role: Role, width: float, height: float, scale: float, fonts: Fonts) -> Name | None:
    """The name of a box of this size in scene units, seen at `scale`; None where it would be too small."""
    title = title_of(runs)
    size = min(LARGEST_PX, OF_BOX * height * scale)
    if title is None or size < LEAST_PX:
        return None
    zoom = size / scale / FACE_PX[title.face]
    inset = INSET_PX / scale
    is_call = "@" in title.text  # which call of a module it is says more than its name
    text = fonts.elide(title.text, title.face, (width - 2 * inset) / zoom, is_left=is_call)
    if not text:
        return None
    x = max(inset, (width - fonts.width(text, title.face) * zoom) / 2) if role in PILLS else inset
    y = height / 2 + BASELINE * size / scale
    name = Run(text, x / zoom, y / zoom, title.face, title.colour)
    label = next((run for run in runs if run.face is Face.LABEL), None)
    left = name.x + fonts.width(text, name.face) + GAP
    room = (width - inset) / zoom - left
    if label is None or (fonts.width(label.text, Face.LABEL) > room and not title.text.isdecimal()):
        return Name((name,), zoom)
    kind = fonts.elide(label.text, Face.LABEL, room)  # a number says nothing without even the beginning of its class
    return Name((name, Run(kind, left, name.y, Face.LABEL, label.colour)) if kind else (name,), zoom)


def title_zoom(bar_height: float, scale: float) -> float:
    """How much an open group's title is magnified, so that it can be read in a title bar of this height."""
    if FACE_PX[Face.TITLE] * scale >= READABLE_PX:
        return 1.0
    wanted = min(LARGEST_PX, OF_TITLE_BAR * bar_height * scale)
    return max(1.0, wanted / (FACE_PX[Face.TITLE] * scale))
