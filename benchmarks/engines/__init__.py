"""Search engines to measure, all behind one protocol."""

from engines.contract import Engine
from engines.own import Rarefy
from engines.peers import PEERS, Peer, open_peers

__all__ = ["PEERS", "Engine", "Peer", "Rarefy", "open_peers"]
