"""Part of a shard: its sessions that are neither labelled nor held out."""

from typing import NamedTuple

import numpy as np

from director_ai.replay.curves import IntArray
from director_ai.storage.transfer.shard_archive import Shard


class ShardPart(NamedTuple):
    """Sessions of a shard that are neither labelled nor of a held-out group.

    Attributes
    ----------
    shard
        The shard.
    mask
        Which they are, eight sessions a byte.
    """

    shard: Shard
    mask: bytes

    @property
    def rows(self) -> IntArray:
        """Their places in the shard, ascending."""
        bits = np.unpackbits(np.frombuffer(self.mask, np.uint8), count=self.shard.n_sessions)
        return np.flatnonzero(bits)
