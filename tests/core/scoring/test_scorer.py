"""The scorer: whole answers in review, growing ones in the streaming score."""

import asyncio
import math
import random
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer, LexicalStream
from director_ai.errors import NoFactsError
from tests.examples import one_in

FACTS = {
    "bees": "Worker bees make honey from nectar and seal the cells with wax. "
    "A worker bee lives about six weeks in summer. The queen does not forage.",
    "dance": "Karl von Frisch decoded the waggle dance and shared the Nobel Prize in 1973.",
    "rome": "In 146 BC Rome conquered Carthage after three wars.",
    "elba": "Napoleon died on 5 May 1821. His brother Joseph had married in June 1805.",
}
FAITHFUL = (
    "Worker bees make honey from nectar and seal the cells with wax. Karl von Frisch decoded the "
    "waggle dance and shared the Nobel Prize in 1973. A worker bee lives about six weeks in summer."
)
FABRICATED = (
    " Choreography rights passed in 1981 to the Monte Carlo magnate Delacroix, who taught tango to "
    "16,000 hornets aboard a refrigerated yacht near Uruguay, while jealous senators printed "
    "edible postage stamps for Korean monks."
)
WORDS = st.sampled_from(
    [*FAITHFUL.split(), *FABRICATED.split(), *"not ? 1,0 5 May th by".split(), "\n"]
)
TEXTS = st.lists(WORDS, max_size=40).map(" ".join)


def scorer(facts: dict[str, str] | None = None, **options: float) -> CoherenceScorer:
    store = GroundTruthStore.from_mapping(FACTS if facts is None else facts)
    return CoherenceScorer(ground_truth_store=store, **options)


def pieces(text: str) -> list[str]:
    return re.findall(r"\s?\S{1,6}|\s", text)


def reviewed(answer: str, facts: dict[str, str] | None = None) -> float:
    return scorer(facts).review("", answer)[1].score


@given(st.text(alphabet=st.characters()))
def test_every_text_scores_in_the_unit_interval(text: str):
    verdict = scorer().review(text, text)[1]

    for value in (scorer().score(text), verdict.score, verdict.h_logical, verdict.h_factual):
        assert 0 <= value <= 1
        assert value == round(value, 4)


def test_the_same_text_scores_the_same():
    text = FAITHFUL + FABRICATED

    assert scorer().score(text) == scorer().score(text)
    assert scorer().review("Why?", text) == scorer().review("Why?", text)


@given(TEXTS, st.randoms(use_true_random=False))
def test_the_stream_scores_every_prefix_as_the_stateless_score_does(text: str, rng: random.Random):
    callback = scorer().stream_callback()
    ends = sorted(rng.randint(0, len(text)) for _ in range(10))

    assert [callback(text[:end]) for end in ends] == [scorer().score(text[:end]) for end in ends]


def test_a_text_that_is_no_extension_is_scored_from_its_beginning():
    callback = scorer().stream_callback()
    callback(FABRICATED)

    assert callback(FAITHFUL) == scorer().score(FAITHFUL)
    assert callback(FAITHFUL[:40]) == scorer().score(FAITHFUL[:40])


def test_streams_of_one_scorer_do_not_mix():
    shared = scorer()
    one, other = shared.stream_callback(), shared.stream_callback()
    one(FABRICATED)

    assert other(FAITHFUL) == scorer().score(FAITHFUL)


@one_in(4)
@given(st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4), TEXTS)
def test_adding_a_fact_never_lowers_a_score(facts: list[str], answer: str):
    store = GroundTruthStore.from_mapping({"first": "Zebras graze."})
    growing = CoherenceScorer(ground_truth_store=store)
    streamed = [growing.score(answer)]
    whole = [growing.review("", answer)[1].score]
    for number, fact in enumerate(facts):
        store.add(str(number), fact)
        streamed.append(growing.score(answer))
        whole.append(growing.review("", answer)[1].score)

    assert streamed == sorted(streamed)
    assert whole == sorted(whole)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("A worker bee lives about six weeks.", "A worker bee lives about nine weeks."),
        ("He shared the Nobel Prize in 1973.", "He shared the Nobel Prize in 1947."),
        ("Then Karl von Frisch decoded the dance.", "Then Karl von Meyer decoded the dance."),
        ("The queen does not forage.", "The queen does forage."),
        ("Worker bees make honey.", "Worker bees never make honey."),
        ("Worker bees make honey.", "Honey makes worker bees."),
        ("Rome conquered Carthage in 146 BC.", "Carthage conquered Rome in 146 BC."),
        ("Napoleon died on 5 May 1821.", "Napoleon died on 5 June 1821."),
    ],
)
def test_a_wrong_number_name_date_order_or_negation_lowers_the_score(right: str, wrong: str):
    assert reviewed(wrong) < reviewed(right)
    assert scorer().score(wrong + " ") < scorer().score(right + " ")
    assert scorer().review("", wrong)[1].h_logical > scorer().review("", right)[1].h_logical


