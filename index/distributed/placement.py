"""On which nodes replicas are: as few of one shard together as can be, and then evenly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

__all__ = ["Placed", "best_node", "crowd", "move"]


class Placed(Protocol):
    """Something of a shard on a node."""

    shard: str
    node: str


P = TypeVar("P", bound=Placed)


def crowd(shard: str, node: str, placed: Sequence[Placed]) -> tuple[int, int]:
    """Return how many replicas of a shard a node has, and how many of all."""
    here = [each for each in placed if each.node == node]
    return sum(each.shard == shard for each in here), len(here)


def best_node(shard: str, nodes: Sequence[str], placed: Sequence[Placed]) -> str:
    """Return the node for one more replica: the fewest of its shard, then the fewest of all."""
    return min(nodes, key=lambda node: crowd(shard, node, placed))


def move(nodes: Sequence[str], placed: Sequence[P]) -> tuple[P, str] | None:
    """Return a replica that is better elsewhere, and where; None if all are well.

    It moves away from others of its shard, or from a node that has at least two more than another.
    """
    for each in placed:
        shared, total = crowd(each.shard, each.node, placed)
        node = best_node(each.shard, nodes, placed)
        there, fewest = crowd(each.shard, node, placed)
        if there < shared - 1 or (there == shared - 1 and fewest < total - 1):
            return each, node
    return None
