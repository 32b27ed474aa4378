"""Scores made of log-probabilities, alone and beside others."""

import math
from types import SimpleNamespace

import pytest

from director_ai import StreamingKernel
from director_ai.core.scoring.identity import identity_of
from director_ai.errors import NoFactsError
from director_ai.sources.chat.logprob import (
    SCORERS,
    WINDOW,
    WITHOUT_FACTS,
    entropy_score,
    logprob_score,
    lowest_score,
    named_scorer,
    surprise_score,
)


@pytest.mark.parametrize(
    ("logprob", "score"),
    [(0.0, 1.0), (-math.log(2), 0.5), (-9999.0, 0.0), (-math.inf, 0.0)],
)
def test_a_score_is_the_probability(logprob: float, score: float) -> None:
    assert logprob_score(SimpleNamespace(last_logprob=logprob))("") == pytest.approx(score)


@pytest.mark.parametrize("logprob", [None, math.nan, 0.5, 1e9, math.inf])
def test_what_is_no_log_probability_halts_at_its_token(logprob: float | None) -> None:
    scores = [logprob_score(SimpleNamespace(last_logprob=logprob))]
    scores += [lowest_score(lambda text: 0.4, scores[0]), lowest_score(scores[0], lambda text: 0.4)]

    for score in scores:
        session = StreamingKernel(hard_limit=0.0).stream_tokens(["a", "b"], score)
        assert session.reason is not None
        assert (session.reason.code, session.tokens, session.output) == ("invalid_score", ["a"], "")


def test_float_noise_above_0_is_no_fault() -> None:
    score = logprob_score(SimpleNamespace(last_logprob=1e-9))

    assert StreamingKernel().stream_tokens(["a"], score).coherence_history == [1.0]


@pytest.mark.parametrize("entropy", [None, math.nan])
def test_without_alternatives_there_is_no_entropy(entropy: float | None) -> None:
    assert math.isnan(entropy_score(SimpleNamespace(last_entropy=entropy))(""))


def test_the_certainty_of_a_choice_is_one_by_the_number_of_equal_choices() -> None:
    assert entropy_score(SimpleNamespace(last_entropy=0.0))("") == 1.0
    assert entropy_score(SimpleNamespace(last_entropy=math.log(8)))("") == pytest.approx(1 / 8)


def test_surprise_is_averaged_over_the_newest_tokens() -> None:
    source = SimpleNamespace(logprobs=[-50.0, *[-1.0] * WINDOW])
    score = surprise_score(source)

    assert score("") == pytest.approx(math.exp(-1.0))
    source.logprobs.append(-3.0)
    assert score("") == pytest.approx(math.exp(-1.2))
    assert surprise_score(SimpleNamespace(logprobs=[-0.5]))("") == pytest.approx(math.exp(-0.5))
    assert math.isnan(surprise_score(SimpleNamespace(logprobs=[]))(""))


@pytest.mark.parametrize("wrong", [None, math.nan, 0.5, 1e9, math.inf])
def test_one_that_is_none_in_the_window_is_no_score(wrong: float | None) -> None:
    source = SimpleNamespace(logprobs=[-1.0, wrong, -1.0])

    session = StreamingKernel().stream_tokens(["a"], surprise_score(source))

    assert session.reason is not None
    assert session.reason.code == "invalid_score"


def test_each_name_chooses_its_score() -> None:
    source = SimpleNamespace(
        last_logprob=math.log(0.7),
        logprobs=[math.log(0.5), math.log(0.5)],
        last_entropy=math.log(4),
    )

    found = {name: round(named_scorer(name, lambda text: 0.8, source)(""), 6) for name in SCORERS}
    assert found == {
        "lexical": 0.8,
        "logprob": 0.7,
        "logprob:entropy": 0.25,
        "logprob:surprise": 0.5,
        "both": 0.7,
    }


def test_scores_by_log_probability_bear_an_identity() -> None:
    score = logprob_score(SimpleNamespace(last_logprob=0.0))

    assert str(identity_of(score)) == "logprob:exp@1"
    source = SimpleNamespace(last_logprob=0.0, logprobs=[0.0], last_entropy=0.0)
    passports = {str(identity_of(named_scorer(name, None, source))) for name in WITHOUT_FACTS}
    assert {each.partition("#")[0] for each in passports} == {
        "logprob:exp@1",
        "logprob:entropy@1",
        "logprob:surprise@1",
    }
    assert str(identity_of(lowest_score(score, score))).startswith("lowest:exp exp@1#")
    assert not identity_of(lowest_score(score, lambda text: 0.5)).is_known


def test_a_scorer_by_facts_is_refused_without_any() -> None:
    source = SimpleNamespace(last_logprob=0.0)

    for name in ("lexical", "both"):
        with pytest.raises(NoFactsError, match=f"facts must be given for the scorer {name!r}"):
            named_scorer(name, None, source)  # type: ignore[arg-type]
    assert named_scorer("logprob", None, source)("Hi") == 1.0
