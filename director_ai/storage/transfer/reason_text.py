"""Parser of halt reasons: the published sentence, back to a :class:`HaltReason`."""

import re

from director_ai.core.halting.reason import MECHANISMS, Alarm, HaltReason
from director_ai.core.records.record import Ending

_NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
_ALARM = re.compile(rf"({'|'.join(MECHANISMS)}) \({_NUMBER} [<>] {_NUMBER}\)")
_BY_NAME = {str(mechanism): mechanism for mechanism in MECHANISMS}
_OTHER = re.compile(r"([a-z_]+)(?: \((.*)\))?", re.DOTALL)
_OPERATOR = ("kernel_inactive", "cancelled")


def reason_from(text: str, index: int, ended_by: Ending | None = None) -> HaltReason:
    """Return the halt of a published reason string.

    The statistics are as precise as they were printed.

    >>> reason_from("hard_limit (0.3800 < 0.5)", 7).alarms[0].margin
    -0.12
    >>> reason_from("invalid_score (nan)", 2).halt_class
    'fault'
    """
    matches = [_ALARM.fullmatch(part) for part in text.split("; ")]
    alarms = tuple(
        Alarm(_BY_NAME[match[1]], index, float(match[2]), float(match[3]))
        for match in matches
        if match
    )
    if len(alarms) == len(matches):
        return HaltReason.from_alarms(alarms)
    other = _OTHER.fullmatch(text)
    code, detail = (other[1], other[2] or "") if other else ("unknown", text)
    operator = ended_by == "operator" or code in _OPERATOR
    return HaltReason("operator" if operator else "fault", code, index, detail=detail)
