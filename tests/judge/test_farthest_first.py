"""A few of many screens, so that each of the many is near one of the few."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.judge.test_blocks import POINTS, some_screens
from watcher.judge.farthest_first import WeightedTraversal, farthest_first


@given(POINTS, st.floats(0.01, 0.9), st.integers(1, 10))
def test_all_points_are_near_a_centre_and_the_centres_are_apart(rows: list[bytes], radius: float, limit: int) -> None:
    screens = some_screens(rows)
    every = torch.arange(len(rows))
    found = farthest_first(screens, 0, radius, limit)
    table = torch.stack([screens.distances(centre, every) for centre in found.centres])
    assert torch.allclose(table.min(0).values, found.distances, atol=1e-3)
    assert torch.allclose(table.gather(0, found.belongs[None])[0], found.distances)
    farthest = float(found.distances.max())
    assert farthest <= radius or len(found.centres) == limit
    apart = [float(table[late, found.centres[early]]) for late in range(len(table)) for early in range(late)]
    assert all(distance > radius and distance >= farthest - 1e-3 for distance in apart)


@given(POINTS, st.integers(1, 10))
def test_every_point_is_a_member_once_and_the_centre_is_first(rows: list[bytes], limit: int) -> None:
    found = farthest_first(some_screens(rows), 0, 0.1, limit)
    members = found.members()
    assert sorted(row for own in members for row in own) == list(range(len(rows)))
    for centre, own in zip(found.centres, members, strict=True):
        assert found.distances[own[0]] == found.distances[centre] == 0
        assert own == sorted(own, key=lambda row: (float(found.distances[row]), row))


@given(POINTS, st.data())
def test_the_best_of_weighted_points_is_what_is_heavy_and_far_from_all_taken(
    rows: list[bytes], data: st.DataObject
) -> None:
    screens, places = some_screens(rows), range(len(rows))
    weights = [data.draw(st.floats(0, 8, width=32)) for _ in places]
    is_open = [data.draw(st.booleans()) for _ in places]
    traversal = WeightedTraversal(screens, list(places), weights, is_open)
    distances, left = torch.ones(len(rows)), {place for place in places if is_open[place]}
    while best := traversal.best():
        score, place = best
        scores = torch.tensor(weights) * distances
        assert place in left
        assert score == float(scores[place]) == max(float(scores[other]) for other in left)
        traversal.take(place)
        left.remove(place)
        distances = torch.minimum(distances, screens.distances(place, torch.arange(len(rows))))
    assert not left


def test_the_lightest_point_can_be_measured_by_and_stays_open() -> None:
    screens = some_screens([bytes([code] * 12) for code in (0, 10, 200)])
    traversal = WeightedTraversal(screens, [0, 1, 2], [1.0, 2.0, 2.0], [True, True, True])
    traversal.measure_by_lightest()
    order = []
    while best := traversal.best():
        order.append(best[1])
        traversal.take(best[1])
    assert order[0] == 2
    assert sorted(order) == [0, 1, 2]
