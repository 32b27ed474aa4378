"""Scorers measured on files of labelled answers that come with their facts."""

import gzip
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.words import read_words
from director_ai.errors import InvalidRecordError, InvalidRequestError
from director_ai.replay.curves import BoolArray
from director_ai.storage.transfer.cell_parsing import parse_tokens
from director_ai.tuning.evaluation.intervals import Interval, wilson
from director_ai.tuning.evaluation.scorer_comparison import ScorerComparison, compare_scorers
from director_ai.tuning.labelled import LabelledCurves, numbered

COVERAGE: Final = "coverage"
"""Name of plain word coverage, which every scorer is compared with."""

ENDINGS: Final = (".jsonl", ".jsonl.gz")

ANCHORS: Final = (
    ("LettuceDetect", "RAGTruth", "F1 of examples 0.76"),
    ("HHEM-2.1-Open", "AggreFact / RAGTruth", "balanced accuracy 0.64 / 0.74"),
    ("MiniCheck-7B", "AggreFact", "balanced accuracy 0.77"),
    ("token probes", "various", "AUC 0.90"),
)
"""Published figures: model, data, figure. Of other sets than these: they give the scale."""

_LABELS: Final[dict[float, bool]] = {0: False, 1: True}

Scorer = Callable[[GroundTruthStore, str], Callable[[str], float]]
"""Makes the callback of one stream from its facts and its prompt."""


class Answer(NamedTuple):
    """A labelled answer and the text it should rest on.

    Attributes
    ----------
    prompt
        The question; may be empty.
    context
        The facts.
    tokens
        Pieces of the answer.
    is_bad
        Whether it is not supported.
    group
        What it shares with others, such as its source; the answer's own number where it has none.
    """

    prompt: str
    context: str
    tokens: tuple[str, ...]
    is_bad: bool
    group: str


class DefaultLimits(NamedTuple):
    """Halts of a scorer's answers by the kernel's default limits.

    Attributes
    ----------
    scorer
        The scorer.
    halted
        Which answers are halted, shape (n_answers,).
    us_a_token
        Processor time of a token, the kernel's included, in microseconds.
    """

    scorer: str
    halted: BoolArray
    us_a_token: float


class SetResult(NamedTuple):
    """Scorers on the answers of one set.

    Attributes
    ----------
    name
        Of the set.
    is_bad
        Which answers are not supported, shape (n_answers,).
    lengths
        Tokens of each.
    defaults
        Of each scorer.
    comparison
        Plain word coverage, then each scorer.
    """

    name: str
    is_bad: BoolArray
    lengths: np.ndarray
    defaults: tuple[DefaultLimits, ...]
    comparison: ScorerComparison


class Rate(NamedTuple):
    """A share of answers, nan of none, with Wilson's 95 % interval."""

    value: float
    interval: Interval

    @classmethod
    def of(cls, hits: BoolArray) -> "Rate":
        """Return the share of a mask that is true."""
        share = float(hits.mean()) if hits.size else np.nan
        return cls(share, wilson(int(hits.sum()), hits.size))


def bench_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files of answers that paths name; of a folder those in it.

    Raises
    ------
    InvalidRequestError
        If one names none.
    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files = [each for each in inside if each.is_file() and each.name.endswith(ENDINGS)]
        if not files:
            raise InvalidRequestError(
                f"data must name files of answers ({', '.join(ENDINGS)}), got {str(path)!r}"
            )
        found += files
    return found


