"""Fingerprint of the sessions that limits were chosen on."""

import hashlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from director_ai.tuning.labelled import LabelledCurves

_SESSIONS_AT_A_TIME: Final = 20_000
"""So many are copied together: all scores of an archive would take their room once more."""


def fingerprint(data: LabelledCurves) -> str:
    """Return the SHA-256 of labelled curves as 64 hexadecimal digits.

    Scores, where each session starts and whether it is complete, labels, onsets and groups, in
    their order: the same on every machine.

    Examples
    --------
    >>> fingerprint(LabelledCurves.from_scores([[0.5]], labels=[0]))[:12]
    '1fba45e54358'
    """
    digest = hashlib.sha256()

    def add(values: NDArray[Any], kind: str) -> None:
        digest.update(np.ascontiguousarray(values, dtype=kind).data)

    curves = data.curves
    add(np.concatenate([[0], curves.lengths.cumsum()]), "<i8")
    for first in range(0, curves.n_sessions, _SESSIONS_AT_A_TIME):
        some = np.arange(first, min(first + _SESSIONS_AT_A_TIME, curves.n_sessions))
        add(curves.view(some).packed().scores, "<f8")
    add(curves.complete, "u1")
    for values in (data.labels, data.onsets, data.groups):
        add(values, "<i8")
    return digest.hexdigest()
