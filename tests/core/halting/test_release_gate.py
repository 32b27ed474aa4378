from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy, ReleasePolicy
from director_ai.core.halting.release_gate import ReleaseGate
from director_ai.core.halting.sentence import sentence_ends

TOKENS = st.sampled_from(["a", " b", ".", '."', '"', "!\n", " c"])
STEPS = st.lists(
    st.tuples(TOKENS, st.sampled_from([0.9, 0.6, 0.5]), st.booleans(), st.booleans()), max_size=90
)
RELEASES = st.builds(
    ReleasePolicy,
    st.sampled_from([0, 1, 2, 5, 8, 60]),
    st.sampled_from(["always", "warned"]),
    st.sampled_from(["token", "sentence", "answer"]),
)
LIMITS = st.sampled_from(
    [
        HaltPolicy(),
        HaltPolicy(halt_mode="observe"),
        HaltPolicy(score_every_n=3, score_final=True),
        HaltPolicy(halt_mode="observe", score_every_n=3, score_final=True),
    ]
)


def counted_anew(release, limits, steps):
    """Return (passed, shown) after each step, each count made from the whole list."""
    observes = limits.halt_mode == "observe"
    k = 0 if observes else release.hold_back
    unit = "token" if observes else release.unit
    waits = limits.score_final and limits.score_every_n > 1
    passed = ripe = shown = 0
    counts = []
    for came in range(1, len(steps) + 1):
        _, _, scored, flushes = steps[came - 1]
        for passes in (came - 1, came) if scored or not waits else (came - 1,):
            if passes == passed:
                continue
            passed = passes
            ends = sentence_ends(token for token, *_ in steps[:passed])
            lows = [score < limits.soft_limit for _, score, *_ in steps[:passed]]
            if release.when == "warned" and not any(lows[max(0, passed - k) :]):
                ripe = passed
            ripe = max(ripe, passed - k)
            if unit == "token":
                shown = max(shown, ripe)
            elif unit == "sentence":
                last = max((n for n in range(1, ripe + 1) if ends[n - 1]), default=0)
                shown = max(shown, last, ripe - 50)
        if flushes:
            ripe = shown = passed
        counts.append((passed, shown))
    return counts


@given(RELEASES, LIMITS, STEPS)
def test_the_gate_shows_what_its_definition_says(release, limits, steps):
    gate = ReleaseGate(release, limits)
    counts = []
    for token, score, scored, flushes in steps:
        gate.push(token, score, scored=scored)
        if flushes:
            gate.flush()
        counts.append((gate.passed, gate.shown))

    assert counts == counted_anew(release, limits, steps)


def shown(release, tokens, scores=None, **limits):
    gate = ReleaseGate(release, HaltPolicy(**limits))
    return [
        gate.push(token, score)
        for token, score in zip(tokens, scores or [0.9] * len(tokens), strict=True)
    ]


def test_a_token_is_shown_once_enough_have_passed_after_it():
    assert shown(ReleasePolicy(2), "abcd") == [0, 0, 1, 2]


def test_a_warning_holds_what_passes_until_it_lies_back_far_enough():
    scores = [0.9, 0.9, 0.59, 0.9, 0.9, 0.9]

    assert shown(ReleasePolicy(2, "warned"), "abcdef", scores) == [1, 2, 2, 2, 5, 6]


def test_a_score_at_the_soft_limit_holds_nothing():
    assert shown(ReleasePolicy(2, "warned"), "abc", [0.9, 0.6, 0.9]) == [1, 2, 3]


def test_sentences_are_shown_whole_with_the_quotes_that_close_them():
    tokens = ["He", " said", ".", '"', " So", "!"]

    assert shown(ReleasePolicy(unit="sentence"), tokens) == [0, 0, 3, 4, 4, 6]


def test_a_sentence_without_an_end_waits_for_fifty_tokens_more():
    assert shown(ReleasePolicy(3, unit="sentence"), ["a"] * 55)[-3:] == [0, 1, 2]


def test_nothing_is_held_where_nothing_is_enforced():
    release = ReleasePolicy(8, unit="answer")

    assert shown(release, "abc", halt_mode="observe") == [1, 2, 3]


def test_a_token_that_may_be_judged_again_passes_with_the_next():
    gate = ReleaseGate(ReleasePolicy(), HaltPolicy(score_every_n=2, score_final=True))

    assert [gate.push("a", 0.9), gate.push("b", 0.9, scored=False)] == [1, 1]
    assert [gate.push("c", 0.9), gate.push("d", 0.9, scored=False)] == [3, 3]
    assert gate.confirm() == 4
