"""From LaTeX to SVG: typeset by ziamath, or taken from the formulas of all rules that were typeset beforehand."""

from __future__ import annotations

import json
import lzma
import re
import warnings
from functools import cache, lru_cache

from gui.resources import resource

SIZE_PX = 19.0
"""Height of the type of the stored formulas."""
STORE = "formulas.json.xz"
_PLACEHOLDER = "#010203"
"""Stands for the colour in stored formulas."""
_SEPARATOR = re.compile(r",?\s*\\q?quad\s*|\s*\\\\\s*")
_VIEW_BOX = re.compile(r'width="([\d.e-]+)" height="([\d.e-]+)" viewBox="([-\d.e]+) ([-\d.e]+) ([-\d.e]+) ([-\d.e]+)"')
_PATH = re.compile(r'<path d="([^"]*)"')
_RECT = re.compile(r'<rect x="([-\d.e]+)" y="([-\d.e]+)" width="([-\d.e]+)" height="([-\d.e]+)"')
_MARGIN = 1.0


def split_formulas(latex: str) -> list[str]:
    r"""The single formulas of a list that is separated by `\quad`, `\qquad` or `\\`."""
    pieces = [latex] if "\\begin" in latex else _SEPARATOR.split(latex)
    return [part for part in (piece.strip() for piece in pieces) if part]


@lru_cache(maxsize=512)
def render_svg(latex: str, size_px: float, color: str) -> bytes | None:
    """The formula as SVG 1.1, or None where it cannot be typeset. `color` is a CSS colour."""
    svg = _stored().get(latex) if size_px == SIZE_PX else None
    if svg is None:
        svg = typeset(latex, size_px)
    return None if svg is None else svg.replace(_PLACEHOLDER, color).encode()


def typeset(latex: str, size_px: float) -> str | None:
    """Typeset a formula in the placeholder's colour (about 10 ms, and a third of a second the first time)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its import reads its font in a way that Python deprecates
        from ziamath.config import config
        from ziamath.zmath import Latex
    config.svg2 = False  # Qt draws SVG 1.1 only
    try:
        svg: str = Latex(latex, size=size_px, color=_PLACEHOLDER, margin=1.0).svg()
    except Exception:  # noqa: BLE001 - the typesetter raises whatever its parser meets; the plain text is shown then
        return None
    return _with_room(svg)


def _with_room(svg: str) -> str:
    """Widen the picture to everything that is drawn: the typesetter's own box cuts the feet of some fractions."""
    box = _VIEW_BOX.search(svg)
    if box is None:
        return svg
    x, y, width, height = (float(part) for part in box.groups()[2:])
    xs, ys = [x, x + width], [y, y + height]
    for match in _PATH.finditer(svg):  # absolute coordinates; a curve stays within its control points
        numbers = [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", match.group(1))]
        xs += [min(numbers[0::2]) - _MARGIN, max(numbers[0::2]) + _MARGIN] if numbers else []
        ys += [min(numbers[1::2]) - _MARGIN, max(numbers[1::2]) + _MARGIN] if numbers else []
    for match in _RECT.finditer(svg):
        left, top, wide, high = (float(part) for part in match.groups())
        xs += [left - _MARGIN, left + wide + _MARGIN]
        ys += [top - _MARGIN, top + high + _MARGIN]
    x, y, width, height = min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    size = f'width="{width:.3f}" height="{height:.3f}" viewBox="{x:.3f} {y:.3f} {width:.3f} {height:.3f}"'
    return svg[: box.start()] + size + svg[box.end() :]


@cache
def _stored() -> dict[str, str]:
    path = resource(STORE)
    if not path.exists():  # everything is typeset when it is first shown, then
        return {}
    found: dict[str, str] = json.loads(lzma.decompress(path.read_bytes()))
    return found


def preload() -> None:
    """Read the stored formulas (some 40 ms), in a moment in which nobody waits."""
    _stored()


def formulas_of_rules() -> list[str]:
    """Every single formula of every rule."""
    from engine.rules import rules

    found = [part for rule in rules().values() for latex in (rule.forward, rule.vjp) for part in split_formulas(latex)]
    return sorted(set(found))


def store() -> None:
    """Typeset the formulas of all rules and write them beside the other resources."""
    made = {latex: svg for latex in formulas_of_rules() if (svg := typeset(latex, SIZE_PX)) is not None}
    data = json.dumps(made, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    resource(STORE).write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    store()