def read_answers(path: Path) -> list[Answer]:
    """Return the answers of a file of one JSON object a line.

    Its fields are ``context``, ``text`` or ``tokens``, ``label`` (0 supported, 1 not), and perhaps
    ``prompt`` and ``group``. A set in which an answer has no context gives none at all.

    Raises
    ------
    InvalidRecordError
        Naming file, line and field.
    """
    opening = gzip.open if path.name.endswith(".gz") else open
    answers = []
    with opening(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                answers.append(_answer(line, number))
            except ValueError as error:
                raise InvalidRecordError(f"{path.name}, line {number}: {error}") from None
    has_all = all(answer.context.strip() for answer in answers)
    return answers if has_all else []


def sampled(answers: Sequence[Answer], n_answers: int | None) -> list[Answer]:
    """Return so many answers, evenly spread over the file; all by default."""
    if n_answers is None or n_answers >= len(answers):
        return list(answers)
    return [answers[place * len(answers) // n_answers] for place in range(n_answers)]


def bench_set(
    name: str,
    answers: Sequence[Answer],
    scorers: Mapping[str, Scorer],
    *,
    on_answer: Callable[[], None] = lambda: None,
) -> SetResult:
    """Return what scorers make of a set, each answer judged token by token to its end.

    Parameters
    ----------
    name, answers
        The set; at least one supported answer and one that is not.
    scorers
        By name.
    on_answer
        Called after each answer of each scorer.

    Examples
    --------
    >>> from director_ai import CoherenceScorer
    >>> def lexical(facts, prompt):
    ...     return CoherenceScorer(ground_truth_store=facts).stream_callback(prompt)
    >>> answers = [
    ...     Answer("", "Bees make honey.", ("Bees", " make", " honey."), False, "1"),
    ...     Answer("", "Bees make honey.", ("Cats", " rule", " Rome."), True, "2"),
    ... ]
    >>> bench_set("tiny", answers, {"lexical": lexical}).comparison.figures[1].auroc.value
    1.0
    """
    is_bad = np.array([answer.is_bad for answer in answers])
    groups = numbered([answer.group for answer in answers])
    watching = StreamingKernel.from_policy(HaltPolicy(halt_mode="observe"))
    lengths = [len(answer.tokens) for answer in answers]
    covered = [
        [coverage(answer.context, "".join(answer.tokens))] * len(answer.tokens)
        for answer in answers
    ]
    curves: dict[str, list[list[float]]] = {COVERAGE: covered}
    defaults = []
    for scorer, make in scorers.items():
        halted, scores = [], []
        elapsed_s = 0.0
        for answer in answers:
            facts = GroundTruthStore.from_mapping({"context": answer.context})
            callback = make(facts, answer.prompt)
            # Of all threads: a model runs on its own.
            started_s = time.process_time()
            session = watching.stream_tokens(answer.tokens, callback)
            elapsed_s += time.process_time() - started_s
            halted.append(session.reason is not None)
            scores.append(session.coherence_history)
            on_answer()
        defaults.append(DefaultLimits(scorer, np.array(halted), 1e6 * elapsed_s / sum(lengths)))
        curves[scorer] = scores
    labels = is_bad.astype(np.int64).tolist()
    comparison = compare_scorers(
        {
            scorer: LabelledCurves.from_scores(scores, labels=labels, groups=groups.tolist())
            for scorer, scores in curves.items()
        },
        us_a_token={each.scorer: each.us_a_token for each in defaults},
    )
    return SetResult(name, is_bad, np.array(lengths), tuple(defaults), comparison)


def coverage(context: str, text: str) -> float:
    """Return the share of an answer's content words that its context holds, as written.

    >>> coverage("Bees make honey.", "The bees make wax.")
    0.6666666666666666
    """
    known = set(re.findall(r"\w+", context.casefold()))
    common = {word.stem for word in read_words(text) if word.kind == "function"}
    words = [word for word in re.findall(r"\w+", text.casefold()) if word not in common]
    return sum(word in known for word in words) / len(words) if words else 1.0


def _answer(line: str, number: int) -> Answer:
    values: Any = json.loads(line)
    if not isinstance(values, dict):
        raise InvalidRecordError(f"line must be a JSON object, got {line!r:.80}")
    field = "text" if values.get("tokens") is None else "tokens"
    tokens = parse_tokens(field, values.get(field))
    if not tokens or not all(isinstance(token, str) for token in tokens):
        raise InvalidRecordError(f"{field} must hold a text or its tokens, got {tokens!r:.80}")
    label = values.get("label")
    if isinstance(label, bool) or not isinstance(label, int | float) or label not in _LABELS:
        raise InvalidRecordError(f"label must be 0 (supported) or 1 (not), got {label!r:.80}")
    for name in ("prompt", "context"):
        if not isinstance(values.get(name) or "", str):
            raise InvalidRecordError(f"{name} must be text, got {values[name]!r:.80}")
    group = values.get("group")
    return Answer(
        values.get("prompt") or "",
        values.get("context") or "",
        tuple(tokens),
        _LABELS[label],
        f"\0{number}" if group is None else str(group),
    )
