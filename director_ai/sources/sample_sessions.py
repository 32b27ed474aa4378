"""Sample sessions that ship with the product."""

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import director_ai
from director_ai.core.records.record import SessionRecord
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.sources.jsonl_file import read_file
from director_ai.sources.tokenizer import tokenize

ONSET_MARK = "⟦onset⟧"
"""Stands in a written answer where its text truly goes wrong."""

KINDS = {
    "steady_good": "Steady, good",
    "noisy_good": "Noisy, good",
    "sudden_fabrication": "Sudden fabrication",
    "slow_drift": "Slow drift",
    "dip_and_recover": "Dip and recover",
    "late_onset": "Late onset",
}
"""Display names of the kinds of sample, by tag."""


def app_root() -> Path:
    """Return the folder that holds ``app.py``: inside the package if installed, else the clone."""
    package = Path(director_ai.__file__).parent
    # The packaged copy first: a stray app.py beside site-packages must not win.
    packaged = package / "_dashboard"
    return packaged if packaged.exists() else package.parent


@lru_cache(maxsize=1)
def samples() -> dict[str, SessionRecord]:
    """Return the sample sessions by id, in the order of the file."""
    records = read_file(app_root() / "sample_data" / "sessions.jsonl")
    return {record.id: record for record in records}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the samples: its facts, and the answers written about it.

    Attributes
    ----------
    title
        Its display name.
    store
        Its facts.
    answers
        Tokens of every answer by session id: the whole text, wherever a recording was cut.
    """

    title: str
    store: GroundTruthStore
    answers: dict[str, tuple[str, ...]]


@lru_cache(maxsize=32)
def sample_topic(group: str) -> Topic:
    """Return the topic that a group of samples is about."""
    path = app_root() / "sample_data" / "texts" / f"{group}.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    answers = {entry["id"]: tuple(cut_answer(entry["answer"])[0]) for entry in content["session"]}
    facts = GroundTruthStore.from_text("\n\n".join(content["facts"]))
    return Topic(content["topic"], facts, answers)


def cut_answer(answer: str) -> tuple[list[str], int | None]:
    """Return an answer's tokens, and the token at its onset mark if it has one.

    >>> cut_answer("True.⟦onset⟧ False.")
    (['True', '.', ' False', '.'], 2)
    """
    before, mark, after = answer.partition(ONSET_MARK)
    first = tokenize(before)
    return first + tokenize(after), len(first) if mark else None
