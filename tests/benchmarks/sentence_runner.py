"""Cost a token of the sentence scorer beside a slow judge, and how late its verdicts come.

    python tests/benchmarks/sentence_runner.py

A stream of 20 ms a token, a judge of 120 ms a batch on a thread of its own; every token is timed.
The words alone are timed on the same stream: after each pause the processor's caches are cold, so
that they take many times what they take in a row. What the judge adds to them is judged.
"""

import time
from collections.abc import Callable, Sequence
from itertools import count
from statistics import median, quantiles

from director_ai import CoherenceScorer, GroundTruthStore, ScorerIdentity
from director_ai.scorers import SentenceScorer
from director_ai.sources import samples, tokenize

TOKEN_S = 0.02
JUDGE_S = 0.12
LIMIT_US = 200.0
N_TOKENS = 500


class SlowJudge:
    """Supports everything, after a while."""

    identity = ScorerIdentity("slow", "1")

    def support(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return 0.9 for each pair."""
        time.sleep(JUDGE_S)
        return [0.9] * len(pairs)


def timed(score: Callable[[str], float], tokens: Sequence[str]) -> list[float]:
    """Return the microseconds that each token took."""
    text, costs = "", []
    for token in tokens:
        text += token
        started = time.perf_counter()
        score(text)
        costs.append((time.perf_counter() - started) * 1e6)
        time.sleep(TOKEN_S)
    return costs


def main() -> None:
    """Print the costs, and fail above the limit."""
    sample = next(iter(samples().values()))
    # The answer is its own source: what the words cost is that of an answer they support.
    store = GroundTruthStore.from_text("".join(sample.tokens))
    words = CoherenceScorer(ground_truth_store=store)
    answer = tokenize(f" {''.join(sample.tokens)}")
    tokens = (answer * (N_TOKENS // len(answer) + 1))[:N_TOKENS]

    alone = timed(words.stream_callback(sample.prompt), tokens)
    # Other facts each time: no verdict is known already.
    numbers = count()
    scorer = SentenceScorer(
        words.stream_callback(sample.prompt), SlowJudge(), lambda _: f"facts {next(numbers)}"
    )
    beside = timed(scorer, tokens)
    scorer.final_score("".join(tokens))

    ends = [len("".join(tokens[: n + 1])) for n in range(len(tokens))]
    lags = [sum(verdict.end < end <= verdict.at for end in ends) for verdict in scorer.verdicts]
    print(f"words alone      median {median(alone):6.1f} us a token")
    print(
        f"beside a judge   median {median(beside):6.1f} us a token, "
        f"99 % {quantiles(beside, n=100)[-1]:.0f} us"
    )
    added = median(beside) - median(alone)
    print(f"added            median {added:6.1f} us a token, at most {LIMIT_US:g} us asked")
    print(f"verdicts         {len(lags)}, {median(lags):g} tokens after their sentence")
    if added > LIMIT_US:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
