"""Several objectives as one: the loss is the sum of all their terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.sparse.objectives.pairs import DensePairs

__all__ = ["JointObjective"]


class JointObjective(nn.Module):
    """Calls objectives in turn, such as a :class:`PairObjective` and an :class:`OwnWords`.

    Parameters
    ----------
    *objectives
        At least one; each is called as :meth:`PairObjective.forward` is. Parameters of those that
        are modules are trained, and saved with the run.

    Raises
    ------
    InputError
        If there is none.
    """

    def __init__(self, *objectives: Callable[..., Mapping[str, Tensor]]) -> None:
        super().__init__()
        if not objectives:
            raise InputError("there are no objectives; expected at least one")
        self.objectives = objectives
        self.learnt = nn.ModuleList(part for part in objectives if isinstance(part, nn.Module))

    def forward(
        self, queries: Tensor, documents: Tensor, batch: DensePairs, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of all by name; see :meth:`PairObjective.forward`.

        Raises
        ------
        InputError
            If two have a term of the same name.
        """
        terms: dict[str, Tensor] = {}
        for objective in self.objectives:
            found = objective(queries, documents, batch, step)
            for name in terms.keys() & found.keys():
                raise InputError(f"two objectives have a term {name!r}; expected one of each name")
            terms.update(found)
        return terms
