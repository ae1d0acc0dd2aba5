"""gui.entries: what the palette finds among very many entries, and that it is what it finds among few."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.entries import MAX_RESULTS, Entries, Entry, Texts, search

WORDS = st.text("abc ._", min_size=1, max_size=8)


def nothing() -> None:
    """What no test runs."""


def both(titles: list[str], details: list[str], names: list[str]) -> tuple[list[Entry], Entries]:
    """The same entries as a list, and as texts."""
    rows = zip(titles, details, names, strict=True)
    entries = [Entry(title, nothing, detail, name=name) for title, detail, name in rows]
    return entries, Entries([], Texts(titles, names, lambda: details), entries.__getitem__)


@given(st.lists(st.tuples(WORDS, WORDS, st.sampled_from(["", "a", "ab"])), min_size=1, max_size=30), WORDS)
def test_many_are_searched_as_few_are(rows: list[tuple[str, str, str]], pattern: str) -> None:
    titles, details, names = (list(column) for column in zip(*rows, strict=True))
    few, many = both(titles, details, names)
    if any(name == pattern.strip() for name in names):
        pattern += "c"  # an exact name is found among many even where the title does not have it
    assert search(many, pattern) == search(few, pattern)


def test_a_name_typed_in_full_comes_first_and_commands_stay_in_sight() -> None:
    titles = [f"weight{number} · leaf" for number in range(500)] + ["w · leaf"]
    names = [f"weight{number}" for number in range(500)] + ["w"]
    few = [Entry("Watch the value", nothing, rank=1.0)]
    made: list[int] = []

    def make(index: int) -> Entry:
        made.append(index)
        return Entry(titles[index], nothing, name=names[index])

    entries = Entries(few, Texts(titles, names, lambda: [""] * len(titles)), make)
    found = [entry.title for entry, _ in search(entries, "w")]
    assert found[0] == "w · leaf"
    assert found[1] == "Watch the value"
    assert len(made) < MAX_RESULTS  # only what is shown is made


def test_details_are_looked_through_only_where_titles_are_few() -> None:
    def details() -> list[str]:
        raise AssertionError("not needed")

    many = Texts(["mul"] * MAX_RESULTS, [""] * MAX_RESULTS, details)
    assert len(many.find("mul")) == MAX_RESULTS
    with pytest.raises(AssertionError, match="not needed"):
        many.find("add")


def test_few_and_many_are_one_sequence() -> None:
    few, many = both(["a", "b", "c"], ["", "", ""], ["", "", ""])
    whole = Entries(few[:1], many.many, lambda index: few[index])
    assert [entry.title for entry in whole] == ["a", "a", "b", "c"]
    assert whole[-1].title == "c"
    assert [entry.title for entry in whole[:2]] == ["a", "a"]
    with pytest.raises(IndexError):
        whole[4]
