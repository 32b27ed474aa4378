"""Fact sets: known by keys, texts and their order, borne by the callbacks that use them."""

import pickle
from types import SimpleNamespace

import pytest

from director_ai import CoherenceScorer, GroundTruthStore, StreamingKernel
from director_ai.core.scoring.fact_set import FactSet, facts_of
from director_ai.core.scoring.identity import ScorerIdentity, identity_of
from director_ai.scorers.ensemble import Ensemble, EnsembleScorer
from director_ai.scorers.premise import FactPremise
from director_ai.scorers.sentence_scorer import SentenceScorer
from director_ai.sources.chat.logprob import named_scorer
from tests.scorers.models import Scripted

TEXTS = {"moon": "The Moon has no air.", "bees": "Bees make honey."}


def test_keys_texts_and_order_are_told_by_the_digest() -> None:
    facts = FactSet(TEXTS)

    assert facts == FactSet(dict(TEXTS))
    assert facts.digest == FactSet.named(facts.digest).digest
    assert facts != facts.without_texts()
    others = (
        dict(reversed(TEXTS.items())),
        {**TEXTS, "bees": "Bees make honey"},
        {"moon": TEXTS["moon"], "bee": TEXTS["bees"]},
    )
    assert len({facts.digest, *(FactSet(other).digest for other in others)}) == 4
    assert len({facts, FactSet(TEXTS), facts.without_texts()}) == 2


def test_a_set_that_was_sent_to_another_process_is_the_same() -> None:
    facts = FactSet(TEXTS)

    sent = pickle.loads(pickle.dumps([facts, facts.without_texts()]))

    assert sent == [facts, facts.without_texts()]


def test_what_is_changed_later_changes_no_set() -> None:
    texts = dict(TEXTS)
    facts = FactSet(texts)
    texts["cats"] = "Cats sleep."

    assert facts.texts == TEXTS


@pytest.mark.parametrize("digest", ["", "0" * 15, "0" * 15 + "G", "A" * 16, None])
def test_what_is_no_digest_names_no_set(digest: str) -> None:
    with pytest.raises(ValueError, match="digest of facts must be 16 hexadecimal digits"):
        FactSet.named(digest)


def test_a_store_has_one_set_until_a_fact_is_added() -> None:
    store = GroundTruthStore.from_mapping(TEXTS)
    first = store.fact_set

    assert store.fact_set is first
    store.add("bees", "Bees sleep.")
    assert store.fact_set == FactSet({**TEXTS, "bees": "Bees sleep."})
    assert first == FactSet(TEXTS)


def test_callbacks_bear_the_facts_they_hold_a_text_against() -> None:
    store = GroundTruthStore.from_mapping(TEXTS)
    lexical = CoherenceScorer(ground_truth_store=store).stream_callback("Why?")
    judged = SentenceScorer(lambda text: 0.7, Scripted(), FactPremise(store))
    source = SimpleNamespace(last_logprob=0.0, logprobs=[0.0], last_entropy=0.0)
    ensemble = Ensemble(("lexical",), (identity_of(lexical),), (1.0,), 0.0)
    bearing = (
        lexical,
        judged,
        SentenceScorer(lexical, Scripted(), lambda sentence: None),
        EnsembleScorer(ensemble, [lexical]),
        named_scorer("both", lexical, source),
    )

    assert [facts_of(callback) for callback in bearing] == [store.fact_set] * 5
    assert facts_of(named_scorer("logprob", None, source)) is None
    session = StreamingKernel().stream_tokens(["Bees"], lexical)
    store.add("cats", "Cats sleep.")
    assert session.facts == FactSet(TEXTS)


def test_a_callback_of_anybody_may_bear_facts() -> None:
    class Scorer:
        scorer_identity = ScorerIdentity("own")
        scorer_facts = FactSet(TEXTS)

        def score(self, text: str) -> float:
            return 0.9

    assert StreamingKernel().stream_tokens(["Bees"], Scorer().score).facts == FactSet(TEXTS)
    Scorer.scorer_facts = TEXTS  # type: ignore[assignment]
    with pytest.raises(TypeError, match="scorer_facts must be a FactSet, got"):
        StreamingKernel().stream_tokens(["Bees"], Scorer().score)
