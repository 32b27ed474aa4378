"""Holdout: good sessions set aside to certify limits on, drawn by group and key."""

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from director_ai.errors import InvalidRequestError
from director_ai.replay.curves import BoolArray, IntArray
from director_ai.tuning.guarantee.bounds import (
    least_good_sessions,
    least_good_tuned,
    least_number,
)
from director_ai.tuning.guarantee.equivalent_blocks import draw_one_per_group
from director_ai.tuning.labelled import GOOD, numbered

DEFAULT_SHARE = 0.75
SMALL_SHARE = 0.5

DELTA: Final = 0.1
ALPHAS: Final = (0.02, 0.05, 0.10)
"""Risk and false-halt rates, the strictest first, that good sessions are sealed to certify: as
soon as the loosest is within reach."""

_DRAW: Final = np.dtype("<u8")

Names = Sequence[str] | NDArray[np.str_]


class HoldoutSplit(NamedTuple):
    """Split of an archive; masks of shape (n_sessions,), each session in exactly one.

    Attributes
    ----------
    open
        To tune on: the other good sessions, and the bad and unlabelled ones.
    sealed
        Good sessions of the sealed groups, to certify on, once.
    withheld
        Other sessions of those groups: tuning on the bad answer to a prompt whose good answer is
        sealed would tell of it.
    """

    open: BoolArray
    sealed: BoolArray
    withheld: BoolArray


def holdout_mask(
    groups: Names,
    labels: IntArray,
    *,
    key: str,
    share: float = DEFAULT_SHARE,
    opened: bytes = b"",
) -> BoolArray:
    """Return a mask of the sealed sessions: the good ones of a random share of all groups.

    Whether a group is depends on its name and the key alone, so that it stays so as sessions are
    imported, labelled and relabelled.

    Parameters
    ----------
    groups
        Name of each session's group, such as its prompt's, or its own identifier where it has
        none; shape (n_sessions,). Not ``LabelledCurves.groups``: those numbers change with what
        else there is.
    labels
        As of ``LabelledCurves``; shape (n_sessions,).
    key
        The archive's own, kept as long as the archive.
    share
        Share of the groups that is sealed, in [0, 1].
    opened
        Draws of groups that were opened before, as of :func:`opened_draws`; they stay open.

    Examples
    --------
    >>> holdout_mask(["a", "b", "a", "b"], np.array([0, 0, 1, 0]), key="k", share=1.0).tolist()
    [True, True, False, True]
    """
    return _sealed(group_draws(groups, key=key), labels, share, opened)


def opened_draws(groups: Names, *, key: str, share: float, opened: bytes = b"") -> bytes:
    """Return the draws of all groups that a share leaves open, and of those opened before.

    Once a smaller share was in force, a larger one holds out only groups that came later.

    Parameters
    ----------
    groups, key
        As of :func:`holdout_mask`.
    share
        The smallest share that was in force, in [0, 1].
    opened
        Draws of groups that were opened before, 8 bytes each.

    Examples
    --------
    >>> everything = opened_draws(["a", "b"], key="k", share=0.0)
    >>> labels = np.array([0, 0, 0])
    >>> holdout_mask(["a", "b", "c"], labels, key="k", share=1.0, opened=everything).tolist()
    [False, False, True]
    """
    draws = group_draws(groups, key=key)
    fresh = draws[~_is_below(draws, share)]
    known = np.frombuffer(opened, _DRAW)
    return np.union1d(known, fresh).astype(_DRAW).tobytes()


def newly_opened(
    groups: Names, labels: IntArray, *, key: str, share: float, opened: bytes
) -> bytes:
    """Return the draws of groups with a good session that a share leaves open for the first time.

    Parameters
    ----------
    groups, labels, key, share, opened
        See :func:`holdout_mask`.

    Examples
    --------
    >>> labels = np.array([0, 1])
    >>> first = newly_opened(["a", "b"], labels, key="k", share=0.0, opened=b"")
    >>> len(first), newly_opened(["a", "b"], labels, key="k", share=0.0, opened=first)
    (8, b'')
    """
    good = np.flatnonzero(np.equal(labels, GOOD)).tolist()
    draws = group_draws([groups[row] for row in good], key=key)
    fresh = np.setdiff1d(draws[~_is_below(draws, share)], np.frombuffer(opened, _DRAW))
    return fresh.astype(_DRAW).tobytes()


def split_holdout(
    groups: Names,
    labels: IntArray,
    *,
    key: str,
    share: float = DEFAULT_SHARE,
    opened: bytes = b"",
) -> HoldoutSplit:
    """Return the open part, the sealed part and what is in neither.

    Parameters
    ----------
    groups, labels, key, share, opened
        See :func:`holdout_mask`.

    Examples
    --------
    >>> parts = split_holdout(["a", "b", "a"], np.array([0, 1, 1]), key="k", share=1.0)
    >>> [part.tolist() for part in parts]
    [[False, True, False], [True, False, False], [False, False, True]]
    """
    shut = holdout_mask(groups, labels, key=key, share=share, opened=opened)
    _, places = _distinct(groups)
    has_shut = np.zeros(len(places), bool)
    has_shut[places[shut]] = True
    kin = has_shut[places] & ~shut
    return HoldoutSplit(open=~shut & ~kin, sealed=shut, withheld=kin)


