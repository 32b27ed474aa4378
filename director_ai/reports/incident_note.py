"""Incident note: one session and the reason for its halt as Markdown."""

from collections.abc import Iterator
from typing import Any, Final

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord, digest_of
from director_ai.figures.margins import no_margin
from director_ai.figures.theme import RULE_NAME, RULES
from director_ai.replay.counterfactual import counterfactuals
from director_ai.replay.curves import is_whole
from director_ai.replay.session_view import acting
from director_ai.reports.markdown import escape_markdown, fenced
from director_ai.reports.replay_html import replay_data
from director_ai.reports.sentences import annotation_line, counterfactual_line, evidence_source

AROUND: Final = 40
"""Tokens quoted on either side of the halt, or before the end."""


def note_markdown(record: SessionRecord, policy: HaltPolicy | None = None) -> str:
    """Return a session's ending, margins and text around the halt as Markdown.

    Text of others is quoted such that it marks nothing up and links to nothing. Equal records
    give equal notes.

    Parameters
    ----------
    record
        The session.
    policy
        Limits to judge it by; the record's own if left out.

    Examples
    --------
    >>> record = SessionRecord(
    ...     "k3", 0, 0, "", "", "", HaltPolicy(), True, ("Yes", " no"), (0.9, 0.3), (False,) * 2,
    ...     "halted",
    ... )
    >>> note = note_markdown(record)
    >>> note.splitlines()[0], "Yes⟦ no⟧" in note
    ('# Session k3', True)
    """
    limits = record.policy if policy is None else policy
    return "\n".join(_lines(record, limits, replay_data(record, limits))) + "\n"


def _lines(record: SessionRecord, policy: HaltPolicy, values: dict[str, Any]) -> Iterator[str]:
    yield f"# Session {escape_markdown(record.id)}"
    yield f"\n**{escape_markdown(values['headline'])}** {escape_markdown(values['note'])}".rstrip()
    yield "\n| | |\n|---|---|"
    for name, value in values["facts"]:
        yield f"| {name} | {escape_markdown(value)} |"
    yield f"| SHA-256 of tokens and scores | {digest_of(record)} |"
    if values["halt"] is not None:
        yield from _at_the_halt(record, policy, values)
    yield "\n## The answer\n"
    if record.text_kept:
        yield fenced(_around(record, values["halt"]))
    else:
        yield "Its text was not kept."
    if record.evidence or record.evidence_note:
        yield "\n## Evidence at the halt\n"
        if record.evidence_note:
            yield f"- {escape_markdown(record.evidence_note)}"
        for chunk in record.evidence:
            yield f"- {escape_markdown(evidence_source(chunk))}: {escape_markdown(chunk.text)}"
    if record.annotations:
        yield "\n## What people say\n"
        for annotation in record.annotations:
            yield f"- {escape_markdown(annotation_line(annotation))}"


def _at_the_halt(
    record: SessionRecord, policy: HaltPolicy, values: dict[str, Any]
) -> Iterator[str]:
    trigger = values["halt"]
    yield f"\n## Margins at token {trigger}\n"
    yield "| Rule | Margin | |\n|---|---|---|"
    for place, (rule, row) in enumerate(zip(RULES, values["margins"], strict=True)):
        margin = no_margin(policy, place) if row[trigger] is None else f"{row[trigger]:+.4g}"
        yield f"| {RULE_NAME[rule]} | {margin} | {'broken' if rule in values['alarms'] else ''} |"
    yield "\n## What it would take\n"
    stopping = acting(policy)
    changes = counterfactuals(record.tokens, record.scores, stopping, complete=is_whole(record))
    for change in changes:
        yield f"- {counterfactual_line(change, stopping)}"


def _around(record: SessionRecord, trigger: int | None) -> str:
    """Return the text around the halt, its token in brackets; where there is none, the last."""
    tokens = list(record.tokens)
    if trigger is None:
        trigger = len(tokens)
    else:
        tokens[trigger] = f"⟦{tokens[trigger]}⟧"
    first, last = max(0, trigger - AROUND), trigger + 1 + AROUND
    before = "… " if first else ""
    after = " …" if last < len(tokens) else ""
    return before + "".join(tokens[first:last]) + after
