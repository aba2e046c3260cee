"""When to give a training run up: its vectors are empty, stay dense, or are no numbers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rarefy.errors import InputError, TrainingError

__all__ = ["SparsityGuard"]


@dataclass(frozen=True)
class SparsityGuard:
    """Stops a run whose vectors are of no use to an index.

    Parameters
    ----------
    empty
        Share of a batch's queries or documents without any term from which on they count as
        collapsed.
    dense
        Share of the vocabulary that a mean vector may have once `patience` is over.
    patience
        Steps in which vectors may be dense: regularisers start weak, and need time.
    """

    empty: float = 0.5
    dense: float = 0.05
    patience: int = 1000

    def __post_init__(self) -> None:
        for name, share in (("empty", self.empty), ("dense", self.dense)):
            if not 0 < share <= 1:
                raise InputError(f"{name} is {share}; expected a share above 0 and up to 1")

    def check(self, step: int, loss: float, queries: Tensor, documents: Tensor) -> None:
        """Raise if a step's vectors say that training on is a waste.

        Parameters
        ----------
        step
            Counted from 0.
        loss
            The sum of the objective's terms.
        queries, documents
            Weights, [B, V] each.

        Raises
        ------
        TrainingError
            If the loss is not finite, or vectors are empty or too dense.
        """
        if loss != loss or abs(loss) == float("inf"):
            raise TrainingError(
                f"the loss is {loss} at step {step}: lower the learning rate, or train in float32"
            )
        for name, weights in (("query", queries), ("document", documents)):
            nnz = (weights != 0).sum(1)
            empty = float((nnz == 0).float().mean())
            if empty >= self.empty:
                raise TrainingError(
                    f"{empty:.0%} of the {name} vectors are empty at step {step}: they have "
                    "collapsed. Weaken the regulariser, let it rise more slowly, or lower the "
                    "threshold or the learning rate"
                )
            share = float(nnz.float().mean()) / weights.shape[1]
            if step >= self.patience and share > self.dense:
                raise TrainingError(
                    f"a {name} vector has {share:.1%} of all terms at step {step}, more than "
                    f"{self.dense:.1%}: it stays dense. Strengthen the regulariser, raise the "
                    "threshold, or keep the top k"
                )
