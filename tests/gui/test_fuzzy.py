"""gui.fuzzy: letters in order, better places first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gui import fuzzy


def _best(pattern: str, *texts: str) -> str:
    scored = [(hit[0], text) for text in texts if (hit := fuzzy.match(pattern, text)) is not None]
    return max(scored)[1]


def test_letters_must_be_there_in_order() -> None:
    assert fuzzy.match("abc", "a big cat") is not None
    assert fuzzy.match("cba", "a big cat") is None


def test_start_of_words_wins() -> None:
    assert _best("sf", "Step forward", "offset fix", "surface") == "Step forward"


def test_whole_runs_win() -> None:
    assert _best("fold", "Fold all", "f o l d", "front of lid") == "Fold all"


@given(st.text(max_size=20), st.text(max_size=40))
def test_positions_are_the_letters_of_the_pattern(pattern: str, text: str) -> None:
    hit = fuzzy.match(pattern, text)
    if hit is not None:
        places = hit[1]
        assert list(places) == sorted(set(places))
        assert all(0 <= place < len(text) for place in places)


@given(st.text(alphabet="abcdefgh", min_size=1, max_size=20), st.data())
def test_every_subsequence_is_found(text: str, data: st.DataObject) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    pattern = "".join(letter for letter, kept in zip(text, keep, strict=True) if kept)
    assert fuzzy.match(pattern, text) is not None
