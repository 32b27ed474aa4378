"""How well the lexical scorer does on labelled sets at the kernel's default limits.

Usage: ``python tests/benchmarks/scorer_sets.py FOLDER``; every ``.jsonl.gz`` in it whose lines have
a ``context``, the fact, is read: ``text`` is the answer, ``tokens`` its pieces, ``prompt`` the
question, ``label`` 1 where the answer is not supported and ``group`` what it shares with others.
Files without a context are named and left out. Intervals are 95 %: Wilson's for rates, of groups
for the differences from plain word coverage (bootstrap, 500 draws).
"""

import argparse
import gzip
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import clone  # noqa: F401
import numpy as np
from numpy.typing import NDArray

from director_ai import CoherenceScorer, GroundTruthStore, StreamingKernel
from director_ai.core.scoring.words import read_words
from director_ai.tuning.evaluation.intervals import wilson

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
N_DRAWS = 500


class Scored(NamedTuple):
    """Answers of a set, scored: shape (n_answers,) each, and the CPU seconds a token took."""

    is_bad: Bools
    is_halted: Bools
    lowest: Floats
    coverage: Floats
    lengths: NDArray[np.int64]
    groups: NDArray[np.str_]
    seconds_a_token: float


def auroc(good: Floats, bad: Floats) -> float:
    """Return the chance that a faithful answer outscores an unsupported one; ties count half.

    ``nan`` where either side is empty.
    """
    if not good.size or not bad.size:
        return float("nan")
    ranked = np.sort(bad)
    below, up_to = (np.searchsorted(ranked, good, side=side) for side in ("left", "right"))
    return float((below + up_to).mean() / 2 / bad.size)


def coverage(context: str, text: str) -> float:
    """Return the share of the answer's content words that the context holds, as written."""
    known = set(re.findall(r"\w+", context.casefold()))
    common = {word.stem for word in read_words(text) if word.kind == "function"}
    words = [word for word in re.findall(r"\w+", text.casefold()) if word not in common]
    return sum(word in known for word in words) / len(words) if words else 1.0


def scored(items: Sequence[dict[str, Any]]) -> Scored:
    """Return the answers judged token by token to their end, for their lowest score."""
    watching = StreamingKernel(halt_mode="observe")
    rows = []
    n_tokens = 0
    elapsed_s = 0.0
    for item in items:
        store = GroundTruthStore.from_mapping({"context": item["context"]})
        callback = CoherenceScorer(ground_truth_store=store).stream_callback(item["prompt"] or "")
        started = time.process_time()
        session = watching.stream_tokens(item["tokens"], callback)
        elapsed_s += time.process_time() - started
        n_tokens += len(item["tokens"])
        rows.append(
            (
                item["label"] == 1,
                session.reason is not None,
                session.min_coherence,
                coverage(item["context"], item["text"]),
                len(item["tokens"]),
                item["group"],
            )
        )
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Scored(*columns, elapsed_s / max(1, n_tokens))


def gain(answers: Scored) -> tuple[float, float, float]:
    """Return the AUROC above that of plain coverage, and its interval over groups."""

    def difference(chosen: NDArray[np.int64]) -> float:
        bad = answers.is_bad[chosen]
        scores, plain = answers.lowest[chosen], answers.coverage[chosen]
        return auroc(scores[~bad], scores[bad]) - auroc(plain[~bad], plain[bad])

    random = np.random.default_rng(0)
    members = [np.flatnonzero(answers.groups == group) for group in np.unique(answers.groups)]
    draws = [
        difference(
            np.concatenate([members[i] for i in random.integers(0, len(members), len(members))])
        )
        for _ in range(N_DRAWS)
    ]
    low, high = np.nanpercentile(draws, (2.5, 97.5))
    return difference(np.arange(answers.is_bad.size)), float(low), float(high)


def rate(hits: Bools) -> str:
    """Return a share of some answers and its interval, in percent."""
    if not hits.size:
        return "none"
    interval = wilson(int(hits.sum()), hits.size)
    return f"{100 * hits.mean():.1f} ({100 * interval.low:.1f}-{100 * interval.high:.1f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="labelled answers, .jsonl.gz")
    print("| set (answers; unsupported) | false halts, % | catch, % | AUROC | above coverage |")
    print("|---|---|---|---|---|")
    lengths, costs, left_out = [], [], []
    for path in sorted(parser.parse_args().folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            items = [json.loads(line) for line in lines]
        name = path.name.partition(".")[0]
        if not all((item["context"] or "").strip() for item in items):
            left_out.append(name)
            continue
        answers = scored(items)
        bad, halted = answers.is_bad, answers.is_halted
        area = auroc(answers.lowest[~bad], answers.lowest[bad])
        more, low, high = gain(answers)
        print(
            f"| {name} ({bad.size:,}; {bad.sum():,}) | {rate(halted[~bad])} | {rate(halted[bad])} "
            f"| {area:.3f} | {more:+.3f} ({low:+.3f} to {high:+.3f}) |"
        )
        middle = float(np.median(answers.lengths[~bad]))
        short = answers.lengths <= middle
        of_short, of_long = rate(halted[~bad & short]), rate(halted[~bad & ~short])
        lengths.append(f"| {name} | {middle:g} | {of_short} | {of_long} |")
        costs.append(1e6 * answers.seconds_a_token)
    print("\n| set | median tokens of faithful answers | false halts up to it, % | above it, % |")
    print("|---|---|---|---|")
    print("\n".join(lengths))
    print(f"\ncost of a token, kernel included: {np.median(costs):.1f} us (median of the sets)")
    print(f"left out, without a context: {', '.join(left_out) or 'none'}")


if __name__ == "__main__":
    main()
