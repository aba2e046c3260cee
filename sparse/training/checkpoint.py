"""A training run on disk: all that its next step depends on, replaced as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from rarefy.errors import InputError
from rarefy.files import replaced

__all__ = ["NAME", "restore", "save"]

NAME = "checkpoint.pt"


def save(
    folder: Path,
    step: int,
    plan: dict[str, Any],
    history: list[dict[str, Any]],
    modules: dict[str, nn.Module],
    optimizer: Optimizer,
) -> None:
    """Write a checkpoint in the place of the last one.

    Parameters
    ----------
    folder
        Of the run.
    step
        Steps done, and so the number of the next one.
    plan
        What the run was asked for; :func:`restore` refuses another.
    history
        The records so far.
    modules
        Whatever has parameters or buffers: the head, and the objective's own.
    optimizer
        Of their parameters.
    """
    content = {
        "step": step,
        "plan": plan,
        "history": history,
        "modules": {name: module.state_dict() for name, module in modules.items()},
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    with replaced(folder / NAME) as stream:
        torch.save(content, stream)


def restore(
    folder: Path, plan: dict[str, Any], modules: dict[str, nn.Module], optimizer: Optimizer
) -> tuple[int, list[dict[str, Any]]]:
    """Put a run back to where its checkpoint was written.

    Parameters
    ----------
    folder, plan, modules, optimizer
        As for :func:`save`; modules and optimizer are changed in place, and so is the state of
        torch's random generator.

    Returns
    -------
    step, history
        Steps done, and the records until then.

    Raises
    ------
    InputError
        If the checkpoint cannot be read, or it is of another plan or other modules.
    """
    path = folder / NAME
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found: dict[str, Any] = content["plan"]
        states: dict[str, dict[str, Tensor]] = content["modules"]
    except Exception as error:  # whatever the bytes make torch raise
        raise InputError(
            f"{path} cannot be read as a checkpoint ({error}): delete it and train anew"
        ) from error
    changed = [name for name in plan if found.get(name) != plan[name]]
    if changed:
        name = changed[0]
        raise InputError(
            f"{path} is of a run with {name}={found.get(name)!r}, this one has {name}="
            f"{plan[name]!r}: resume with the same settings, or train into another folder"
        )
    try:
        if states.keys() != modules.keys():
            raise RuntimeError(f"it holds {sorted(states)}, expected {sorted(modules)}")
        for name, module in modules.items():
            module.load_state_dict(states[name])
        optimizer.load_state_dict(content["optimizer"])
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} is of another model ({error}): resume with the same head and objective, or "
            "train into another folder"
        ) from error
    torch.set_rng_state(content["random"])
    return int(content["step"]), list(content["history"])