def test_swapped_roles_score_clearly_lower():
    fact = {"rome": "Rome conquered Carthage in 146 BC."}
    true, false = "Rome conquered Carthage in 146 BC. ", "Carthage conquered Rome in 146 BC. "

    assert reviewed(false, fact) < reviewed(true, fact) - 0.05
    assert scorer(fact).score(false) < scorer(fact).score(true) - 0.03


def test_a_wrong_number_weighs_more_than_an_unknown_word():
    known = "A worker bee lives about six weeks"

    assert reviewed(f"{known} in 1947.") < reviewed(f"{known} in tents.")


def test_an_opening_of_three_words_is_not_refuted():
    assert scorer().score("Picture a waterfall ") > 0.6


def test_an_answer_in_the_words_of_the_facts_stays_high():
    callback = scorer().stream_callback()
    text = ""
    scores = []
    for piece in pieces(FAITHFUL):
        text += piece
        scores.append(callback(text))

    assert min(scores) > 0.66


def test_the_kernel_passes_the_faithful_answer_and_halts_the_fabricated_one():
    faithful, fabricated = pieces(FAITHFUL), pieces(FABRICATED)
    passed = StreamingKernel().stream_tokens(faithful, scorer().stream_callback())
    halted = StreamingKernel().stream_tokens(
        faithful + fabricated, scorer().stream_callback(), scorer=scorer(), top_k=2
    )

    assert not passed.halted
    assert halted.halted
    assert len(faithful) <= halted.halt_index < len(faithful) + 40
    assert halted.halt_evidence_structured is not None
    assert len(halted.halt_evidence_structured.evidence_chunks) == 2


def test_a_fabricated_ending_is_not_outweighed_by_a_long_faithful_part():
    approved, verdict = scorer().review("", FAITHFUL * 5 + FABRICATED)

    assert not approved
    assert verdict.score < 1 - verdict.h_logical - verdict.h_factual


def test_review_approves_a_score_equal_to_the_threshold():
    score = reviewed(FAITHFUL)

    assert scorer(threshold=score).review("", FAITHFUL)[0]
    assert not scorer(threshold=math.nextafter(score, 1)).review("", FAITHFUL)[0]


def test_an_approved_answer_below_the_soft_limit_carries_a_warning():
    assert scorer(soft_limit=1.0).review("", FAITHFUL)[1].warning
    assert not scorer(soft_limit=0.0).review("", FAITHFUL)[1].warning
    assert not scorer(threshold=1.0, soft_limit=1.0).review("", FABRICATED)[1].warning


def test_evidence_is_for_the_prompt_or_for_the_answer_without_one():
    assert scorer().review("Who decoded the dance?", "Honey.")[1].evidence[0].source == "dance"
    assert scorer().review(" ", "Bees make honey.")[1].evidence[0].source == "bees"
    assert len(scorer(max_evidence=2).review("", "Bees")[1].evidence) == 2


def test_an_answer_repeated_as_the_prompt_does_not_excuse_itself():
    assert scorer().review(FABRICATED, FABRICATED)[1].score == reviewed(FABRICATED)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.stream_callback(),
        lambda s: s.score(FAITHFUL),
        lambda s: s.review("", FAITHFUL),
    ],
)
def test_without_facts_nothing_is_scored(call: Callable[[CoherenceScorer], object]) -> None:
    with pytest.raises(NoFactsError, match="the store holds no facts; add some or choose another"):
        call(CoherenceScorer())


def test_facts_that_share_no_word_give_no_evidence_and_no_support() -> None:
    facts = {"opera": "Verdi composed Aida for Cairo."}

    assert scorer(facts).review("How long do bees live?", FABRICATED)[1].evidence is None
    assert scorer(facts).score(FAITHFUL) < 0.5


TALK = "Hmm, I'm not sure. Do you like honey? Have you ever tasted it? I don't know, really. Alas! "


def test_hedges_questions_and_small_talk_do_not_halt() -> None:
    stream = StreamingKernel().stream_tokens(pieces(TALK + FAITHFUL), scorer().stream_callback())

    assert not stream.halted


