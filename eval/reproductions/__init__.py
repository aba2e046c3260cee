"""Published results, measured again: one name and one command each."""

from rarefy.eval.reproductions.published import PUBLISHED
from rarefy.eval.reproductions.reproduction import (
    Outcome,
    Reproduction,
    outcome_rows,
    reproduce,
    reproduction,
)

__all__ = [
    "PUBLISHED",
    "Outcome",
    "Reproduction",
    "outcome_rows",
    "reproduce",
    "reproduction",
]
