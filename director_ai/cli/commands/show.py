"""``director-ai show``: one session, with the reason of its halt."""

from argparse import Namespace
from collections.abc import Iterator

from director_ai.cli.open_store import reading
from director_ai.cli.output import note, one_line, print_json
from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_values
from director_ai.reports.replay_html import replay_data
from director_ai.reports.sentences import annotation_line
from director_ai.reports.visible_text import visible


def show_session(args: Namespace) -> int:
    """Print one session."""
    with reading(args) as store:
        record = store.get(args.id)
        is_live = store.summary(args.id).outcome == "recording"
    if is_live:
        note("Still being recorded: this is what has come so far.")
    if args.json:
        print_json(to_values(record))
    else:
        print("\n".join(_lines(record, is_live=is_live)))
    return 0


def _lines(record: SessionRecord, *, is_live: bool) -> Iterator[str]:
    replay = replay_data(record, record.policy)
    yield one_line(replay["headline"])
    if replay["note"]:
        yield one_line(replay["note"])
    yield ""
    width = max(len(name) for name, _ in replay["facts"])
    for name, value in replay["facts"]:
        if is_live and name == "Ended":
            continue
        yield f"{name:<{width}}  {one_line(value)}"
    if record.halt is not None:
        yield ""
        yield f"Broken at token {record.halt.index}"
        for alarm in record.halt.alarms:
            yield f"  {alarm}, margin {alarm.margin:+.4f}"
        if not record.halt.alarms:
            yield f"  {one_line(str(record.halt))}"
    if record.annotations:
        yield ""
        yield "What people say"
        yield from (
            f"  {one_line(annotation_line(annotation))}" for annotation in record.annotations
        )
    yield ""
    yield _text(record)


def _text(record: SessionRecord) -> str:
    """Return the answer, the token it was halted at in brackets."""
    tokens = [visible(token) for token in record.tokens]
    if record.halt_index is not None and record.halt_index < len(tokens):
        tokens[record.halt_index] = f"⟦{tokens[record.halt_index]}⟧"
    return "".join(tokens)
