"""Search engines to measure, all behind one protocol."""

from engines.contract import Engine
from engines.own import Rarefy
from engines.peers import ONE_SEISMIC, PEERS, Peer, open_peers

__all__ = ["ONE_SEISMIC", "PEERS", "Engine", "Peer", "Rarefy", "open_peers"]
