import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precision_search.errors import SpaceError
from precision_search.expand import expand, expand_all


@given(st.integers(-9, 9), st.integers(0, 12), st.integers(1, 5))
def test_a_range_is_pythons_range_with_both_ends(first: int, length: int, step: int) -> None:
    found = expand(f"f<{{{first}..{first + length}..{step}}}>")
    assert list(found) == [f"f<{value}>" for value in range(first, first + length + 1, step)]


@given(st.lists(st.sampled_from(["{1..3}", "{a,b}", "-", "x<2>"]), max_size=5))
def test_groups_multiply_and_the_last_runs_fastest(pieces: list[str]) -> None:
    words = {"{1..3}": ["1", "2", "3"], "{a,b}": ["a", "b"]}
    expected = ["".join(choice) for choice in itertools.product(*(words.get(piece, [piece]) for piece in pieces))]
    assert list(expand("".join(pieces))) == expected


def test_a_codebook_table_is_not_a_group() -> None:
    assert expand("codebook<2>{-1/2;1}") == ("codebook<2>{-1/2;1}",)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("f<{1..3>", "do not match"),
        ("f<1..3}>", "do not match"),
        ("f<{3..1}>", "is empty"),
        ("f<{1..3..0}>", "is empty"),
        ("f<{1..x}>", "neither a range"),
        ("f<{a,,b}>", "neither a range"),
        ("f<{1..999999}>", "more than 100,000 values"),
        ("f<{1..999},{1..999}>", "998,001 strings"),
    ],
)
def test_what_cannot_be_expanded_says_why(pattern: str, reason: str) -> None:
    with pytest.raises(SpaceError, match=reason):
        expand(pattern)


def test_patterns_keep_their_order() -> None:
    assert list(expand_all(["b{1,2}", "a"])) == ["b1", "b2", "a"]
