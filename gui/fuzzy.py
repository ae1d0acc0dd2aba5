"""Fuzzy matching of what was typed against a title: letters in order, words and runs first. No Qt."""

from __future__ import annotations

_BOUNDARY = set(" ._-·/:()[]")


def match(pattern: str, text: str) -> tuple[float, tuple[int, ...]] | None:
    """How well `pattern` fits into `text`, and the positions of the letters it was found at; None if it does not.

    Higher is better. Letters must appear in order, upper and lower case are the same, and spaces in the pattern are
    skipped. A letter counts more at the start of a word and right after the one before it; shorter texts win.
    """
    wanted = [letter for letter in pattern.casefold() if not letter.isspace()]
    if not wanted:
        return 0.0, ()
    folded = text.casefold()
    if len(folded) != len(text):  # a few letters fold into two; positions would no longer fit
        folded = text.lower() if len(text.lower()) == len(text) else text
    whole = folded.find("".join(wanted))
    if whole >= 0:
        positions = tuple(range(whole, whole + len(wanted)))
        return _score(folded, positions) + 8.0, positions
    best: tuple[float, tuple[int, ...]] | None = None
    start = folded.find(wanted[0])
    tries = 0
    while start >= 0 and tries < 8:
        positions = _greedy(wanted, folded, start)
        if not positions:
            break
        score = _score(folded, positions)
        if best is None or score > best[0]:
            best = score, positions
        start = folded.find(wanted[0], start + 1)
        tries += 1
    return best


def _greedy(wanted: list[str], text: str, start: int) -> tuple[int, ...]:
    """The first place of each letter from `start` on, word starts preferred; () if they do not all appear."""
    positions = [start]
    for index, letter in enumerate(wanted[1:], start=1):
        after = positions[-1] + 1
        place = text.find(letter, after)
        if place < 0:
            return ()
        if place != after:
            word = next((k for k in range(after, len(text)) if text[k] == letter and text[k - 1] in _BOUNDARY), -1)
            rest = wanted[index + 1 :]
            if word >= 0 and _contains(rest, text, word + 1):
                place = word
        positions.append(place)
    return tuple(positions)


def _contains(letters: list[str], text: str, start: int) -> bool:
    for letter in letters:
        start = text.find(letter, start) + 1
        if start == 0:
            return False
    return True


def _score(text: str, positions: tuple[int, ...]) -> float:
    score = 0.0
    for index, place in enumerate(positions):
        score += 1.0
        if place == 0 or text[place - 1] in _BOUNDARY:
            score += 3.0
        if index and place == positions[index - 1] + 1:
            score += 2.0
    return score - 0.02 * len(text) - 0.05 * positions[0]
