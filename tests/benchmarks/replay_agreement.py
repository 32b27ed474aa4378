"""Replays random tokens by the engine and by the kernel and counts where they disagree.

Policies are of every mode and cadence, with and without a score of the finished text. A third of
the streams are cut before the engine sees them: what it says it knows must then hold of the whole.

Run it as ``python tests/benchmarks/replay_agreement.py [--tokens 1000000]``. It exits with 1 at
the first disagreement and prints the session and policy that it takes to see it again.
"""

import argparse
from dataclasses import replace

import clone  # noqa: F401
import numpy as np

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.halting.reason import MECHANISMS
from director_ai.core.halting.sentence import sentence_ends
from director_ai.replay import NEVER, Curves, Replay, held

PER_BATCH = 200
TOKENS = np.array([" a", " b", " c", ".", "!\n"])


def policy(random: np.random.Generator) -> HaltPolicy:
    """Return any policy, its thresholds on the scores' own grid half of the time."""
    digits = int(random.choice([2, 17]))

    def unit(least: float = 0.0) -> float:
        return round(float(random.uniform(least, 1.0)), digits)

    hard = unit() * float(random.random() < 0.9)
    return HaltPolicy(
        hard_limit=hard,
        window_size=int(random.integers(1, 30)),
        window_threshold=unit() * float(random.random() < 0.9),
        trend_window=int(random.integers(2, 20)),
        trend_threshold=float(random.choice([unit(), 1.5])),
        soft_limit=max(hard, unit()),
        halt_mode=str(random.choice(["hard", "soft", "observe"])),  # type: ignore[arg-type]
        score_every_n=int(random.choice([1, 1, 2, 5])),
        adaptive=bool(random.random() < 0.25),
        score_final=bool(random.random() < 0.5),
    )


def stream(random: np.random.Generator) -> tuple[list[str], list[float]]:
    """Return tokens and scores: a level, noise, perhaps a fall, perhaps rounded to a grid."""
    n_tokens = int(random.integers(1, 300))
    level, noise = random.uniform(0.4, 1.0), random.choice([0.0, 0.02, 0.1, 0.4])
    scores = level + noise * random.standard_normal(n_tokens)
    if random.random() < 0.5:
        scores[int(random.integers(0, n_tokens)) :] -= random.uniform(0, 0.6)
    scores = np.clip(scores, 0.0, 1.0)
    if random.random() < 0.6:
        scores = np.round(scores, 2)
    return random.choice(TOKENS, n_tokens).tolist(), scores.tolist()


def by_kernel(tokens: list[str], scores: list[float], limits: HaltPolicy) -> tuple[int, int, str]:
    """Return trigger, last token and mechanism as the kernel has them of the whole stream."""
    seen = iter(range(len(tokens)))
    place = 0

    def source() -> object:
        nonlocal place
        for place in seen:
            yield tokens[place]

    session = StreamingKernel.from_policy(limits).stream_tokens(
        source(),  # type: ignore[arg-type]
        lambda _: scores[place],
    )
    if session.reason is not None:
        return session.halt_index, len(session.tokens) - 1, session.reason.code
    return NEVER, NEVER, ""


def agrees(found: tuple[int, int, str], expected: tuple[int, int, str], cut_at: int | None) -> bool:
    """Return whether what the engine says of a stream, or of its beginning, is true of it.

    Parameters
    ----------
    found, expected
        Trigger, last token and mechanism by the engine and by the kernel.
    cut_at
        Tokens the engine was shown where it does not claim to know how the stream ends.
    """
    if cut_at is None:
        return found == expected
    if found[0] == NEVER:
        # Nothing held so far; the last token shown may have been scored once more.
        return expected[0] >= cut_at - 1
    return found[0] <= expected[0] < NEVER and found[1] == cut_at - 1 <= expected[1]


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    n_tokens = n_sessions = n_halted = n_open = 0
    while n_tokens < arguments.tokens:
        limits = policy(random)
        streams = [stream(random) for _ in range(PER_BATCH)]
        complete = random.random(PER_BATCH) < 2 / 3
        shown = [
            len(scores) if whole else int(random.integers(1, len(scores) + 1))
            for (_, scores), whole in zip(streams, complete, strict=True)
        ]
        curves = Curves.from_scores(
            [scores[:n] for (_, scores), n in zip(streams, shown, strict=True)],
            complete=complete.tolist(),
        )
        ends = np.array(
            [
                is_end
                for (tokens, _), n in zip(streams, shown, strict=True)
                for is_end in sentence_ends(tokens[:n])
            ]
        )
        curves = held(replace(curves, sentence_ends=ends), limits)
        outcomes = Replay(
            curves, window_size=limits.window_size, trend_window=limits.trend_window
        ).outcomes(limits)
        for place, (tokens, scores) in enumerate(streams):
            expected = by_kernel(tokens, scores, limits)
            number = int(outcomes.mechanism[place])
            found = (
                int(outcomes.trigger[place]),
                int(outcomes.stop[place]),
                MECHANISMS[number] if number >= 0 else "",
            )
            is_open = bool(outcomes.unknown[place] or outcomes.unfinished[place])
            if not agrees(found, expected, shown[place] if is_open else None):
                print(f"disagreement: {found} by the engine, {expected} by the kernel")
                print(f"policy {limits}\ntokens {tokens}\nscores {scores}\nshown {shown[place]}")
                raise SystemExit(1)
        n_tokens += curves.n_tokens
        n_sessions += curves.n_sessions
        n_halted += int(outcomes.halts.sum())
        n_open += int((outcomes.unknown | outcomes.unfinished).sum())
    print(
        f"{n_tokens:,} tokens, {n_sessions:,} sessions, {n_halted:,} halted, {n_open:,} cut short "
        "of an answer: no disagreement"
    )


if __name__ == "__main__":
    main()
