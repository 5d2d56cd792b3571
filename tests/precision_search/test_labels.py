import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from precision_search.labels import Box, Scene, Wanted, place

FRAME = Box(0, 0, 600, 400)
POINTS = st.lists(st.tuples(st.integers(0, 600), st.integers(0, 400)), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(POINTS)
def test_labels_never_touch_each_other_the_markers_or_the_edge(points: list[tuple[int, int]]) -> None:
    markers = [Box(x, y, x, y).grown(4) for x, y in points]
    wanted = [Wanted(index, point, (60, 10)) for index, point in enumerate(points)]
    labels = place(wanted, Scene(FRAME, markers, [], [], 1.4))
    for label in labels:
        assert label.box.inside(FRAME)
        assert not any(label.box.overlaps(marker) for marker in markers)
    for one, other in itertools.permutations(labels, 2):
        assert not one.box.overlaps(other.box)
        assert not one.box.crosses(points[other.index], other.anchor), "a leader runs through a text"


def test_a_lone_point_is_labelled_and_the_important_come_first() -> None:
    assert [label.index for label in place([Wanted(7, (300, 200), (60, 10))], Scene(FRAME, [], [], [], 1.0))] == [7]
    crowd = [Wanted(index, (300, 200), (590, 10)) for index in (4, 2, 9)]
    small = Scene(Box(0, 190, 600, 230), [], [], [], 1.0)
    assert [label.index for label in place(crowd, small)][:1] == [4]


def test_soft_things_are_avoided_where_there_is_room() -> None:
    soft = [Box(x, y, x + 1, y + 1) for x in range(200, 300, 4) for y in range(150, 260, 4)]
    (label,) = place([Wanted(0, (300, 200), (60, 10))], Scene(FRAME, [], [], soft, 1.0))
    assert not any(label.box.overlaps(box) for box in soft)
