"""Tuning card as one HTML file without scripts, links or requests."""

import base64
import hashlib
import html
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from director_ai.figures.theme import DARK, LIGHT, Palette
from director_ai.reports.tuning_card import SECTIONS, heading, last_line, value_text
from director_ai.reports.visible_text import visible
from director_ai.tuning.evaluation.evaluation import span
from director_ai.tuning.evaluation.token_counts import TokenCounts

_STYLE: Final = Path(__file__).with_suffix(".css")
_COLOURS: Final = ("page", "ink", "muted", "grid")


def card_html(values: Mapping[str, Any]) -> str:
    """Return the tuning card as a page without a script, a link or a picture.

    A policy in its head lets the browser apply its own style and nothing else. Whatever it quotes
    is shown and never rendered.

    Parameters
    ----------
    values
        Of :func:`director_ai.reports.tuning_card.card_values`.

    Examples
    --------
    >>> rate = {"cases": 1, "cases_if_unknown_halt": 1, "n": 2, "low_95": 0.1, "high_95": 0.9}
    >>> tokens = {"median": 6, "low_95": 5, "high_95": 8, "p90": 9, "n": 7}
    >>> parts = {name: None for name in SECTIONS}
    >>> parts["metrics"] = {
    ...     "catch_rate": rate, "false_halt_rate": rate,
    ...     "delay_tokens": tokens, "leaked_tokens": tokens,
    ... }
    >>> page = card_html({
    ...     **parts, "answer": "<b>", "cautions": [], "unknown": 0, "attempts_to_certify": 0,
    ...     "date": "today", "policy_sha256": "ab",
    ... })
    >>> page.splitlines()[0], "&lt;b&gt;" in page, "<script" in page
    ('<!doctype html>', True, False)
    """
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="referrer" content="no-referrer">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        "<title>Tuning card</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
        "<main>",
        f'<h1>Tuning card</h1>\n<p class="answer">{_text(values["answer"])}</p>',
        _rates(values["metrics"]),
        _cautions(values["cautions"]),
        *(_section(title, values[title]) for title in SECTIONS),
        f"<footer>{_text(last_line(values))}</footer>",
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _rates(metrics: Mapping[str, Any]) -> str:
    cells = [
        _cell("Catch rate (recall)", *_rate(metrics["catch_rate"])),
        _cell("False-halt rate (FPR)", *_rate(metrics["false_halt_rate"])),
        _cell("Delay, median", *_tokens(metrics["delay_tokens"], "no halt past an onset")),
        _cell(
            "Shown after it went wrong, median",
            *_tokens(metrics["leaked_tokens"], "no onset known"),
        ),
    ]
    return f'<ul class="rates">{"".join(cells)}</ul>'


def _cell(name: str, value: str, below: str) -> str:
    return f"<li>{_text(name)}<b>{_text(value)}</b><small>{_text(below)}</small></li>"


def _rate(rate: Mapping[str, Any]) -> tuple[str, str]:
    least, most, n = rate["cases"], rate["cases_if_unknown_halt"], rate["n"]
    if not n:
        return "–", "no session"
    counted = f"{least:,}" if least == most else f"{least:,}–{most:,}"
    return (
        span(least / n, most / n),
        f"95 %: {span(rate['low_95'], rate['high_95'])} · {counted} of {n:,}",
    )


def _tokens(tokens: Mapping[str, Any], none: str) -> tuple[str, str]:
    if tokens["median"] is None:
        return "–", none
    median, p90, low, high = (
        math.nan if tokens[name] is None else float(tokens[name])
        for name in ("median", "p90", "low_95", "high_95")
    )
    counts = TokenCounts(median, p90, tokens["n"], low, high)
    return f"{counts.text} tokens", f"95 %: {counts.interval} · p90 {p90:,.0f} · of {counts.n:,}"


def _cautions(cautions: list[Mapping[str, Any]]) -> str:
    items = "".join(f"<li>{_text(caution['sentence'])}</li>" for caution in cautions)
    return f'<ul class="cautions">{items}</ul>' if items else ""


def _section(title: str, section: Mapping[str, Any] | None) -> str:
    head = f"<h2>{_text(heading(title))}</h2>"
    if section is None:
        return f"<section>{head}<p>none</p></section>"
    rows = "".join(
        _row(name.replace("_", " "), value_text(value)) for name, value in section.items()
    )
    return f"<section>{head}<table>{rows}</table></section>"


def _row(name: str, value: str) -> str:
    return f'<tr><th scope="row">{_text(name)}</th><td>{_text(value)}</td></tr>'


def _text(value: object) -> str:
    return html.escape(visible(str(value)), quote=True)


@cache
def _style() -> str:
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}"
    sheet = _STYLE.read_text(encoding="utf-8")
    return f":root {{ {_variables(LIGHT)} }}\n{dark}\n{sheet}"


def _variables(palette: Palette) -> str:
    return " ".join(f"--{name}: {getattr(palette, name)};" for name in _COLOURS)
