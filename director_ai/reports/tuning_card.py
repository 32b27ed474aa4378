"""Tuning card: a policy with its results, the data behind them and the cautions that apply."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.scoring.identity import UNKNOWN_SCORER
from director_ai.reports.markdown import escape_markdown
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.elsewhere import Elsewhere
from director_ai.tuning.evaluation import metrics
from director_ai.tuning.evaluation.evaluation import Rate, summary_text
from director_ai.tuning.evaluation.token_counts import TokenCounts
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.release_analysis import ReleaseAnalysis
from director_ai.tuning.search.cautions import Caution
from director_ai.tuning.validation.validation import Validation

PACKAGES: Final = ("director-workbench", "numpy")

SECTIONS: Final = (
    "policy",
    "data",
    "metrics",
    "release",
    "hand_tuned",
    "left_out",
    "flips",
    "certificate",
    "versions",
)
"""Parts of the card that are tables, in their order."""


def card_values(
    analysis: PolicyAnalysis,
    *,
    at: datetime,
    validation: Validation | None = None,
    cautions: Sequence[Caution] = (),
    release: ReleaseAnalysis | None = None,
    experiment: str = "",
) -> dict[str, Any]:
    """Return the tuning card as plain values: a policy, its results and the data behind them.

    Parameters
    ----------
    analysis
        Results of the policy on an archive.
    at
        Date of the card.
    validation, cautions
        Out-of-bag estimate of the policy, if it was made, and the cautions that apply.
    release
        Results of holding text back; ``None`` if it is not.
    experiment
        Name of the saved experiment that the policy is of, if any.
    """
    data, numbers, bound = analysis.data, analysis.evaluation, analysis.bound
    attempts, certificate = analysis.context.attempts, analysis.certificate
    labelled = data.labelled
    elsewhere = analysis.context.study.elsewhere or Elsewhere()
    n_sessions = labelled.n_sessions + elsewhere.n_sessions
    sha256 = fingerprint(labelled)
    return {
        "policy": numbers.policy.to_dict(),
        "policy_sha256": policy_sha256(numbers.policy),
        "answer": summary_text(numbers),
        "data": {
            "experiment": experiment or None,
            "slice": analysis.context.slice or "all sessions",
            "scorers": ", ".join(
                sorted(
                    {
                        scorer or str(UNKNOWN_SCORER)
                        for scorer in (*data.scorers, *elsewhere.n_by_scorer)
                    }
                )
            ),
            "sha256": elsewhere.digest_with(sha256) if elsewhere.sha256 else sha256,
            "sessions": n_sessions,
            "tokens": labelled.curves.n_tokens + elsewhere.n_tokens,
            "good": labelled.n_good,
            "bad": labelled.n_bad,
            "unlabelled": n_sessions - labelled.n_good - labelled.n_bad,
            "groups": elsewhere.n_groups_with(frozenset(data.group_names))
            if elsewhere.n_sessions
            else len(np.unique(labelled.groups)),
            "cut_recordings": data.n_cut + elsewhere.n_cut,
            "sealed": len(analysis.context.study.sealed.ids),
            "held_out_share": analysis.context.study.share,
            "prevalence": _number(numbers.population.prevalence),
            "prevalence_is_stated": numbers.population.is_stated,
        },
        "unknown": numbers.n_unknown,
        "metrics": {
            "catch_rate": _rate(numbers.catch),
            "false_halt_rate": _rate(numbers.false),
            "early_rate": _rate(numbers.early),
            "halt_rate": _rate(numbers.halted),
            **{
                name: _number(float(metric(numbers.weighted)))
                for name, metric in (
                    ("precision", metrics.precision),
                    ("f1", metrics.f_score),
                    ("balanced_accuracy", metrics.balanced_accuracy),
                    ("mcc", metrics.matthews),
                )
            },
            "delay_tokens": _tokens(numbers.delay),
            "leaked_tokens": _tokens(numbers.leaked if release is None else release.leaked),
        },
        "release": None if release is None else _release(release),
        "hand_tuned": None if bound is None else bound._asdict() | {"sentence": bound.sentence},
        "left_out": None if validation is None else _left_out(validation),
        "cautions": [
            {"code": each.code, "sentence": each.sentence, "values": dict(each.values)}
            for each in cautions
        ],
        "flips": {"against": analysis.baseline.name, **analysis.flip_counts._asdict()},
        "attempts_to_certify": attempts.n,
        "certificate": None if certificate is None else json.loads(certificate.to_json()),
        "date": at.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def policy_sha256(policy: HaltPolicy) -> str:
    """Return the SHA-256 of every field: the same for the same limits, however written.

    >>> policy_sha256(HaltPolicy(hard_limit=0.5)) == policy_sha256(HaltPolicy())
    True
    """
    return hashlib.sha256(json.dumps(policy.to_dict(), sort_keys=True).encode()).hexdigest()


def card_markdown(values: Mapping[str, Any]) -> str:
    """Return the tuning card as Markdown; whatever it quotes is shown and never rendered."""
    lines = ["# Tuning card", "", escape_markdown(str(values["answer"])), ""]
    lines += [f"- {escape_markdown(caution['sentence'])}" for caution in values["cautions"]]
    lines += [""] * bool(values["cautions"])
    for title in SECTIONS:
        section = values[title]
        lines += [f"## {heading(title)}", ""]
        if section is None:
            lines += ["none", ""]
            continue
        lines += ["| | |", "|---|---|"]
        lines += [
            f"| {escape_markdown(name)} | {escape_markdown(value_text(value))} |"
            for name, value in section.items()
        ]
        lines.append("")
    lines.append(last_line(values))
    return "\n".join(lines) + "\n"


def card_json(values: Mapping[str, Any]) -> str:
    """Return the tuning card as JSON."""
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def heading(title: str) -> str:
    """Return the name of a section as it is printed.

    >>> heading("left_out")
    'On sessions left out'
    """
    if title == "left_out":
        return "On sessions left out"
    return title.capitalize().replace("_", " ")


def value_text(value: object) -> str:
    """Return a value of the card in words, its parts side by side.

    >>> value_text({"median": 6, "p90": None})
    'median 6, p90 –'
    """
    if isinstance(value, dict):
        return ", ".join(f"{name} {value_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(value_text, value))
    return "–" if value is None else str(value)


def last_line(values: Mapping[str, Any]) -> str:
    """Return the card's last line: unknown sessions, attempts, date and digest."""
    return (
        f"Unknown sessions: {values['unknown']}. Attempts to certify: "
        f"{values['attempts_to_certify']}. Date: {values['date']}. "
        f"Limits: SHA-256 {values['policy_sha256']}."
    )


def _left_out(validation: Validation) -> dict[str, Any]:
    estimate = validation.estimate
    return {
        "resamples": estimate.n_replicates,
        "resamples_without_limits": estimate.n_failed,
        "window_pairs": len(validation.search.pairs),
        "stability": _number(estimate.stability),
        "chance_95": _number(validation.floor.level),
        **{
            name.replace("-", "_").replace(" ", "_"): {
                "shown": _number(value.displayed),
                "left_out": _number(value.mean),
                "low_90": _number(value.low),
                "high_90": _number(value.high),
            }
            for name, value in estimate.metrics.items()
        },
    }


def _release(release: ReleaseAnalysis) -> dict[str, Any]:
    rules = release.release
    return {
        **rules.to_dict(),
        "leaked_tokens": _tokens(release.leaked),
        "nothing_leaked": _rate(release.nothing),
        "nothing_leaked_without": _rate(release.frontier.nothing_at(0)),
        "missed_leak_mean": _number(release.frontier.floor),
        "good_tokens_lost": _number(release.frontier.lost_at(rules.hold_back)),
        "wait_median_s": _number(release.wait_s(0.5)),
        "wait_p95_s": _number(release.wait_s(0.95)),
        "wait_is_recorded": release.is_timed,
        "good_tokens_later": None
        if release.later is None
        else _number(float(release.later[rules.hold_back])),
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "cases": round(rate.least),
        "cases_if_unknown_halt": round(rate.most),
        "n": rate.n,
        "low_95": _number(rate.low),
        "high_95": _number(rate.high),
    }


def _tokens(tokens: TokenCounts) -> dict[str, Any]:
    return {
        "median": _number(tokens.median),
        "low_95": _number(tokens.low),
        "high_95": _number(tokens.high),
        "p90": _number(tokens.p90),
        "n": tokens.n,
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
