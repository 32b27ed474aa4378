"""Command ``rescore``: stored texts judged again by another scorer."""

from argparse import Namespace
from functools import partial
from pathlib import Path

from director_ai.cli.exit_status import Status
from director_ai.cli.open_store import changing
from director_ai.cli.options.scorers import scorer_of
from director_ai.cli.options.sessions import query_of
from director_ai.cli.output import counted, note, one_line, print_json, working
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.scorers.rescoring import Make, Rescored, rescore
from director_ai.scorers.scorer_string import StreamScorer


def rescore_sessions(args: Namespace) -> int:
    """Judge sessions again; the status tells whether one was damaged."""
    open_scorer = partial(_open, scorer_of(args.by), args.key_env)
    facts = None if args.facts is None else _facts(args.facts)
    query = query_of(args)
    with changing(args) as store, working("Judging again", store.count(query)) as step:
        result = rescore(
            store, open_scorer, query, facts=facts, n_processes=args.jobs, on_session=step
        )
        name = store.name
    if args.json:
        digest = None if facts is None else facts.fact_set.digest
        print_json({"store": name, "facts": digest, **_values(result)})
    else:
        print("\n".join(map(one_line, _lines(result))))
    for damaged in result.skipped.damaged:
        note(f"Session {damaged!r} is damaged and was not judged; see director-ai doctor.")
    return Status.FAILED if result.skipped.damaged else Status.OK


def _open(scorer: str, key_env: str | None) -> Make:
    return partial(StreamScorer(scorer, key_env=key_env), background=False)


def _facts(path: str) -> GroundTruthStore:
    named = Path(path)
    if named.is_file():
        return GroundTruthStore.from_files([named])
    return GroundTruthStore.from_folder(named)


def _values(result: Rescored) -> dict[str, object]:
    return {
        "scorer": str(result.scorer),
        "n_sessions": result.n_sessions,
        "us_a_token": result.us_a_token if result.n_sessions else None,
        "skipped": result.skipped._asdict(),
    }


def _lines(result: Rescored) -> list[str]:
    cost = f", {result.us_a_token:,.0f} µs a token" if result.n_sessions else ""
    lines = [f"Judged {counted(result.n_sessions, 'session')} by {result.scorer}{cost}."]
    skipped = result.skipped
    for number, reason in (
        (skipped.done, "judged by it before, with the same facts"),
        (skipped.own, "recorded with it"),
        (skipped.without_text, "without text, or still being recorded"),
        (skipped.without_facts, "no facts kept with them; name some with --facts"),
    ):
        if number:
            lines.append(f"Left out {counted(number, 'session')}: {reason}.")
    return lines
