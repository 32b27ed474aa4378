"""Session page: one session as one HTML file that plays back offline."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.figures.curve_data import HaltCurveData, halt_curve_alt, halt_curve_data
from director_ai.figures.theme import (
    DARK,
    LIGHT,
    RULE_NAME,
    RULE_OF_MECHANISM,
    RULES,
    Palette,
    heat_level,
)
from director_ai.replay.curves import FloatArray, is_whole
from director_ai.replay.engine import NONE, is_off
from director_ai.replay.session_view import SessionView
from director_ai.reports.headline import has_acted, headline, is_what_if
from director_ai.reports.replay_pictures import colour_variables, pictures
from director_ai.reports.sentences import facts_line
from director_ai.reports.visible_text import visible

_HERE: Final = Path(__file__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Inside a script element these could end it, or a line of it in readers older than ES2019.
_UNSAFE: Final = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"})
_MODES: Final = {
    "hard": "stops at once",
    "soft": "finishes the sentence, at the hard limit stops at once",
    "observe": "watches, stops nothing",
}


def session_html(record: SessionRecord, policy: HaltPolicy | None = None) -> str:
    """Return a page that plays a session back and gives the reason for its halt.

    It is one file that works from a disk, holds no link and may ask for nothing: a policy in its
    head lets the browser run and style only what is in the file. Equal records give equal pages.

    Parameters
    ----------
    record
        The session. Its text may have been left out: see
        :func:`director_ai.core.records.record.without_text`.
    policy
        Limits to judge it by; the record's own if left out.

    Examples
    --------
    >>> record = SessionRecord(
    ...     "k3", 0, 0, "", "", "", HaltPolicy(), True, ("Yes", " no"), (0.9, 0.3), (False,) * 2,
    ...     "halted",
    ... )
    >>> page = session_html(record)
    >>> page.splitlines()[0], "Stopped at token 1: the score fell to 0.300" in page
    ('<!doctype html>', True)
    """
    limits = record.policy if policy is None else policy
    replay = replay_data(record, limits)
    drawn = pictures(_curve(record, SessionView.of_record(record, limits)))
    script = _asset("_chart.js") + _asset(".js")
    style = _css()
    values = {
        "csp": (
            f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "style": style,
        "script": script,
        "data": json_for_script(replay | {"pictures": drawn}),
    }
    # In one pass, so that nothing inside a value is taken for a place to fill.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _asset(".html"))


def replay_data(record: SessionRecord, policy: HaltPolicy) -> dict[str, Any]:
    """Return the page's content as plain values whose text is visible.

    ``margins`` are the distances of the rules' statistics from their thresholds, rows in the order
    of ``RULES``, ``floors`` the lowest passing scores, the token still to come included. ``drawn``
    are the tokens the chart draws.
    """
    view = SessionView.of_record(record, policy)
    judgement, scores = view.judgement, view.scores
    headroom, highest = view.headroom()
    curve = _curve(record, view)
    top = headline(record, policy, judgement, view.margins)
    return {
        "headline": visible(top.text),
        "note": visible(top.note),
        "rule": top.rule,
        "alt": halt_curve_alt(curve),
        "id": visible(record.id),
        "facts": [[name, visible(value)] for name, value in _facts(record, policy) if value],
        "textKept": record.text_kept,
        "tokens": [visible(token) for token in record.tokens],
        "scores": [round(score, 6) for score in record.scores],
        "held": "".join("1" if held else "0" for held in record.held),
        "margins": [_short(row) for row in view.margins],
        "floors": [_short(row) for row in view.floors.stacked()],
        "heat": "".join(str(heat_level(float(value))) for value in headroom),
        "binding": "".join("-" if rule == NONE else RULES[rule][0] for rule in highest.tolist()),
        "drawn": curve.token.tolist() if len(curve.token) < len(scores) else None,
        "halt": judgement.trigger,
        "stop": judgement.stop,
        **_reader(record, view, what_if=is_what_if(record, policy)),
        "alarms": [RULE_OF_MECHANISM[alarm.mechanism] for alarm in judgement.alarms],
        "complete": is_whole(record),
        "acted": has_acted(record, policy),
        "off": tuple(is_off(policy, rule) for rule in range(len(RULES))),
        "onset": record.onset,
    }


def _curve(record: SessionRecord, view: SessionView) -> HaltCurveData:
    return halt_curve_data(
        view.scores,
        record.tokens,
        view.policy,
        view.judgement,
        onset=record.onset,
        acted=has_acted(record, view.policy),
    )


def _reader(record: SessionRecord, view: SessionView, *, what_if: bool) -> dict[str, int | None]:
    """Return the tokens shown and kept on screen; of a what-if only those that would be let out."""
    if record.n_kept is not None and not what_if:
        return {"delivered": record.n_released, "kept": record.n_kept}
    return {"delivered": view.delivered, "kept": None}


def json_for_script(values: object) -> str:
    r"""Return values as JSON that cannot end the script element it is put into.

    >>> json_for_script("</script>&")
    '"\\u003c/script\\u003e\\u0026"'
    """
    packed = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return packed.translate(_UNSAFE)


def _facts(record: SessionRecord, policy: HaltPolicy) -> list[tuple[str, str]]:
    return [
        ("Session", record.id),
        ("When", _when(record)),
        ("Model", record.model),
        ("Source", record.source),
        ("Scorer", str(record.scorer)),
        ("Facts", facts_line(record)),
        ("Prompt", record.prompt),
        *_limits(policy),
        ("Recorded limits", "others than these" if is_what_if(record, policy) else ""),
        ("Enforced", "yes" if record.enforced else "no, only watched"),
        ("Ended", record.ended_by.replace("_", " ")),
        ("Label", record.label or "none"),
        ("Onset", "" if record.onset is None else f"token {record.onset}"),
    ]


def _limits(policy: HaltPolicy) -> Iterable[tuple[str, str]]:
    hard, window, trend = (
        _plain(value)
        for value in (policy.hard_limit, policy.window_threshold, policy.trend_threshold)
    )
    halts = (
        f"halts under {hard}",
        f"halts when {policy.window_size} tokens average under {window}",
        f"halts when the line through {policy.trend_window} tokens falls by more than {trend}",
    )
    for place, (rule, sentence) in enumerate(zip(RULES, halts, strict=True)):
        yield RULE_NAME[rule].capitalize(), "off" if is_off(policy, place) else sentence
    yield "Mode", f"{policy.halt_mode}: {_MODES[policy.halt_mode]}"
    if policy.adaptive:
        yield "Scored", f"every {policy.score_every_n} to {policy.max_cadence} tokens"
    elif policy.score_every_n > 1:
        yield "Scored", f"every {policy.score_every_n} tokens"


def _when(record: SessionRecord) -> str:
    if not record.started_us:
        return ""
    try:
        started = _EPOCH + timedelta(microseconds=record.started_us)
    except OverflowError:
        return f"{record.started_us} µs after 1970"
    took = (record.ended_us - record.started_us) / 1e6
    lasted = f", for {took:.1f} s" if took >= 0.05 else ""
    return f"{started:%Y-%m-%d %H:%M:%S} UTC{lasted}"


def _plain(value: float) -> str:
    return repr(float(value)).removesuffix(".0")


def _short(values: FloatArray) -> list[float | None]:
    """Return six significant digits, which keep the sign of the smallest; ``None`` for nan."""
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]


@cache
def _asset(ending: str) -> str:
    return _HERE.with_name(_HERE.stem + ending).read_text(encoding="utf-8")


@cache
def _css() -> str:
    return (
        f":root{{{_variables(LIGHT)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}\n{_asset('.css')}"
    )


def _variables(colours: Palette) -> str:
    values = {
        "page": colours.page,
        "coherence": colours.coherence,
        **colour_variables(colours),
        "heat-ink": colours.heat_ink,
        **{f"heat{level}": colour for level, colour in enumerate(colours.heat, start=1)},
    }
    return "".join(f"--{name}:{value};" for name, value in values.items())


def _digest(content: str) -> str:
    """Return the name a content security policy knows an inline element by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