def test_a_score_falls_by_more_than_a_trend_only_to_halt() -> None:
    callback, text, scores = scorer().stream_callback(), "", []
    for piece in pieces(FAITHFUL + TALK + FABRICATED + FAITHFUL):
        text += piece
        scores.append(callback(text))

    falls = [(now, max(scores[max(0, at - 4) : at + 1]) - now) for at, now in enumerate(scores)]
    assert any(now < 0.5 for now, _ in falls)
    assert max(fall for now, fall in falls if now >= 0.5) < 0.15


def test_the_identity_holds_the_coefficients() -> None:
    identity = scorer().scorer_identity

    assert str(identity).startswith("lexical:coherence@2#")
    assert scorer().stream_callback().scorer_identity == identity  # type: ignore[attr-defined]
    assert identity.digest != ""


@pytest.mark.parametrize(
    "text",
    ["", " ", "\ud800 bees \udfff", "النحل يصنع العسل؟ ", "蜜蜂采蜜。", "\u202ebees\u202c", "é́́"],
)
def test_odd_text_is_scored_alike_whole_and_in_pieces(text: str):
    callback = scorer().stream_callback()
    for end in range(len(text)):
        callback(text[:end])

    assert callback(text) == scorer().score(text)


def test_facts_in_other_scripts_support_answers_in_them():
    facts = {"ar": "النحل يصنع العسل من الرحيق.", "zh": "蜜蜂采蜜。"}

    assert reviewed("النحل يصنع العسل", facts) > 0.6
    assert reviewed("蜜蜂采蜜", facts) > 0.6
    assert reviewed("老虎喝紫色的水" * 3, facts) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["a", "1", " ", ".", "'", "?", "1,", "antidisestablishment "])
def test_a_token_of_a_megabyte_is_read_once(unit: str):
    token = unit * (1_000_000 // len(unit))
    stream = LexicalStream(GroundTruthStore.from_mapping(FACTS))
    stream(token)
    n_words = stream.n_words
    stream(token + " x y")

    assert stream.n_words <= n_words + 3


def test_the_work_of_a_token_does_not_grow_with_the_text():
    stream = LexicalStream(GroundTruthStore.from_mapping(FACTS))
    text = ""
    work = []
    for piece in pieces(FAITHFUL + FABRICATED) * 20:
        before = stream.n_words
        text += piece
        stream(text)
        work.append(stream.n_words - before)

    assert max(work) <= 3
    assert sum(work[: len(work) // 2]) == pytest.approx(sum(work[len(work) // 2 :]), abs=3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"threshold": 1.5}, ValueError, "threshold must be a number in [0, 1], got 1.5"),
        ({"threshold": math.nan}, ValueError, "threshold must be a number in [0, 1], got nan"),
        ({"soft_limit": True}, TypeError, "soft_limit must be a number in [0, 1], got True"),
        ({"max_evidence": -1}, ValueError, "max_evidence must be an integer >= 0, got -1"),
        ({"max_evidence": 1.0}, TypeError, "max_evidence must be an integer >= 0, got 1.0"),
        (
            {"ground_truth_store": {}},
            TypeError,
            "ground_truth_store must be a GroundTruthStore or None, got {}",
        ),
    ],
)
def test_a_wrong_option_is_refused(options: dict, error: type[Exception], message: str):
    with pytest.raises(error, match=re.escape(message)):
        CoherenceScorer(**options)


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.score(b"x"),
        lambda s: s.review(None, "x"),
        lambda s: s.review("x", 1),
        lambda s: s.stream_callback(1),
        lambda s: s.stream_callback()(None),
    ],
)
def test_what_is_not_text_is_refused(call):
    with pytest.raises(TypeError, match=r"must be a string, got"):
        call(scorer())


def test_importing_the_scorer_imports_nothing_heavy():
    code = "import sys, director_ai.core.scoring.scorer; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert not {"numpy", "asyncio", "pandas", "sqlite3"} & set(loaded.stdout.split())


def test_an_answer_is_reviewed_on_a_thread_by_the_originals_name() -> None:
    facts = GroundTruthStore.with_demo_facts()
    reviewer = CoherenceScorer(ground_truth_store=facts, use_nli=False)

    assert asyncio.run(reviewer.areview("", "Bees make honey.")) == reviewer.review(
        "", "Bees make honey."
    )


@pytest.mark.parametrize("use_nli", [True, None, 1])
def test_a_model_of_meaning_is_not_promised(use_nli: object) -> None:
    with pytest.raises(ValueError, match="use_nli must be False, got"):
        CoherenceScorer(use_nli=use_nli)
