"""Every certificate an archive was given, and whom each holds for."""

from collections.abc import Iterable, Sequence

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.guarantee.certificate import Certificate, covers


def certificates(documents: Iterable[str | None]) -> tuple[Certificate, ...]:
    """Return the certificates among what attempts came to, in their order.

    Examples
    --------
    >>> certificates([None, "{}"])
    ()
    """
    parsed = []
    for result in documents:
        try:
            parsed.append(Certificate.from_json(result or ""))
        except ValueError:
            # A refusal, or a look that came to nothing.
            continue
    return tuple(parsed)


def newest_covering(certificates: Sequence[Certificate], policy: HaltPolicy) -> Certificate | None:
    """Return the newest certificate that holds for a policy, if any.

    >>> newest_covering([], HaltPolicy()) is None
    True
    """
    return next((each for each in reversed(certificates) if covers(each, policy)), None)
