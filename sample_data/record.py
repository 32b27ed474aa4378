"""Record ``sessions.jsonl``: score every text in ``texts/`` with our scorer, under our kernel.

Run it from the project's root: ``python sample_data/record.py``. The same texts and scorer give
the same file, byte for byte; a test compares.
"""

import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from director_ai import CoherenceScorer, GroundTruthStore, HaltPolicy, StreamingKernel
from director_ai.sources import cut_answer
from director_ai.storage import Annotation, Label, SessionRecord, to_lines

HERE = Path(__file__).parent
ENFORCED_PER_KIND = 2
BAD_KINDS = frozenset({"sudden_fabrication", "slow_drift", "late_onset"})

# The recordings carry no clock of their own, so that they come out the same every time.
FIRST_START_US = 1_767_603_600_000_000  # 2026-01-05 09:00 UTC
SPACING_US = 600_000_000


def main() -> None:
    """Write the file anew."""
    lines = list(to_lines(record_all()))
    (HERE / "sessions.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")
    print(f"{len(lines)} sessions recorded", file=sys.stderr)


def record_all() -> Iterator[SessionRecord]:
    """Yield a record for every text, in the order of files and entries."""
    seen: Counter[str] = Counter()
    number = 0
    for path in sorted((HERE / "texts").glob("*.toml")):
        topic = tomllib.loads(path.read_text(encoding="utf-8"))
        scorer = CoherenceScorer(
            ground_truth_store=GroundTruthStore.from_text("\n\n".join(topic["facts"]))
        )
        for entry in topic["session"]:
            kind = entry["kind"]
            record = _record(
                entry,
                scorer,
                enforced=seen[kind] < ENFORCED_PER_KIND,
                group=path.stem,
            )
            started = FIRST_START_US + number * SPACING_US
            yield replace(record, started_us=started, ended_us=started)
            seen[kind] += 1
            number += 1


def _record(
    entry: dict[str, str],
    scorer: CoherenceScorer,
    *,
    enforced: bool,
    group: str,
) -> SessionRecord:
    tokens, onset = cut_answer(entry["answer"])
    label: Label = "bad" if entry["kind"] in BAD_KINDS else "good"
    if (onset is not None) != (label == "bad"):
        raise ValueError(f"{entry['id']} must have an onset mark exactly if it is bad")
    policy = HaltPolicy(halt_mode="hard" if enforced else "observe")
    session = StreamingKernel.from_policy(policy).stream_tokens(
        tokens, scorer.stream_callback(entry["prompt"])
    )
    return SessionRecord.from_session(
        session,
        policy,
        id=entry["id"],
        source="sample",
        model="written by hand",
        prompt=entry["prompt"],
        annotations=(Annotation(label, onset, author="Director"),),
        group=group,
        tags=(entry["kind"],),
        # A clock of its own would make every recording another.
        times_us=(),
    )


if __name__ == "__main__":
    main()
