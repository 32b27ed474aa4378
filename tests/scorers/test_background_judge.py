"""Background judge: batches, cache, failures of one sentence, threads, forks."""

import gc
import os
import threading

import pytest

from director_ai.core.scoring.support import PairVerdict
from director_ai.errors import JudgeError
from director_ai.scorers.background_judge import BackgroundJudge
from tests.scorers.models import WAIT_S, Faulty, Gated, Scripted, anything


def judge_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "director-judge"]


def join_judges() -> None:
    for thread in judge_threads():
        thread.join(WAIT_S)


def test_sentences_that_wait_are_judged_together_and_each_pair_once() -> None:
    model = Gated({"b": 0.2})
    judge = BackgroundJudge(model)
    first = judge.submit("a", anything)
    model.is_asked.wait(WAIT_S)
    waiting = [judge.submit(sentence, anything) for sentence in ("b", "c", "b")]
    model.may_answer.set()

    assert [verdict.result(WAIT_S) for verdict in (first, *waiting)] == [
        PairVerdict(0.9),
        PairVerdict(0.2),
        PairVerdict(0.9),
        PairVerdict(0.2),
    ]
    assert judge.submit("b", anything).result(WAIT_S) == PairVerdict(0.2)
    facts = "the facts"
    assert model.batches == [[(facts, "a")], [(facts, "b"), (facts, "c")]]


def test_other_facts_are_another_pair() -> None:
    model = Scripted()
    judge = BackgroundJudge(model)
    for premise in ("old", "new", "old"):
        judge.submit("a", lambda _, premise=premise: premise).result(WAIT_S)

    assert model.batches == [[("old", "a")], [("new", "a")]]


def test_the_longest_unused_verdict_is_forgotten_first() -> None:
    model = Scripted()
    judge = BackgroundJudge(model, cache_size=2)
    for sentence in ("a", "b", "a", "c", "a", "b"):
        judge.submit(sentence, anything).result(WAIT_S)

    assert [claim for ((_, claim),) in model.batches] == ["a", "b", "c", "b"]


def test_a_batch_is_no_longer_than_allowed() -> None:
    model = Gated()
    judge = BackgroundJudge(model, max_batch=2)
    verdicts = [judge.submit("first", anything)]
    model.is_asked.wait(WAIT_S)
    verdicts += [judge.submit(f"{n}", anything) for n in range(5)]
    model.may_answer.set()
    for verdict in verdicts:
        verdict.result(WAIT_S)

    assert [len(batch) for batch in model.batches] == [1, 2, 2, 1]


def test_without_facts_the_model_is_not_asked() -> None:
    model = Scripted()

    assert BackgroundJudge(model).submit("Hello!", lambda _: None).result(WAIT_S) is None
    assert model.batches == []


def test_one_sentence_that_fails_its_model_fails_no_other() -> None:
    def refuse_long(pairs: object) -> list[float]:
        if any(len(claim) > 3 for _, claim in pairs):  # type: ignore[attr-defined]
            raise ValueError("too long")
        return [0.7 for _ in pairs]  # type: ignore[attr-defined]

    model = Gated()
    judge = BackgroundJudge(model)
    first = judge.submit("a", anything)
    model.is_asked.wait(WAIT_S)
    judge.model = Faulty(refuse_long)
    good, bad = judge.submit("b", anything), judge.submit("endless", anything)
    model.may_answer.set()

    assert first.result(WAIT_S) == PairVerdict(0.9)
    assert good.result(WAIT_S) == PairVerdict(0.7)
    with pytest.raises(ValueError, match="too long"):
        bad.result(WAIT_S)


def test_an_outage_is_not_asked_again_for_each_sentence() -> None:
    def refuse(_pairs: object) -> list[float]:
        raise ConnectionError("refused")

    model, outage = Gated(), Faulty(refuse)
    judge = BackgroundJudge(model)
    first = judge.submit("a", anything)
    model.is_asked.wait(WAIT_S)
    judge.model = outage
    verdicts = [judge.submit(sentence, anything) for sentence in "bcd"]
    model.may_answer.set()

    first.result(WAIT_S)
    for verdict in verdicts:
        with pytest.raises(ConnectionError):
            verdict.result(WAIT_S)
    assert len(outage.batches) == 1


def test_a_retrieval_that_fails_fails_its_sentence() -> None:
    def raising(_sentence: str) -> str:
        raise LookupError("no index")

    with pytest.raises(LookupError):
        BackgroundJudge(Scripted()).submit("a", raising).result(WAIT_S)


def test_a_model_that_exits_ends_no_stream_s_process() -> None:
    def leave(_pairs: object) -> list[float]:
        raise SystemExit(3)

    with pytest.raises(JudgeError, match="test:scripted@1#0123456789abcdef raised SystemExit: 3"):
        BackgroundJudge(Faulty(leave)).submit("a", anything).result(WAIT_S)


@pytest.mark.slow
def test_a_sentence_whose_stream_is_gone_is_not_judged() -> None:
    model = Gated()
    judge = BackgroundJudge(model)
    first = judge.submit("a", anything)
    model.is_asked.wait(WAIT_S)
    gone = judge.submit("b", anything)
    last = judge.submit("c", anything)
    del gone
    gc.collect()
    model.may_answer.set()

    first.result(WAIT_S)
    last.result(WAIT_S)
    assert [claim for batch in model.batches for _, claim in batch] == ["a", "c"]


def test_no_thread_is_left_once_nothing_waits() -> None:
    judge = BackgroundJudge(Scripted())
    judge.submit("a", anything).result(WAIT_S)
    join_judges()

    assert judge_threads() == []


def test_a_forked_child_begins_anew_beside_a_model_that_hangs() -> None:
    model = Gated()
    judge = BackgroundJudge(model)
    hanging = judge.submit("a", anything)
    model.is_asked.wait(WAIT_S)
    child = os.fork()
    if not child:
        model.may_answer.set()
        verdict = judge.submit("b", anything).result(WAIT_S)
        os._exit(0 if verdict == PairVerdict(0.9) and len(model.batches) == 1 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    model.may_answer.set()
    assert hanging.result(WAIT_S) == PairVerdict(0.9)
