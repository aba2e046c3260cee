"""Which shard has which document, and which node which shard."""

from types import SimpleNamespace

import numpy as np

from rarefy.index.distributed.deal import Deal
from rarefy.index.distributed.placement import best_node, move
from rarefy.index.distributed.turns import Turns


def test_the_deal_is_compact():
    deal = Deal([0, 0, 1, 0, 2], [3, 2, 0, 4, 1])
    assert deal.shards.tolist() == [0, 2] and deal.counts.tolist() == [9, 1]
    assert deal.rows(2, np.array([[0, -1]])).tolist() == [[9, -1]]
    assert deal.without([np.array([0, 8]), np.empty(0, int), np.array([0])]) == Deal([0], [7])


def test_a_deal_is_known_by_the_owners_of_rows():
    for shards, counts in [([], []), ([1], [3]), ([0, 2, 0, 1], [2, 1, 4, 1])]:
        deal = Deal(shards, counts)
        assert Deal.of(deal.owners) == deal
        for shard in set(shards):
            rows = np.flatnonzero(deal.owners == shard)
            assert deal.rows(shard, np.arange(len(rows))).tolist() == rows.tolist()


def test_shards_take_turns():
    turns = Turns()
    assert turns.deal(2, [5, 0, 1], 3) == [(1, 0, 2)]
    assert turns.deal(3, [5, 2, 1], 3) == [(1, 0, 1), (2, 1, 3)]
    assert Turns().deal(9, [5, 0, 1], 3) == [(1, 0, 3), (2, 3, 6), (0, 6, 9)]


def test_replicas_of_a_shard_are_apart_and_nodes_even():
    placed = [SimpleNamespace(shard=s, node=n) for s, n in ["ax", "ay", "bx"]]
    assert best_node("a", ["x", "y", "z"], placed) == "z"
    assert best_node("b", ["x", "y"], placed) == "y"
    assert move(["x", "y"], placed) is None
    together = [SimpleNamespace(shard="a", node="x"), SimpleNamespace(shard="a", node="x")]
    assert move(["x", "y"], together)[1] == "y"