def split_draws(
    draws: NDArray[np.uint64], labels: IntArray, *, share: float, opened: bytes = b""
) -> HoldoutSplit:
    """Return the parts of :func:`split_holdout` by the draws of :func:`group_draws` alone.

    Parameters
    ----------
    draws
        Draw of each session's group; shape (n_sessions,).
    labels, share, opened
        See :func:`holdout_mask`.

    Examples
    --------
    >>> draws = group_draws(["a", "b", "a"], key="k")
    >>> split_draws(draws, np.array([0, 1, 1]), share=1.0).sealed.tolist()
    [True, False, False]
    """
    shut = _sealed(draws, labels, share, opened)
    kin = np.isin(draws, draws[shut]) & ~shut
    return HoldoutSplit(open=~shut & ~kin, sealed=shut, withheld=kin)


def one_per_group(groups: Names, mask: BoolArray, *, key: str) -> IntArray:
    """Return one session of each group within a mask, by index: only those are independent.

    Examples
    --------
    >>> len(one_per_group(["a", "b", "a"], np.array([True, True, True]), key="k"))
    2
    """
    rows = np.flatnonzero(mask)
    _, numbers = np.unique(np.asarray(groups, np.str_)[rows], return_inverse=True)
    return rows[draw_one_per_group(numbers.astype(np.int64), seed=seed_of(key))]


def holdout_share(n_groups: int, *, delta: float) -> float:
    """Return the share to seal: 0 where it could promise nothing or leave nothing to tune on.

    Three quarters where those can certify the strictest of ``ALPHAS``. With fewer sessions a half,
    where the one half can certify the loosest of them and the other half can be proposed by
    under a budget of as much.

    Parameters
    ----------
    n_groups
        Groups with a good session.
    delta
        Of the certificates to come; the first attempt has half of it.

    Examples
    --------
    >>> [holdout_share(n, delta=0.1) for n in (103, 104, 198, 199)]
    [0.0, 0.5, 0.5, 0.75]
    """
    if DEFAULT_SHARE * n_groups >= least_good_sessions(alpha=ALPHAS[0], delta=delta / 2):
        return DEFAULT_SHARE
    fewest = max(
        least_good_sessions(alpha=ALPHAS[-1], delta=delta / 2),
        least_good_tuned(alpha=ALPHAS[-1], delta=delta),
    )
    return SMALL_SHARE if SMALL_SHARE * n_groups >= fewest else 0.0


def groups_for_holdout(n_sealed: int, *, delta: float) -> int:
    """Return the number of groups with a good session of which about ``n_sealed`` are sealed.

    Parameters
    ----------
    n_sealed
        Groups to be sealed.
    delta
        See :func:`holdout_share`.

    Examples
    --------
    >>> [groups_for_holdout(n, delta=0.1) for n in (29, 59, 149)]
    [104, 118, 199]
    """
    return least_number(lambda n: holdout_share(n, delta=delta) * n >= n_sealed)


def seed_of(key: str) -> int:
    """Return the seed of an archive's own random choices."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def _sealed(draws: NDArray[np.uint64], labels: IntArray, share: float, opened: bytes) -> BoolArray:
    shut = _is_below(draws, share) & ~np.isin(draws, np.frombuffer(opened, _DRAW))
    return np.asarray(shut & np.equal(labels, GOOD))


def _is_below(draws: NDArray[np.uint64], share: float) -> BoolArray:
    """Return which draws lie within a share, exactly: a float has not the digits of a draw."""
    if not 0.0 <= share <= 1.0:
        raise InvalidRequestError(f"share must be in [0, 1], got {share!r}")
    limit = math.ceil(share * 2.0**64)
    return np.ones(len(draws), bool) if limit >= 2**64 else np.asarray(draws < np.uint64(limit))


def group_draws(groups: Names, *, key: str) -> NDArray[np.uint64]:
    """Return the draw of each session's group: any number of 64 bits, equally likely.

    The numbers tell nothing of the key.

    Parameters
    ----------
    groups, key
        As of :func:`holdout_mask`.
    """
    # Hashed first: a key of any length is then one that the keyed hash takes.
    secret = hashlib.sha256(key.encode()).digest()
    names, places = _distinct(groups)
    found: NDArray[np.uint64] = np.array([_draw(name, secret) for name in names], np.uint64)
    return found[places] if names else found


@lru_cache(maxsize=1 << 19)
def _draw(name: str, secret: bytes) -> int:
    # A name may be a prompt, and a prompt that was cut may end in half a surrogate pair.
    data = name.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, key=secret, digest_size=8).digest())


def _distinct(groups: Names) -> tuple[list[str], IntArray]:
    """Return the distinct names, and the place among them of each session's."""
    # As an array of text each name would take the room of the longest.
    names = groups.tolist() if isinstance(groups, np.ndarray) else groups
    return list(dict.fromkeys(names)), numbered(names)
