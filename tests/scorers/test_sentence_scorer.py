"""Sentence scorer: verdicts lower and lift the score, arrive late, fail, and are evidence."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import AsyncStreamingKernel, HaltPolicy, ScorerIdentity, StreamingKernel
from director_ai.core.runtime.session import StreamSession
from director_ai.core.runtime.stop_switch import StopSwitch
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.core.scoring.support import Pair, PairVerdict, Span
from director_ai.core.scoring.types import SentenceVerdict
from director_ai.errors import JudgeError, JudgeTimeoutError
from director_ai.scorers.background_judge import BackgroundJudge
from director_ai.scorers.sentence_scorer import SentenceScorer
from tests.scorers.models import WAIT_S, Faulty, Gated, Scripted, anything
from tests.scorers.test_background_judge import join_judges, judge_threads

TOKENS = ["Bees", " make", " honey.", " They", " sing", " opera.", " Loudly", "."]
OPERA = "They sing opera."


def fast(text: str) -> float:
    """Score by the text alone."""
    return 0.62 + (len(text) % 7) / 100


def scorer_of(model: Any, **options: Any) -> SentenceScorer:
    return SentenceScorer(fast, model, anything, **options)


def caught_up(judge: BackgroundJudge) -> None:
    """Wait until all that was submitted is judged: it is judged in order."""
    judge.submit("", lambda _: None).result(WAIT_S)


class Together:
    """Tokens, each handed out once the judge has caught up with those before."""

    def __init__(self, judge: BackgroundJudge, tokens: Sequence[str] = TOKENS) -> None:
        self.judge, self.tokens = judge, tokens

    def __iter__(self) -> Iterator[str]:
        for token in self.tokens:
            caught_up(self.judge)
            yield token


def observed(**options: Any) -> StreamingKernel:
    return StreamingKernel(halt_mode="observe", streaming_debug=True, **options)


def test_a_low_verdict_halts_and_its_sentence_is_the_evidence() -> None:
    judge = BackgroundJudge(Scripted({OPERA: 0.03}))
    session = StreamingKernel().stream_tokens(Together(judge), scorer_of(judge))

    assert str(session.reason) == "hard_limit (0.0300 < 0.5)"
    assert session.halt_index == 7
    assert session.halt_evidence == session.events[-1].evidence == f"judged 0.03: {OPERA}"
    assert session.verdicts == [
        SentenceVerdict(0, 16, 0.9, at=26),
        SentenceVerdict(17, 33, 0.03, at=41),
    ]


def test_snapshots_say_which_scores_were_judged() -> None:
    judge = BackgroundJudge(Scripted({OPERA: 0.4}))
    session = observed().stream_tokens(Together(judge), scorer_of(judge))

    assert [entry["judged"] for entry in session.debug_log] == [False] * 7 + [True]
    assert session.coherence_history[-1] == 0.4


def test_other_callbacks_leave_snapshots_as_they_are() -> None:
    session = observed().stream_tokens(TOKENS, fast)

    assert "judged" not in session.debug_log[0]


def test_a_high_verdict_lifts_the_score_of_its_sentence() -> None:
    def strict(text: str) -> float:
        return 0.52 if "honey" in text else 0.7

    judge = BackgroundJudge(Scripted())
    scorer = SentenceScorer(strict, judge, anything)
    session = observed().stream_tokens(Together(judge), scorer)

    assert session.coherence_history[2:5] == [0.52, 0.52, 0.7]


def test_the_score_is_as_low_as_the_worst_sentence() -> None:
    judge = BackgroundJudge(Scripted({"Bees make honey.": 0.55, OPERA: 0.8}))
    session = observed().stream_tokens(Together(judge), scorer_of(judge))

    assert session.coherence_history[-1] == 0.55


def test_the_stream_goes_on_until_the_verdict_arrives_and_waits_at_its_end() -> None:
    model = Gated({"Bees make honey.": 0.1})
    n_pulled = 0

    def tokens() -> Iterator[str]:
        nonlocal n_pulled
        for token in TOKENS:
            n_pulled += 1
            yield token
        model.may_answer.set()

    session = StreamingKernel().stream_tokens(tokens(), scorer_of(model))

    assert n_pulled == len(TOKENS)
    assert session.coherence_history[:-1] == [
        fast("".join(TOKENS[:n])) for n in range(1, len(TOKENS))
    ]
    assert str(session.reason) == "hard_limit (0.1000 < 0.5)"
    assert session.halt_index == len(TOKENS) - 1
    assert session.output == "".join(TOKENS[:-1])


def test_the_last_token_is_judged_once_more_in_every_mode() -> None:
    for mode, verdict in (("observe", 0.9), ("soft", 0.9)):
        kernel = StreamingKernel(
            halt_mode=mode, hard_limit=0.1, window_size=2, window_threshold=0.6
        )
        scores = iter([0.9, 0.2])
        scorer = SentenceScorer(
            lambda text, scores=scores: next(scores), Scripted({"Bees sleep": verdict}), anything
        )
        session = kernel.stream_tokens(["Bees", " sleep"], scorer)

        # What the fast score alone would have come to is undone.
        assert session.coherence_history == [0.9, 0.9]
        assert (session.halted, session.trigger, session.reason) == (False, (), None)


def test_a_sentence_without_facts_keeps_the_fast_score() -> None:
    model = Scripted()
    judge = BackgroundJudge(model)

    def retrieve(sentence: str) -> str | None:
        return None if sentence == OPERA else "the facts"

    def strict(text: str) -> float:
        return 0.56 if "opera" in text else 0.7

    session = observed().stream_tokens(Together(judge), SentenceScorer(strict, judge, retrieve))

    assert [claim for batch in model.batches for _, claim in batch] == [
        "Bees make honey.",
        "Loudly.",
    ]
    assert session.coherence_history[-1] == 0.56
    assert [verdict.support for verdict in session.verdicts] == [0.9, 0.9]


def test_spans_come_with_their_verdict() -> None:
    class Marking(Scripted):
        def verdicts(self, pairs: Sequence[Pair]) -> Sequence[PairVerdict]:
            return [PairVerdict(s, (Span(5, 9, 0.8),)) for s in self.support(pairs)]

    session = observed().stream_tokens(TOKENS, scorer_of(Marking()))

    assert session.verdicts[1].spans == (Span(5, 9, 0.8),)


SENTENCES = st.lists(
    st.sampled_from(["Bees fly.", "Dr. Lee ran 3.5 km!", "Why?", "- one", "So"]), max_size=5
)
SUPPORTS = st.dictionaries(
    st.sampled_from(["Bees fly.", "Dr. Lee ran 3.5 km!", "Why?", "So"]),
    st.sampled_from([0.0, 0.3, 0.64, 0.9, 1.0]),
)


@given(SENTENCES, SUPPORTS, st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_background_is_foreground_once_caught_up(
    sentences: list[str], supports: dict[str, float], steps: list[int]
) -> None:
    text = " ".join(sentences)
    behind = BackgroundJudge(Scripted(supports))
    background = scorer_of(behind)
    foreground = scorer_of(Scripted(supports), background=False)
    for step in steps:
        so_far = text[: len(foreground._text) + step]
        background(so_far)
        caught_up(behind)
        assert background(so_far) == foreground(so_far)
    assert background.final_score(text) == foreground.final_score(text)
    assert background.verdicts == foreground.verdicts


def late(_pairs: object) -> list[float]:
    raise JudgeTimeoutError("30 s passed")


FAULTS: dict[str, tuple[Callable[[Any], Any], str, type[Exception]]] = {
    "raises": (lambda pairs: 1 / 0, "callback_error", ZeroDivisionError),
    "too few": (lambda pairs: [], "callback_error", JudgeError),
    "for others too": (lambda pairs: [0.9] * (len(pairs) + 1), "callback_error", JudgeError),
    "nan": (lambda pairs: [float("nan") for _ in pairs], "callback_error", JudgeError),
    "out of range": (lambda pairs: [1.5 for _ in pairs], "callback_error", JudgeError),
    "timeout": (late, "callback_timeout", JudgeTimeoutError),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("tokens", [TOKENS, TOKENS[:3]], ids=["amid", "at the end"])
def test_a_judge_that_fails_ends_the_stream_as_on_fault_says(name: str, tokens: list[str]) -> None:
    answer, code, error = FAULTS[name]
    judge = BackgroundJudge(Faulty(answer))
    kernel = StreamingKernel(on_fault="halt")
    session = kernel.stream_tokens(Together(judge, tokens), scorer_of(judge))

    assert session.reason is not None
    assert (session.reason.halt_class, session.reason.code) == ("fault", code)
    assert session.halt_index == min(4, len(tokens) - 1)
    if code == "callback_error":
        with pytest.raises(error):
            StreamingKernel().stream_tokens(Together(judge, tokens), scorer_of(judge))


@pytest.mark.parametrize("ends", [True, False])
def test_a_judge_that_hangs_ends_the_stream_after_the_timeout(ends: bool) -> None:
    model = Gated()

    def tokens() -> Iterator[str]:
        yield from TOKENS
        while not ends:
            yield " So"

    session = StreamingKernel().stream_tokens(tokens(), scorer_of(model, finish_timeout=0.05))
    model.may_answer.set()

    assert session.reason is not None
    assert (session.reason.halt_class, session.reason.code) == ("fault", "callback_timeout")
    assert (session.halt_index == len(TOKENS) - 1) is ends


def test_an_operator_s_stop_ends_the_wait_for_a_judge_that_hangs() -> None:
    model, kernel, ended = Gated(), StreamingKernel(), threading.Event()

    def tokens() -> Iterator[str]:
        yield from TOKENS
        ended.set()

    def stop() -> None:
        ended.wait(WAIT_S)
        while not kernel._switch.n_enlisted:
            time.sleep(0.001)
        kernel.emergency_stop()

    stopping = threading.Thread(target=stop)
    stopping.start()
    session = kernel.stream_tokens(tokens(), scorer_of(model, finish_timeout=WAIT_S))
    stopping.join()
    model.may_answer.set()

    assert str(session.reason) == "kernel_inactive"
    assert session.halt_index == len(TOKENS) - 1


def test_a_stop_before_the_last_sentence_is_read_ends_the_wait_too() -> None:
    model = Gated()
    scorer = scorer_of(model, finish_timeout=WAIT_S)

    scorer.abort()

    with pytest.raises(CancelledError):
        scorer.final_score("".join(TOKENS))
    model.may_answer.set()


def test_so_does_one_that_comes_as_the_wait_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    model, kernel = Gated(), StreamingKernel()
    scorer = scorer_of(model, finish_timeout=WAIT_S)
    enlist, abort, n_aborted = StopSwitch.enlist, scorer.abort, 0

    def counted() -> None:
        nonlocal n_aborted
        n_aborted += 1
        abort()

    def stop_first(switch: StopSwitch, run: Any, waiting: Any) -> None:
        kernel.emergency_stop()
        enlist(switch, run, waiting)

    monkeypatch.setattr(scorer, "abort", counted)
    monkeypatch.setattr(StopSwitch, "enlist", stop_first)

    session = kernel.stream_tokens(TOKENS, scorer)
    model.may_answer.set()

    assert n_aborted
    assert str(session.reason) == "kernel_inactive"
    assert session.halt_index == len(TOKENS) - 1


def test_an_invalid_fast_score_is_not_hidden_by_a_verdict() -> None:
    scorer = SentenceScorer(lambda text: float("nan"), Scripted(), anything, background=False)
    session = StreamingKernel().stream_tokens(["Bees fly. ", "So"], scorer)

    assert session.reason is not None
    assert session.reason.code == "invalid_score"


async def run_async(kernel: AsyncStreamingKernel, scorer: SentenceScorer) -> StreamSession:
    return await kernel.stream_to_session(list(TOKENS), scorer)


@pytest.mark.parametrize("token_timeout", [0.0, WAIT_S])
def test_the_async_kernel_waits_for_verdicts_and_its_loop_goes_on(token_timeout: float) -> None:
    model = Gated({"Bees make honey.": 0.1})
    kernel = AsyncStreamingKernel(token_timeout=token_timeout)

    async def answer_when_the_stream_has_ended(session: StreamSession) -> None:
        while len(session.tokens) < len(TOKENS):
            await asyncio.sleep(0)
        model.may_answer.set()

    async def run() -> StreamSession:
        stream = kernel.stream_tokens(list(TOKENS), scorer_of(model))
        answering = asyncio.create_task(answer_when_the_stream_has_ended(stream.session))
        session = await stream.run_to_end()
        await answering
        return session

    session = asyncio.run(run())
    assert str(session.reason) == "hard_limit (0.1000 < 0.5)"
    assert session.halt_evidence == "judged 0.10: Bees make honey."


def test_both_kernels_give_the_same_record() -> None:
    def run(mode: str) -> list[StreamSession]:
        scorers = [scorer_of(Scripted({OPERA: 0.3}), background=False) for _ in range(2)]
        policy = HaltPolicy(halt_mode=mode)  # type: ignore[arg-type]
        sync = StreamingKernel.from_policy(policy).stream_tokens(list(TOKENS), scorers[0])
        kernel = AsyncStreamingKernel(**policy.to_dict())
        return [sync, asyncio.run(run_async(kernel, scorers[1]))]

    for mode in ("hard", "soft", "observe"):
        sync, other = run(mode)
        assert sync.coherence_history == other.coherence_history
        assert (sync.reason, sync.verdicts) == (other.reason, other.verdicts)


@pytest.mark.parametrize("fails", [False, True])
def test_the_async_kernel_ends_a_stream_whose_judge_fails_or_hangs(fails: bool) -> None:
    model = Faulty(FAULTS["raises"][0]) if fails else Gated()
    kernel = AsyncStreamingKernel(on_fault="halt")
    session = asyncio.run(
        run_async(kernel, scorer_of(model, finish_timeout=WAIT_S if fails else 0.05))
    )
    if isinstance(model, Gated):
        model.may_answer.set()

    assert session.reason is not None
    assert session.reason.code == ("callback_error" if fails else "callback_timeout")


@pytest.mark.slow
def test_a_thousand_streams_leave_no_thread_behind() -> None:
    shared = BackgroundJudge(Scripted())
    kernel = StreamingKernel()
    for number in range(1_000):
        judge = shared if number % 2 else Scripted()
        assert not kernel.stream_tokens(["Bees make honey", f" {number}."], scorer_of(judge)).halted
    join_judges()

    assert judge_threads() == []


def test_the_identity_is_that_of_both_scorers() -> None:
    facts = CoherenceScorer(ground_truth_store=GroundTruthStore.with_demo_facts())
    model = Scripted()
    scorer = SentenceScorer(facts.stream_callback(), model, anything)
    session = StreamingKernel().stream_tokens(["Bees"], scorer)
    other = Scripted()
    other.identity = ScorerIdentity("scripted", "2", "test")  # type: ignore[misc]

    assert session.scorer == scorer.scorer_identity
    assert str(session.scorer).startswith("sentence:coherence scripted@1#")
    assert (
        SentenceScorer(facts.stream_callback(), other, anything).scorer_identity != session.scorer
    )
    assert not scorer_of(model).scorer_identity.is_known


def test_a_scorer_serves_one_stream() -> None:
    scorer = scorer_of(Scripted())
    scorer("Bees make honey.")

    with pytest.raises(ValueError, match="each stream needs a SentenceScorer of its own"):
        scorer("The moon")


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan")])
def test_a_timeout_is_a_positive_time(timeout: float) -> None:
    with pytest.raises(ValueError, match="finish_timeout"):
        scorer_of(Scripted(), finish_timeout=timeout)
