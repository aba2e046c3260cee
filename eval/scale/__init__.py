"""How many machines a collection wants, and how long its queries will take.

`costs` is a model of what one shard takes, fitted to measured ones; `planning` adds the answers of
many up; `simulation` is a cluster in time, with queues, stragglers and failures; `queueing` has the
formulas that it is checked with.
"""

from rarefy.eval.scale.costs import Costs, Point
from rarefy.eval.scale.planning import Machine, Plan, plan
from rarefy.eval.scale.simulation import Cluster, Outcome, simulate

__all__ = ["Cluster", "Costs", "Machine", "Outcome", "Plan", "Point", "plan", "simulate"]
