"""The training loop for heads over a frozen encoder: from top to bottom, one run.

    batch of the step -> head -> weights [B, V] -> objective -> AdamW -> records, checkpoint

The encoder is not in the loop: its vectors come from disk (`rarefy.sparse.training.vectors`), so a
step costs what the head costs. What is random depends on the seed and the step alone or is in the
checkpoint, so a run that was killed and resumed ends with the weights, to the bit, of one that was
not, on the same machine and number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rarefy.errors import InputError
from rarefy.files import output_folder
from rarefy.sparse.encoders.precision import has_fast_bfloat16
from rarefy.sparse.texts import progress_bar
from rarefy.sparse.training import checkpoint
from rarefy.sparse.training.batches import Batch
from rarefy.sparse.training.guard import SparsityGuard
from rarefy.sparse.training.history import History

__all__ = ["Objective", "TrainingPlan", "train"]

Objective = Callable[[Tensor, Tensor, Batch, int], Mapping[str, Tensor]]
"""``objective(queries, documents, batch, step)``: the head's weights [B, V] of the batch's queries
and documents to the terms of the loss by name, scalars whose sum is minimised. If it is a module,
its parameters are trained too and its state is part of the checkpoint."""


@dataclass(frozen=True)
class TrainingPlan:
    """What a run does, apart from its data and its objective.

    Parameters
    ----------
    steps
        Optimiser steps in all.
    learning_rate
        The highest: reached after `warmup` steps in a straight line from 0, then falling in a
        straight line to 0 after the last step.
    warmup
        Steps.
    weight_decay
        Of AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"), on
        matrices alone.
    betas
        Of AdamW.
    clip
        The largest norm of the gradient of all parameters; longer ones are shortened.
    seed
        Of what is random within the steps; batches have their own.
    dtype
        Type of the head's matrix products: ``"float32"``, ``"bfloat16"``, or ``"auto"``, bfloat16
        where the device is fast in it.
    log_every, validate_every, checkpoint_every
        Steps between two records, validations, checkpoints.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 20
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    seed: int = 0
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    log_every: int = 10
    validate_every: int = 100
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "log_every", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; expected at least 1")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; expected a number above 0")
        if not 0 <= self.warmup <= self.steps:
            raise InputError(f"warmup is {self.warmup}; expected 0 to {self.steps}, all steps")
        if self.dtype not in ("auto", "float32", "bfloat16"):
            raise InputError(f"dtype is {self.dtype!r}; expected 'auto', 'float32' or 'bfloat16'")

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        return self.learning_rate * (self.steps - step) / max(1, self.steps - self.warmup)


def train(
    head: nn.Module,
    batches: Callable[[int], Batch],
    objective: Objective,
    plan: TrainingPlan,
    folder: str | Path,
    *,
    validate: Callable[[nn.Module], float] | None = None,
    guard: SparsityGuard | None = None,
    resume: bool = False,
    minutes: float | None = None,
    progress: bool = False,
) -> History:
    """Train a head in place.

    Parameters
    ----------
    head
        Takes ``{"sentence_embedding": [B, d]}`` and ``task="query"`` or ``"document"``, and puts
        weights [B, V] in the place of the vectors, as the modules of sentence-transformers do.
    batches
        The batch of a step, counted from 0; the same whenever it is asked.
    objective
        See :data:`Objective`.
    plan
        How many steps, how fast, and so on.
    folder
        Where ``checkpoint.pt``, ``history.json`` and ``curves.svg`` go.
    validate
        nDCG@10 of the head on a development collection; called after each `validate_every` steps
        and after the last one, without gradients and with ``head.eval()``.
    guard
        When to give up; by default ``SparsityGuard()``.
    resume
        Whether to go on from the folder's checkpoint, if there is one.
    minutes
        Stop after so long, with a checkpoint, at the end of a step; resuming goes on.
    progress
        Whether to show a progress bar on stderr.

    Returns
    -------
    History
        Of all steps, those before it was resumed too.

    Raises
    ------
    InputError
        If the folder holds a checkpoint and `resume` is not set, or one of another plan.
    TrainingError
        By the guard.
    """
    folder = output_folder(folder)
    if (folder / checkpoint.NAME).exists() and not resume:
        raise InputError(
            f"{folder} holds the checkpoint of a run: resume it, or name another folder"
        )
    guard = guard or SparsityGuard()
    device = next(head.parameters()).device
    modules: dict[str, nn.Module] = {"head": head}
    if isinstance(objective, nn.Module):
        modules["objective"] = objective
    parameters = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": plan.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=plan.learning_rate,
        betas=plan.betas,
    )
    fast = plan.dtype == "bfloat16" or (plan.dtype == "auto" and has_fast_bfloat16(device))

    def weights(vectors: Tensor, task: str) -> Tensor:
        with torch.autocast(device.type, dtype=torch.bfloat16) if fast else nullcontext():
            output: Tensor = head({"sentence_embedding": vectors}, task=task)["sentence_embedding"]
        return output.float()

    began = time.monotonic()
    with torch.random.fork_rng(), progress_bar(plan.steps, progress, "training") as advance:
        torch.manual_seed(plan.seed)
        start, history, asked = 0, History(), asdict(plan)
        if resume and (folder / checkpoint.NAME).exists():
            start, history.records = checkpoint.restore(folder, asked, modules, optimizer)
        earlier = history.records[-1]["seconds"] if history.records else 0.0
        advance(start)
        history.steps = start
        for step in range(start, plan.steps):
            head.train()
            batch = Batch(*(vectors.to(device) for vectors in batches(step)))
            queries = weights(batch.queries, "query")  # [B, V]
            documents = weights(batch.documents, "document")  # [B, V]
            terms = objective(queries, documents, batch, step)
            loss = torch.stack(list(terms.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, plan.clip)
            rate = plan.learning_rate_at(step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            advance(1)

            done = history.steps = step + 1
            last = done == plan.steps
            seconds = time.monotonic() - began
            late = minutes is not None and seconds >= 60 * minutes and not last
            validated = validate is not None and (last or done % plan.validate_every == 0)
            if last or validated or step == 0 or done % plan.log_every == 0:
                guard.check(step, float(loss.detach()), queries, documents)
                record = {"step": done, "seconds": earlier + seconds, "learning_rate": rate}
                record |= _measured(loss, terms, queries, documents)
                if validate is not None and validated:
                    head.eval()
                    with torch.no_grad():
                        record["validation"] = float(validate(head))
                history.records.append(record)
            if last or late or done % plan.checkpoint_every == 0:
                checkpoint.save(folder, done, asked, history.records, modules, optimizer)
                history.finished = last
                history.write(folder)
            if late:
                break
        history.finished = history.steps == plan.steps
    head.eval()
    return history


@torch.no_grad()
def _measured(
    loss: Tensor, terms: Mapping[str, Tensor], queries: Tensor, documents: Tensor
) -> dict[str, Any]:
    """Return the loss, its terms, the terms a vector and the FLOPs of a batch."""
    in_queries, in_documents = (queries != 0).float(), (documents != 0).float()
    return {
        "loss": float(loss),
        **{name: float(value) for name, value in terms.items()},
        "query_nnz": float(in_queries.sum(1).mean()),
        "document_nnz": float(in_documents.sum(1).mean()),
        "flops": float(in_queries.mean(0) @ in_documents.mean(0)),
    }
