"""What the palette can find, and which of it fits a typed text best. No widgets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import overload

from gui import fuzzy

MAX_RESULTS = 60
_EXACT = 100.0
"""What a name typed in full counts: more than any letters in order can."""
_MOST_STREWN = 1_000
"""Of texts that have the letters apart from each other so many are weighed: each takes as long as fifty others."""

Hit = tuple[float, int, tuple[int, ...]]
"""Minus the score, the place among all entries, the matched letters' positions in the title: the best come first."""


@dataclass(frozen=True)
class Entry:
    """One thing that can be found: `run` is called when it is chosen. `rank` lifts it above equal matches.

    `name`, typed in full, puts it above everything: a variable called w comes before "Watch the value".
    """

    title: str
    run: Callable[[], None]
    detail: str = ""
    icon: str = "command"
    keys: str = ""
    keywords: str = ""
    rank: float = 0.0
    name: str = ""


class Texts:
    """Titles, names ("" for none) and details of very many entries; details are made when they are first needed."""

    def __init__(self, titles: list[str], names: list[str], details: Callable[[], list[str]]) -> None:
        self.titles = titles
        self._names = names
        self._make_details = details

    def get_ready(self) -> None:
        """Do now, on any thread, what the first search would wait for."""
        for part in (self._places, self._named, self._folded_titles, self._folded_details):
            len(part)

    @cached_property
    def details(self) -> list[str]:
        return self._make_details()

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Which entries have a title: one title is often that of many."""
        return _grouped(self.titles)

    @cached_property
    def _named(self) -> dict[str, list[int]]:
        return _grouped(self._names)

    @cached_property
    def _folded_titles(self) -> list[str]:
        return [title.casefold() for title in self._places]

    @cached_property
    def _folded_details(self) -> list[str]:
        return [detail.casefold() for detail in self.details]

    def find(self, pattern: str) -> list[Hit]:
        """The entries that fit: by their titles, and where those are few by their details too."""
        wanted = "".join(pattern.casefold().split())
        found: dict[int, tuple[float, tuple[int, ...]]] = {}
        titles = list(self._places)
        for place in _likely(self._folded_titles, wanted):
            hit = fuzzy.match(pattern, titles[place])
            if hit is not None:
                found.update(dict.fromkeys(self._places[titles[place]], hit))
        if len(found) < MAX_RESULTS:
            for index in _likely(self._folded_details, wanted):
                hit = fuzzy.match(pattern, self.details[index]) if index not in found else None
                if hit is not None and hit[0] >= len(pattern) * 2:
                    found[index] = hit[0] * 0.5, ()
        for index in self._named.get(pattern.strip(), ()):
            score, places = found.get(index, (0.0, ()))
            found[index] = score + _EXACT, places
        return [(-score, index, places) for index, (score, places) in found.items()]


def _grouped(texts: list[str]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(text, []).append(index)
    return groups


def _likely(texts: list[str], wanted: str) -> Iterator[int]:
    """Places of the texts that have the letters together; where those are few, then of some that have them apart."""
    together = {place for place, text in enumerate(texts) if wanted in text}
    yield from together
    if len(together) < MAX_RESULTS:
        apart = re.compile(".*?".join(map(re.escape, wanted)), re.DOTALL).search
        left = _MOST_STREWN
        for place, text in enumerate(texts):
            if left and place not in together and apart(text):
                left -= 1
                yield place


class Entries(Sequence[Entry]):
    """A few entries, and after them very many that are made when they are looked at, the i-th by `make(i)`."""

    def __init__(self, few: Sequence[Entry], many: Texts, make: Callable[[int], Entry]) -> None:
        self.few = few
        self.many = many
        self._make = make

    def __len__(self) -> int:
        return len(self.few) + len(self.many.titles)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return self.few[index] if index < len(self.few) else self._make(index - len(self.few))


def search(entries: Sequence[Entry], pattern: str) -> list[tuple[Entry, tuple[int, ...]]]:
    """The entries that fit, best first, with the positions of the matched letters in their titles."""
    if not pattern.strip():
        return [(entry, ()) for entry in entries[:MAX_RESULTS]]
    few = entries.few if isinstance(entries, Entries) else entries
    found = _find(few, pattern)
    if isinstance(entries, Entries):
        found += [(score, len(few) + index, places) for score, index, places in entries.many.find(pattern)]
    found.sort(key=lambda hit: hit[:2])
    return [(entries[order], places) for _, order, places in found[:MAX_RESULTS]]


def _find(entries: Sequence[Entry], pattern: str) -> list[Hit]:
    found = []
    for order, entry in enumerate(entries):
        hit = fuzzy.match(pattern, entry.title)
        score, places = hit if hit is not None else (0.0, ())
        if hit is None:
            other = fuzzy.match(pattern, f"{entry.detail} {entry.keywords}")
            if other is None or other[0] < len(pattern) * 2:  # letters strewn over a long text are no match
                continue
            score = other[0] * 0.5
        if entry.name and entry.name == pattern.strip():
            score += _EXACT
        found.append((-score - entry.rank, order, places))
    return found
