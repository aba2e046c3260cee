"""Fine-tuning a sparse encoder end to end, by the trainer of sentence-transformers.

Mixed precision, gradient accumulation, several devices and logging are that trainer's. Added here:
which layers learn, LoRA, and that a loss with parameters of its own survives a restart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rarefy.errors import InputError, require
from rarefy.files import output_folder, replaced
from rarefy.sparse.objectives import PairObjective
from rarefy.sparse.training.embedding_loss import EmbeddingLoss
from rarefy.sparse.training.guard import SparsityGuard
from rarefy.sparse.training.sources import Pair

__all__ = ["add_lora", "fine_tune", "freeze"]

_LOSS_STATE = "loss_state.pt"


def freeze(model: Any, which: str) -> None:
    """Choose what of an encoder learns.

    Parameters
    ----------
    model
        A ``SparseEncoder``; its modules after the transformer, such as a head, always learn.
    which
        ``"all"``: the transformer is frozen. ``"last:n"``: all but its last n layers and what comes
        after them, such as a masked-language-model head. ``"none"``: nothing is frozen.

    Raises
    ------
    InputError
        If `which` is none of these, or the transformer has fewer layers.
    """
    model.requires_grad_(True)
    if which == "none":
        return
    found = re.fullmatch(r"all|last:(\d+)", which)
    if found is None:
        raise InputError(f"freeze is {which!r}; expected 'all', 'last:n' or 'none'")
    transformer: nn.Module = model.transformers_model
    if which == "all":
        transformer.requires_grad_(False)
        return
    layers = max(
        (module for module in transformer.modules() if isinstance(module, nn.ModuleList)),
        key=len,
        default=nn.ModuleList(),
    )
    learning = int(found.group(1))
    if not 1 <= learning <= len(layers):
        raise InputError(f"freeze is {which!r}; expected 1 to {len(layers)} layers, or 'all'")
    frozen = [*transformer.get_input_embeddings().parameters()]  # type: ignore[operator]
    first = next(layers[-learning].parameters())
    for parameter in transformer.parameters():  # in the order of the forward pass
        if parameter is first:
            break
        frozen.append(parameter)
    for parameter in frozen:
        parameter.requires_grad_(False)


def add_lora(model: Any, rank: int) -> None:
    """Put trainable low-rank matrices beside the frozen ones of the transformer.

    Hu et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models".

    Parameters
    ----------
    model
        A ``SparseEncoder``.
    rank
        Of the matrices; their updates are scaled by 2.

    Raises
    ------
    MissingExtraError
        If peft is not installed.
    InputError
        If `rank` is below 1.
    """
    if rank < 1:
        raise InputError(f"lora_rank is {rank}; expected at least 1")
    peft = require("peft", "train")
    model.add_adapter(
        peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["query", "key", "value"])
    )


def fine_tune(
    model: Any,
    pairs: Iterable[Pair],
    folder: str | Path,
    *,
    freeze_layers: str = "none",
    lora_rank: int | None = None,
    objective: PairObjective | None = None,
    teacher: Any = None,
    guard: SparsityGuard | None = None,
    resume: bool = False,
    **arguments: Any,
) -> list[dict[str, Any]]:
    """Fine-tune a sparse encoder in place.

    Parameters
    ----------
    model
        A ``SparseEncoder``.
    pairs
        What is trained on; it is read once, before the first step.
    folder
        Where checkpoints go.
    freeze_layers
        See :func:`freeze`.
    lora_rank
        Train low-rank matrices (see :func:`add_lora`), which needs ``freeze_layers="all"``.
    objective
        By default InfoNCE.
    teacher
        See :class:`EmbeddingLoss`.
    guard
        When to give up.
    resume
        Whether to go on from the folder's last complete checkpoint, if there is one.
    **arguments
        Of ``SparseEncoderTrainingArguments``, such as ``num_train_epochs=1``, ``learning_rate``,
        ``per_device_train_batch_size``, ``save_steps``, ``max_steps``.

    Returns
    -------
    list of dict
        The trainer's log: the loss and its terms by step.

    Raises
    ------
    InputError
        If there are no pairs, or a setting is out of range.
    MissingExtraError
        If datasets, accelerate, or, for LoRA, peft is not installed.
    TrainingError
        By the guard.
    """
    for module in ("datasets", "accelerate"):
        require(module, "train")
    from datasets import Dataset
    from sentence_transformers import SparseEncoderTrainingArguments
    from transformers import PrinterCallback

    if lora_rank is not None and freeze_layers != "all":
        raise InputError(
            f"lora_rank is {lora_rank} with freeze_layers={freeze_layers!r}; expected 'all': LoRA "
            "trains beside frozen layers"
        )
    columns = {"query": [], "document": []}  # type: dict[str, list[str]]
    for query, document in pairs:
        columns["query"].append(query)
        columns["document"].append(document)
    if not columns["query"]:
        raise InputError("there are no pairs; expected at least one")
    place = output_folder(folder)
    # A text twice in a batch would be its own negative.
    defaults = {"report_to": "none", "save_steps": 100, "batch_sampler": "no_duplicates"}
    settings = SparseEncoderTrainingArguments(
        **{"output_dir": str(place), "disable_tqdm": True, **defaults, **arguments}
    )
    freeze(model, freeze_layers)
    if lora_rank is not None:
        with torch.random.fork_rng():
            torch.manual_seed(settings.seed)
            add_lora(model, lora_rank)
    loss = EmbeddingLoss(
        model,
        objective or PairObjective("info_nce"),
        teacher=teacher,
        guard=guard,
        accumulation=settings.gradient_accumulation_steps,
    )
    trainer = _trainer_class(loss)(
        model=model, args=settings, train_dataset=Dataset.from_dict(columns), loss=loss
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=_last_checkpoint(place) if resume else None)
    model.eval()
    return list(trainer.state.log_history)


def _last_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written to its end: its state is written last."""
    complete = [path.parent for path in folder.glob("checkpoint-*/trainer_state.json")]
    newest = max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
    return None if newest is None else str(newest)


def _trainer_class(loss: EmbeddingLoss) -> Any:
    from sentence_transformers import SparseEncoderTrainer

    class Trainer(SparseEncoderTrainer):
        """Keeps the loss's own state in the checkpoint, which the base class forgets."""

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            super()._save(output_dir, state_dict)
            with replaced(Path(output_dir or str(self.args.output_dir)) / _LOSS_STATE) as stream:
                torch.save(loss.own_state(), stream)

        def _load_from_checkpoint(self, *args: Any, **kwargs: Any) -> None:
            super()._load_from_checkpoint(*args, **kwargs)
            folder = args[0] if args else next(iter(kwargs.values()))
            loss.load_own_state(torch.load(Path(folder) / _LOSS_STATE, weights_only=True))

    return Trainer
