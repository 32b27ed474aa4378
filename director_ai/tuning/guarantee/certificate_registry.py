"""Every certificate an archive was given, and whom each holds for."""

from collections.abc import Iterable, Sequence

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.guarantee.certificate import Certificate, inherits


def certificates(results: Iterable[str | None]) -> tuple[Certificate, ...]:
    """Return the certificates among what attempts came to, in their order.

    Examples
    --------
    >>> certificates([None, "{}"])
    ()
    """
    found = []
    for result in results:
        try:
            found.append(Certificate.from_json(result or ""))
        except ValueError:
            # A refusal, or a look that came to nothing.
            continue
    return tuple(found)


def newest_for(given: Sequence[Certificate], policy: HaltPolicy) -> Certificate | None:
    """Return the newest certificate that holds for a policy, if any.

    >>> newest_for([], HaltPolicy()) is None
    True
    """
    return next((each for each in reversed(given) if inherits(each, policy)), None)
