"""How well the lexical scorer ranks labelled answers, beside plain word coverage.

Usage: ``python tests/benchmarks/scorer_auroc.py PATH.jsonl.gz``, a file with one JSON object a
line: ``context`` is the fact, ``text`` the answer, ``label`` 1 where it is hallucinated and
``tokens`` the answer in pieces. Lines without a context are left out.
"""

import argparse
import gzip
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clone  # noqa: F401

from director_ai import CoherenceScorer, GroundTruthStore
from director_ai.core.scoring.words import read_words


def auroc(faithful: Sequence[float], hallucinated: Sequence[float]) -> float:
    """Return the chance that a faithful answer outscores a hallucinated one; ties count half.

    ``nan`` where either side is empty.
    """
    if not faithful or not hallucinated:
        return float("nan")
    ranked = sorted([(s, 1) for s in faithful] + [(s, 0) for s in hallucinated])
    rank_sum = 0.0
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        mean_rank = (start + 1 + end) / 2
        rank_sum += mean_rank * sum(side for _, side in ranked[start:end])
        start = end
    n = len(faithful)
    return (rank_sum - n * (n + 1) / 2) / (n * len(hallucinated))


def coverage(context: str, text: str) -> float:
    """Return the share of the answer's content words that the context holds, as written."""
    known = set(re.findall(r"\w+", context.casefold()))
    common = {word.stem for word in read_words(text) if word.kind == "function"}
    words = [word for word in re.findall(r"\w+", text.casefold()) if word not in common]
    return sum(word in known for word in words) / len(words) if words else 1.0


def main() -> None:
    """Print both AUROCs and the streaming cost of a token."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, help="labelled answers, .jsonl.gz")
    with gzip.open(parser.parse_args().path, "rt", encoding="utf-8") as lines:
        items: list[dict[str, Any]] = [json.loads(line) for line in lines]
    items = [item for item in items if (item["context"] or "").strip()]
    scored: tuple[list[float], list[float]] = ([], [])
    plain: tuple[list[float], list[float]] = ([], [])
    n_tokens = 0
    elapsed_s = 0.0
    for item in items:
        store = GroundTruthStore.from_mapping({item["id"]: item["context"]})
        scorer = CoherenceScorer(ground_truth_store=store)
        label = int(item["label"])
        scored[label].append(scorer.review("", item["text"])[1].score)
        plain[label].append(coverage(item["context"], item["text"]))
        callback = scorer.stream_callback()
        answer = ""
        started = time.perf_counter()
        for token in item["tokens"]:
            answer += token
            callback(answer)
        elapsed_s += time.perf_counter() - started
        n_tokens += len(item["tokens"])
    print(f"items                {len(items)} ({len(scored[1])} hallucinated)")
    print(f"AUROC scorer         {auroc(*scored):.4f}")
    print(f"AUROC word coverage  {auroc(*plain):.4f}")
    print(f"time per token       {1e6 * elapsed_s / max(1, n_tokens):.1f} us")


if __name__ == "__main__":
    main()
