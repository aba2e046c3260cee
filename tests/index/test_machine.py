"""Any life of an index is that of a dictionary."""

from hypothesis import settings
from proofs.machine import Life

Life.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase
