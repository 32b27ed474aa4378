"""Check report: the verdict on changed limits as plain values, text, Markdown, GitHub and JUnit.

Every form is the same byte for byte for the same sessions, limits and gates: sorted by id, without
times, and with fixed decimals. Ids, tags and names are text of others and are shown, never obeyed.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from xml.etree import ElementTree as ET

import numpy as np

from director_ai.core.halting import downward_trend, window_average
from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.cadence import held
from director_ai.replay.crossings import NEVER
from director_ai.replay.engine import HARD, TREND, WINDOW
from director_ai.reports.markdown import escape_markdown
from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.visible_text import visible
from director_ai.tuning.gates import GateResult
from director_ai.tuning.labelled import BAD, GOOD
from director_ai.tuning.policy_change import MAYBE, NO, Answers, Assignment, FieldEffect
from director_ai.tuning.policy_check import CheckResult
from director_ai.tuning.thresholds import threshold

VERSION: Final = 1
"""Version of the form of the values."""

LISTED: Final = 20
ROWS: Final = 100
"""Sessions that a text, and a table in Markdown, list of a gate; the values have all."""

_RULES: Final = {HARD: "hard", WINDOW: "window", TREND: "trend"}
_OF_CHANGES: Final = ("new false halts", "lost catches", "protected")
"""Gates that compare with the limits before; the others look at the new ones alone."""

_LABELS: Final = {GOOD: "good", BAD: "bad"}

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class CheckSubject:
    """Policy, archive and baseline of a check.

    Attributes
    ----------
    name, file
        Policy file: its name as given, and what it holds.
    archive, fingerprint
        Archive: its name as given, and the SHA-256 of its sessions.
    baseline, baseline_file
        Name of the limits before, and their file; ``None`` for the recorded ones.
    n_sealed, n_other_scorer
        Sessions that were not looked at: held out, and of another scorer than the file's.
    remarks
        Sentences on what was chosen instead of what was asked for.
    n_elsewhere
        Sessions without a label that were only counted.
    """

    name: str
    file: PolicyFile
    archive: str
    fingerprint: str
    baseline: str
    baseline_file: PolicyFile | None
    n_sealed: int = 0
    n_other_scorer: int = 0
    remarks: tuple[str, ...] = ()
    n_elsewhere: int = 0


def check_values(subject: CheckSubject, result: CheckResult) -> dict[str, Any]:
    """Return the report as plain values, for JSON and for every other form."""
    data = result.change.data
    labelled = data.labelled
    return {
        "version": VERSION,
        "passed": result.passed,
        "policy": {
            "name": subject.name,
            "sha256": _sha256(subject.file.to_values()),
            "left_out": {
                name: getattr(subject.file.policy, name) for name in subject.file.defaulted
            },
        },
        "baseline": {"name": subject.baseline, "sha256": _baseline_sha256(subject, result)},
        "archive": {
            "name": subject.archive,
            "sha256": subject.fingerprint,
            "sessions": labelled.n_sessions + subject.n_elsewhere,
            "good": labelled.n_good,
            "bad": labelled.n_bad,
            "good_groups": labelled.n_good_groups,
            "without_score": data.n_unscored,
            "sealed": subject.n_sealed,
            "other_scorer": subject.n_other_scorer,
        },
        "remarks": list(subject.remarks),
        "changes": [_effect_values(subject, effect) for effect in result.by_field],
        "gates": [
            {
                "name": gate.name,
                "passed": gate.passed,
                "text": gate.text,
                "sessions": [] if gate.passed else _session_values(result, gate),
            }
            for gate in result.gates
        ],
        "director": _version(),
    }


def _effect_values(subject: CheckSubject, effect: FieldEffect) -> dict[str, Any]:
    counts = {
        name: None
        if change is None
        else {"certain": int(change.certain.sum()), "possible": int(change.possible.sum())}
        for name, change in (
            ("new_false_halts", effect.new_false_halts),
            ("lost_catches", effect.lost_catches),
        )
    }
    return {
        "field": effect.name,
        "before": list(effect.before),
        "after": list(effect.after),
        "line": min(
            (line for path, line in subject.file.lines.items() if path[-1] == effect.name),
            default=None,
        ),
        **counts,
    }


def _session_values(result: CheckResult, gate: GateResult) -> list[dict[str, Any]]:
    change = result.change
    labels = change.data.labelled.labels
    was, now = (
        np.where(change.data.labelled.bad, answers.caught, answers.halted) != MAYBE
        for answers in (change.answers_before, change.answers_after)
    )
    certain = now & was if gate.name in _OF_CHANGES else now
    rows = sorted(np.flatnonzero(gate.sessions).tolist(), key=lambda row: change.data.ids[row])
    return [
        {
            "id": change.data.ids[row],
            "label": _LABELS.get(int(labels[row])),
            "before": _end(result, change.before, change.answers_before, row),
            "after": _end(result, change.after, change.answers_after, row),
            "certain": bool(certain[row]),
        }
        for row in rows
    ]


def _end(result: CheckResult, limits: Assignment, answers: Answers, row: int) -> str:
    """Return how a session ends under its limits."""
    policy = limits.policies[int(limits.policy_of[row])]
    if policy.halt_mode == "observe":
        return "observed"
    halted = int(answers.halted[row])
    if halted == NO:
        return "passed"
    if halted == MAYBE:
        n_tokens = int(result.change.data.labelled.curves.lengths[row])
        reason = "" if answers.is_cut[row] else ", its cadence cannot be replayed"
        return f"unknown after token {n_tokens - 1}" if not reason else f"unknown{reason}"
    token, rule = int(answers.trigger[row]), int(answers.mechanism[row])
    sign = ">" if rule == TREND else "<"
    value = _statistic(result, policy, row, token, rule)
    onset = int(result.change.data.labelled.onsets[row])
    early = f", before the onset at {onset}" if token < onset != NEVER else ""
    pending = ", perhaps cut later" if answers.caught[row] == MAYBE else ""
    compared = f"{value:.4f} {sign} {_value(threshold(policy, rule))}"
    return f"{_RULES[rule]} at token {token} ({compared}){early}{pending}"


def _statistic(result: CheckResult, policy: HaltPolicy, row: int, token: int, rule: int) -> float:
    """Return the statistic that a rule held by."""
    curves = held(result.change.data.labelled.curves.select(np.array([row])), policy)
    scores = curves.session(0)[: token + 1].tolist()
    value = _value_of(rule, policy, scores)
    holds = value > threshold(policy, rule) if rule == TREND else value < threshold(policy, rule)
    if not holds and curves.final_scores is not None:
        # The finished text was judged once more, by a score of its own.
        return _value_of(rule, policy, [*scores[:-1], float(curves.final_scores[0])])
    return value


def _value_of(rule: int, policy: HaltPolicy, scores: list[float]) -> float:
    if rule == HARD:
        return scores[-1]
    if rule == WINDOW:
        return float(window_average.statistic(scores[-policy.window_size :]))
    return float(downward_trend.statistic(scores[-policy.trend_window :]))


def check_json(reports: Sequence[Values]) -> str:
    """Return the reports as one JSON document, in ASCII."""
    return json.dumps({"version": VERSION, "checks": list(reports)}, indent=2) + "\n"


def check_text(report: Values) -> str:
    """Return a report for people."""
    return "".join(f"{line}\n" for line in _text_lines(report))


def _text_lines(report: Values) -> Iterator[str]:
    archive = report["archive"]
    yield (
        f"{_one_line(report['policy']['name'])} against {_one_line(archive['name'])}: "
        f"{archive['sessions']:,} sessions ({archive['good']:,} good, {archive['bad']:,} bad); "
        f"baseline {_one_line(report['baseline']['name'])}"
    )
    for change in report["changes"]:
        yield f"  {_change_text(change)}"
    if not report["changes"]:
        yield "  no limit is changed"
    for line in _remarks(report):
        yield f"  {line}"
    width = max(len(gate["name"]) for gate in report["gates"])
    for gate in report["gates"]:
        verdict = "pass" if gate["passed"] else "FAIL"
        yield f"{verdict}  {gate['name']:<{width}}   {_one_line(gate['text'])}"
    for gate in _failing(report):
        if gate["sessions"]:
            yield gate["name"]
        for session in gate["sessions"][:LISTED]:
            yield f"  {_session_text(session)}"
        if len(gate["sessions"]) > LISTED:
            yield f"  and {len(gate['sessions']) - LISTED:,} more; --format json has all"
    worse = [change for change in report["changes"] if _n_worse(change)]
    if len(report["changes"]) > 1 and worse:
        yield "by field"
        for change in worse:
            yield f"  {_alone_text(change)}"
    yield f"archive {archive['sha256']}"
    yield f"policy {report['policy']['sha256']}, baseline {report['baseline']['sha256']}"
    yield f"director {report['director']}"


def check_markdown(report: Values) -> str:
    """Return a report as Markdown; whatever it quotes is shown and never rendered."""
    archive = report["archive"]
    verdict = "passes" if report["passed"] else "fails"
    lines = [
        f"### {escape_markdown(report['policy']['name'])} {verdict}",
        "",
        f"Against {escape_markdown(archive['name'])}: {archive['sessions']:,} sessions "
        f"({archive['good']:,} good, {archive['bad']:,} bad); baseline "
        f"{escape_markdown(report['baseline']['name'])}.",
        "",
        *(f"- {escape_markdown(_change_text(change))}" for change in report["changes"]),
        *(f"- {escape_markdown(line)}" for line in _remarks(report)),
        "",
        "| | gate | |",
        "|---|---|---|",
        *(
            f"| {'pass' if gate['passed'] else '**FAIL**'} | {gate['name']} "
            f"| {escape_markdown(gate['text'])} |"
            for gate in report["gates"]
        ),
    ]
    left = ROWS
    for gate in _failing(report):
        rows = gate["sessions"][:left]
        left -= len(rows)
        if rows:
            lines += ["", f"**{gate['name']}**", ""]
            lines += ["| session | before | after | |", "|---|---|---|---|"]
        lines += [
            f"| {escape_markdown(row['id'])} | {row['before']} | {escape_markdown(row['after'])} "
            f"| {_certainty(row)} |"
            for row in rows
        ]
        if len(rows) < len(gate["sessions"]):
            lines += ["", f"{len(gate['sessions']) - len(rows):,} more are not listed."]
    worse = [change for change in report["changes"] if _n_worse(change)]
    lines += [""] + [f"- {escape_markdown(_alone_text(change))}" for change in worse]
    lines += [
        "",
        f"Archive `{archive['sha256']}`, policy `{report['policy']['sha256']}`, baseline "
        f"`{report['baseline']['sha256']}`, director {report['director']}.",
    ]
    return "\n".join(lines) + "\n"


def check_github(report: Values) -> str:
    """Return a report for the log of GitHub Actions, each failing gate an annotation.

    An annotation stands at the changed field with most sessions that get worse.
    """
    worst = max(report["changes"], key=_n_worse, default=None)
    line = (worst or {}).get("line") or 1
    lines = []
    for gate in _failing(report):
        counts = [_alone_text(change) for change in report["changes"] if _n_worse(change)]
        ids = [_session_text(session) for session in gate["sessions"][:LISTED]]
        message = "\n".join([visible(gate["text"]), *counts, *ids])
        lines.append(
            f"::error file={_property(report['policy']['name'])},line={line},"
            f"title={_property(_title(gate))}::{_data(message)}"
        )
    # The runner obeys a command after blanks too, and an older form of it anywhere in a line.
    lines += [f"| {text}".replace("##[", "## [") for text in _text_lines(report)]
    return "\n".join(lines) + "\n"


def _title(gate: Values) -> str:
    n_sessions = len(gate["sessions"])
    return f"{n_sessions:,} {gate['name']}" if n_sessions else f"{gate['name']} fails"


def _data(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace("##[", "## [")


def _property(text: str) -> str:
    return _data(_one_line(text)).replace(":", "%3A").replace(",", "%2C")


def check_junit(reports: Sequence[Values]) -> str:
    """Return reports as JUnit XML: a suite a policy file, a case a gate.

    Each protected or required session that fails is a case of its own, too.
    """
    root = ET.Element("testsuites", name="director-ai check")
    for report in reports:
        name = _one_line(report["policy"]["name"])
        suite = ET.SubElement(root, "testsuite", name=name, time="0")
        for gate in report["gates"]:
            case = ET.SubElement(suite, "testcase", classname=name, name=gate["name"], time="0")
            if not gate["passed"]:
                _fail(case, gate["text"], gate["sessions"][:LISTED])
        for gate in _failing(report):
            for session in gate["sessions"] if gate["name"] in ("protected", "required") else ():
                title = f"{gate['name']}: {_one_line(session['id'])}"
                case = ET.SubElement(suite, "testcase", classname=name, name=title, time="0")
                _fail(case, f"{session['before']} → {session['after']}", [session])
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _fail(case: ET.Element, text: str, sessions: Sequence[Values]) -> None:
    failure = ET.SubElement(case, "failure", message=_one_line(text))
    failure.text = "\n".join(map(_session_text, sessions))


def _failing(report: Values) -> list[Values]:
    return [gate for gate in report["gates"] if not gate["passed"]]


def _remarks(report: Values) -> Iterator[str]:
    """Yield what was not looked at, and what stands for what is not there."""
    archive = report["archive"]
    for remark in report["remarks"]:
        yield _one_line(remark)
    if archive["sealed"]:
        yield f"{archive['sealed']:,} sessions sealed, not looked at"
    if archive["other_scorer"]:
        yield f"{archive['other_scorer']:,} sessions of another scorer, not looked at"
    if archive["without_score"]:
        yield f"{archive['without_score']:,} sessions without a score, not looked at"
    left_out = report["policy"]["left_out"]
    if left_out:
        names = ", ".join(f"{name} {_value(value)}" for name, value in left_out.items())
        yield f"left out, so the library's default: {names}"


def _change_text(change: Values) -> str:
    before, after = (", ".join(map(_value, change[side])) for side in ("before", "after"))
    return f"{change['field']} {before} → {after}"


def _alone_text(change: Values) -> str:
    """Return what a field does alone: "window_threshold alone: 216 new false halts"."""
    parts = [
        f"{n:,} {name.replace('_', ' ')}"
        for name in ("new_false_halts", "lost_catches")
        if (n := _n(change[name]))
    ]
    return f"{change['field']} alone: {', '.join(parts)}"


def _n(counts: Mapping[str, int] | None) -> int:
    return counts["certain"] + counts["possible"] if counts else 0


def _n_worse(change: Values) -> int:
    return _n(change["new_false_halts"]) + _n(change["lost_catches"])


def _session_text(session: Values) -> str:
    ends = f"{session['before']} → {session['after']}"
    return f"{_one_line(session['id'])}  {ends}   {_certainty(session)}"


def _certainty(session: Values) -> str:
    return "certain" if session["certain"] else "possible"


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _value(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value).lower()


def _sha256(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _baseline_sha256(subject: CheckSubject, result: CheckResult) -> str:
    if subject.baseline_file is not None:
        return _sha256(subject.baseline_file.to_values())
    return _sha256(sorted(json.dumps(each.to_dict()) for each in result.change.before.policies))


def _version() -> str:
    try:
        return version("director-workbench")
    except PackageNotFoundError:
        return "unknown"


FORMS: Final[Mapping[str, Callable[[Values], str]]] = {
    "text": check_text,
    "markdown": check_markdown,
    "github": check_github,
}
