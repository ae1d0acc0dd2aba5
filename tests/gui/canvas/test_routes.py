"""Rounded corners, the way back and arrow heads of links."""

from __future__ import annotations

import numpy as np

from gui.canvas import routes

FIRST = np.array([0])


def bend() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Down, to the right, down: the form of nearly every link."""
    return np.array([[0.0, 0.0], [0.0, 50.0], [100.0, 50.0], [100.0, 120.0]])


def test_straight_lines_keep_the_corners_and_stop_inside_the_arrow_head() -> None:
    made = routes.build([bend()])
    segments = made.straight.of(np.array([0]))
    assert segments[0].tolist() == [0, 0, 0, 50]
    assert segments[1].tolist() == [0, 50, 100, 50]
    tip, left, right = made.heads(FIRST)[0]
    assert tip.tolist() == [100, 120]
    assert left[1] == right[1] == 120 - routes.HEAD_LENGTH
    assert left[1] < segments[-1, 3] < tip[1]


def test_rounded_corners_stay_within_the_radius_and_join() -> None:
    segments = routes.build([bend()]).rounded(FIRST).segments
    assert np.allclose(segments[1:, :2], segments[:-1, 2:]), "every segment begins where the last one ended"
    corner = np.hypot(segments[:, 0] - 0, segments[:, 1] - 50)
    assert corner.min() > 1.0, "the corner itself is cut"
    assert np.count_nonzero(corner <= routes.RADIUS + 1e-9) == routes.ARC_POINTS


def test_a_corner_between_short_segments_gets_a_smaller_radius() -> None:
    segments = routes.build([np.array([[0.0, 0.0], [0.0, 4.0], [50.0, 4.0], [50.0, 40.0]])]).rounded(FIRST).segments
    assert (segments[:, 1] >= 0).all()
    assert np.allclose(segments[0], [0, 0, 0, 2])


def test_the_way_back_runs_beside_the_link_and_ends_at_its_source() -> None:
    made = routes.build([bend()])
    back = made.back_straight(FIRST).segments
    offset = routes.BACK_OFFSET
    assert back[0, :2].tolist() == [100 - offset, 120]
    assert back[1].tolist() == [100 - offset, 50 + offset, -offset, 50 + offset]
    assert made.back_heads(FIRST)[0, 0].tolist() == [-offset, 0]
    assert made.back_heads(FIRST)[0, 1, 1] == routes.HEAD_LENGTH, "the head points up"


def test_many_links_do_not_run_into_each_other() -> None:
    lines = [bend(), bend() + 300, np.array([[5.0, 5.0], [5.0, 90.0]])]
    made = routes.build(lines)
    assert len(made) == 3
    for index, line in enumerate(lines):
        for segments in (made.straight.of(np.array([index])), made.rounded(np.array([index])).segments):
            assert segments[0, :2].tolist() == line[0].tolist()
            low, high = line.min(axis=0), line.max(axis=0)
            assert (segments[:, :2] >= low - 1e-9).all()
            assert (segments[:, 2:] <= high + 1e-9).all()
    assert len(made.straight.of(np.array([2, 0]))) == 1 + 3


def test_boxes_hold_both_ways_and_the_heads() -> None:
    made = routes.build([bend()])
    x, y, right, bottom = made.boxes[0]
    for points in (
        made.rounded(FIRST).segments.reshape(-1, 2),
        made.back_rounded(FIRST).segments.reshape(-1, 2),
        made.heads(FIRST)[0],
    ):
        assert (points >= [x, y]).all()
        assert (points <= [right, bottom]).all()


def test_degenerate_links_are_harmless() -> None:
    made = routes.build([np.empty((0, 2)), np.array([[3.0, 3.0]]), np.array([[1.0, 1.0], [1.0, 1.0]]), bend()])
    assert np.isfinite(made.rounded(np.arange(len(made))).segments).all()
    assert np.isfinite(made.back_rounded(np.arange(len(made))).segments).all()
    assert np.isfinite(made.boxes).all()
    nothing = routes.build([])
    assert len(nothing) == 0
    assert len(nothing.straight.of(np.empty(0, dtype=np.int64))) == 0


def test_a_line_that_turns_back_on_itself_stays_finite() -> None:
    made = routes.build([np.array([[0.0, 0.0], [0.0, 50.0], [0.0, 10.0], [20.0, 10.0]])])
    assert np.abs(made.back_rounded(np.arange(len(made))).segments).max() < 200


def test_distance_to_segments() -> None:
    segments = np.array([[0.0, 0.0, 10.0, 0.0], [0.0, 5.0, 0.0, 5.0]])
    assert routes.distance_to(segments, 5, 3).tolist() == [3.0, np.hypot(5, 2)]
    assert len(routes.distance_to(np.empty((0, 4)), 0, 0)) == 0
