"""An index of several machines, on Ray: shards searched as one.

Needs the extra ``ray``, which is imported when an index is first opened.
"""

from rarefy.index.distributed.answers import PartialHits
from rarefy.index.distributed.index import DistributedIndex
from rarefy.index.distributed.writer import DistributedWriter

__all__ = ["DistributedIndex", "DistributedWriter", "PartialHits"]
