"""Which shard has which document, and which node which shard."""

from types import SimpleNamespace

import numpy as np

from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.placement import best_node, move


def test_the_deal_is_compact():
    deal = Deal([0, 0, 1, 0, 2], [3, 2, 0, 4, 1])
    assert deal.shards.tolist() == [0, 2] and deal.counts.tolist() == [9, 1]
    assert deal.rows(2, np.array([[0, -1]])).tolist() == [[9, -1]]
    assert deal.without([np.array([0, 8]), np.empty(0, int), np.array([0])]) == Deal([0], [7])


def test_replicas_of_a_shard_are_apart_and_nodes_even():
    placed = [SimpleNamespace(shard=s, node=n) for s, n in ["ax", "ay", "bx"]]
    assert best_node("a", ["x", "y", "z"], placed) == "z"
    assert best_node("b", ["x", "y"], placed) == "y"
    assert move(["x", "y"], placed) is None
    together = [SimpleNamespace(shard="a", node="x"), SimpleNamespace(shard="a", node="x")]
    assert move(["x", "y"], together)[1] == "y"
