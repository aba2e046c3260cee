import numpy as np

from rarefy.eval.pareto import dominated


def test_a_point_is_dominated_where_another_is_no_worse_in_anything():
    points = [(1, 1), (2, 0), (0, 0), (1, 1), (1, 0)]
    np.testing.assert_array_equal(dominated(points), [False, False, True, False, True])
    assert dominated([]).tolist() == []


def test_it_is_the_definition_on_random_points():
    points = np.random.default_rng(0).integers(0, 5, (60, 3))
    expected = [
        any((other >= point).all() and (other > point).any() for other in points)
        for point in points
    ]
    np.testing.assert_array_equal(dominated(points), expected)
