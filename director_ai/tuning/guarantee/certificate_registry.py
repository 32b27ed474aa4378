"""Registry of an archive's certificates: every attempt at one, and the policies each covers."""

from collections.abc import Iterable
from typing import NamedTuple

from director_ai.core.halting.policy import HaltPolicy
from director_ai.tuning.guarantee.certificate import Certificate, covers


class Attempts(NamedTuple):
    """Attempts at a certificate on one archive, and the certificates they gave.

    Attributes
    ----------
    certificates
        Oldest first.
    n
        Attempts, refused and abandoned ones counted too.
    """

    certificates: tuple[Certificate, ...]
    n: int

    @classmethod
    def of(cls, documents: Iterable[str | None]) -> "Attempts":
        """Return the attempts of stored results, each a certificate as JSON or anything else.

        Examples
        --------
        >>> Attempts.of([None, "{}"])
        Attempts(certificates=(), n=2)
        """
        results = list(documents)
        certificates = []
        for document in results:
            try:
                certificates.append(Certificate.from_json(document or ""))
            except ValueError:
                # A refusal, or an attempt that was never finished.
                continue
        return cls(tuple(certificates), len(results))

    def newest_covering(
        self, policy: HaltPolicy, slice: str = "", scorer: str = ""
    ) -> Certificate | None:
        """Return the newest certificate that covers a policy on a slice and a scorer, if any.

        One of the whole archive promises nothing of a slice, nor one of a slice of the whole, nor
        one of a scorer of another; the scores of an unknown one may be anybody's.

        >>> Attempts((), 0).newest_covering(HaltPolicy()) is None
        True
        """
        own = (
            each
            for each in reversed(self.certificates)
            if (each.slice, each.scorer) == (slice, scorer)
        )
        return next((each for each in own if covers(each, policy)), None)
