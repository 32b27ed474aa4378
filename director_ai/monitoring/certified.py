"""Certificate behind a promise, and what it does not cover of the limits and scorer that run."""

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.core.scoring.identity import ScorerIdentity, as_identity
from director_ai.storage.store import Store
from director_ai.tuning.guarantee.certificate import Certificate, covers
from director_ai.tuning.guarantee.certificate_registry import Attempts


def certificate_of(store: Store, attempt: int | None) -> Certificate | None:
    """Return the certificate that an attempt gave; ``None`` if it gave none, or is ``None``."""
    results = [each.result for each in store.attempts() if each.number == attempt]
    certificates = Attempts.of(results).certificates
    return certificates[0] if certificates else None


def uncovered(store: Store, attempt: int | None, policy: HaltPolicy, scorer: ScorerIdentity) -> str:
    """Return why the certificate of an attempt does not cover what runs; empty if it does.

    Parameters
    ----------
    store
        Store that the attempt was made in.
    attempt
        Its number; a promise that is only declared has none, and needs no cover.
    policy, scorer
        What runs.
    """
    if attempt is None:
        return ""
    certificate = certificate_of(store, attempt)
    if certificate is None:
        return f"attempt {attempt} gave no certificate"
    if not covers(certificate, policy):
        return (
            f"certificate {attempt} does not cover these limits: it halts "
            f"{_words(certificate.policy)}; they halt {_words(policy)}"
        )
    certified = as_identity(certificate.scorer or None)
    if certified != scorer:
        return f"certificate {attempt} is of the scorer {certified}, not of {scorer}"
    return ""


def _words(policy: HaltPolicy) -> str:
    """Return limits and cadence, which a certificate is of as well, as the end of a clause."""
    every = policy.score_every_n
    cadence = "every token" if every == 1 else f"every {every} tokens"
    if policy.adaptive:
        cadence = f"{cadence} to every {policy.max_cadence}"
    at_end = " and the finished text" if policy.score_final else ""
    return f"{limits_text(policy)} (scored: {cadence}{at_end})"
