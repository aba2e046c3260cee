"""One target of the fuzzing proof, by libFuzzer, which is guided by what runs in the parsers.

    python benchmarks/fuzz.py segment -runs=250000 FOLDER...

The first folder of inputs is written to, all are read. Needs atheris (the extra ``fuzz``).
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from types import ModuleType

import atheris

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "index"))

from proofs.fuzzing import TARGETS

from rarefy.index import expressions, grammar, metadata, selection
from rarefy.index.storage import check, container, deletions, ids, manifest, segment, structure

PARSERS = (
    expressions, grammar, metadata, selection,
    check, container, deletions, ids, manifest, segment, structure,
)  # fmt: skip


def instrument(module: ModuleType) -> None:
    """Let the fuzzer see which branches of a module's functions run.

    Done in place: imports that are instrumented would reach kernels too, which Numba then cannot
    compile.
    """
    for holder in [module, *(c for _, c in inspect.getmembers(module, inspect.isclass))]:
        for _, function in inspect.getmembers(holder, inspect.isfunction):
            if function.__module__ == module.__name__ and "__wrapped__" not in vars(function):
                atheris.instrument_func(function)


if __name__ == "__main__":
    for module in PARSERS:
        instrument(module)
    target = TARGETS[sys.argv.pop(1)]

    def read(data: bytes) -> None:
        """Hide what the target returns, which libFuzzer would take for an order."""
        target(data)

    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
