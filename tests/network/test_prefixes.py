"""The walk over a tree of configurations: every prefix once, from the right start, with nothing kept for nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hwsim.network.prefixes import Numbering, chunks, common, walk

trails = st.integers(1, 5).flatmap(
    lambda depth: st.lists(st.tuples(*[st.integers(0, 2)] * depth), min_size=1, max_size=30, unique=True).map(sorted)
)


@given(trails)
def test_a_walk_computes_every_prefix_once_and_from_its_own_parent(found: list[tuple[int, ...]]) -> None:
    kept: dict[int, tuple[int, ...]] = {}
    computed: list[tuple[int, ...]] = []
    for visit in walk(found):
        trail = found[visit.leaf]
        if visit.shared:
            assert kept[visit.shared - 1] == trail[: visit.shared], "starts from another configuration's maps"
        for depth in range(visit.shared, len(trail)):
            computed.append(trail[: depth + 1])
            kept[depth] = trail[: depth + 1]
        kept = {depth: prefix for depth, prefix in kept.items() if depth in visit.keep}
        assert kept.keys() == visit.keep, "promises maps that are not there"
    assert sorted(computed) == sorted({trail[:depth] for trail in found for depth in range(1, len(trail) + 1)})
    assert not kept, "maps are held after the last leaf"


@given(trails)
def test_what_is_kept_is_used(found: list[tuple[int, ...]]) -> None:
    visits = walk(found)
    for place, visit in enumerate(visits):
        for depth in visit.keep:
            later = next(v for v in visits[place + 1 :] if v.shared <= depth + 1)
            assert later.shared == depth + 1


def test_common_is_the_length_of_the_common_prefix() -> None:
    assert [common((1, 2, 3), other) for other in ((1, 2, 3), (1, 2, 4), (0, 2, 3), ())] == [3, 2, 0, 0]


sizes = st.lists(st.dictionaries(st.sampled_from("abcdef"), st.just(3), max_size=4), max_size=12)


@given(sizes, st.integers(1, 12))
def test_chunks_cover_everything_in_order_and_stay_within_the_limit(needed: list[dict[str, int]], limit: int) -> None:
    found = list(chunks(needed, limit))
    assert [place for run in found for place in run] == list(range(len(needed)))
    for run in found:
        held = {key: size for place in run for key, size in needed[place].items()}
        assert sum(held.values()) <= limit or len(run) == 1
    for one, other in zip(found, found[1:], strict=False):
        merged = {key: size for place in [*one, other[0]] for key, size in needed[place].items()}
        assert sum(merged.values()) > limit, "a chunk ended early"


def test_numbers_follow_first_appearance() -> None:
    number = Numbering()
    assert [number(key) for key in "abcab"] == [0, 1, 2, 0, 1]
