"""Fingerprint of the sessions that limits were chosen on."""

import hashlib

import numpy as np

from director_ai.tuning.labelled import LabelledCurves


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
    curves = data.curves.packed()
    for values, kind in (
        (curves.offsets, "<i8"),
        (curves.scores, "<f8"),
        (curves.complete, "u1"),
        (data.labels, "<i8"),
        (data.onsets, "<i8"),
        (data.groups, "<i8"),
    ):
        digest.update(np.ascontiguousarray(values, dtype=kind).tobytes())
    return digest.hexdigest()
