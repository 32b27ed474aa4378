"""Check of changed limits: what a cut recording hides is bounded by what it may hide."""

import json
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from director_ai import HaltPolicy, StreamingKernel
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.core.records.stored_curve import StoredCurve
from director_ai.errors import InvalidPolicyError, InvalidRequestError
from director_ai.tuning.gates import Gates, Selector, SelectorKind
from director_ai.tuning.policy_change import Assignment
from director_ai.tuning.policy_check import CheckResult, check
from director_ai.tuning.policy_order import halt_alike, halts_no_more
from director_ai.tuning.study import TuneData


class Stream(NamedTuple):
    """A whole stream, longer than its recording may be."""

    tokens: list[str]
    scores: list[float]
    label: str | None
    onset: int | None


def ended(stream: Stream, policy: HaltPolicy) -> tuple[bool, int]:
    """Return whether the kernel halts a whole stream, and at which token."""
    # Tokens are single letters: the text is as long as its last token's place.
    session = StreamingKernel.from_policy(policy).stream_tokens(
        stream.tokens, lambda text: stream.scores[len(text) - 1]
    )
    return session.halted, session.halt_index if session.halted else -1


def is_caught(stream: Stream, policy: HaltPolicy) -> bool:
    halted, token = ended(stream, policy)
    return halted and (stream.onset is None or token >= stream.onset)


def recorded(name: str, stream: Stream, policy: HaltPolicy) -> StoredCurve:
    session = StreamingKernel.from_policy(policy).stream_tokens(
        stream.tokens, lambda text: stream.scores[len(text) - 1]
    )
    scores = session.coherence_history
    return StoredCurve(
        id=name,
        model="m",
        source="",
        group="",
        tags="[]",
        enforced=policy.halt_mode != "observe",
        ended_by="soft_halted"
        if session.soft_halted
        else "halted"
        if session.halted
        else "completed",
        label=stream.label,  # type: ignore[arg-type]
        onset=stream.onset,
        policy=json.dumps(policy.to_dict()),
        scores=np.array(scores, "<f8").tobytes(),
        ends=bytes(sentence_ends(session.tokens[: len(scores)])),
    )


def drawn_stream(random: np.random.Generator) -> Stream:
    n_tokens = int(random.integers(1, 24))
    # Few distinct values, so that scores meet thresholds exactly.
    level = random.choice([0.5, 0.7, 0.9])
    scores = np.clip(level + random.integers(-6, 5, n_tokens) / 20, 0, 1).round(2)
    label = random.choice(["good", "bad", None], p=[0.4, 0.5, 0.1])
    onset = (
        int(random.integers(0, n_tokens + 3)) if label == "bad" and random.random() < 0.7 else None
    )
    return Stream(
        random.choice(["a", "."], n_tokens, p=[0.8, 0.2]).tolist(), scores.tolist(), label, onset
    )


def drawn_policy(random: np.random.Generator, like: HaltPolicy | None = None) -> HaltPolicy:
    """Return any limits, or such that differ from others in a field or two."""
    fields = {
        "hard_limit": random.choice([0.0, 0.3, 0.4, 0.5]),
        "window_size": int(random.integers(1, 5)),
        "window_threshold": random.choice([0.0, 0.5, 0.6, 0.7]),
        "trend_window": int(random.integers(2, 5)),
        "trend_threshold": random.choice([0.1, 0.2, 1.5]),
        "soft_limit": random.choice([0.6, 0.7, 0.8]),
        "halt_mode": random.choice(["hard", "hard", "soft", "observe"]),
        "score_every_n": int(random.choice([1, 1, 2, 3, 4])),
        "adaptive": bool(random.random() < 0.2),
        "max_cadence": 4,
        "score_final": bool(random.random() < 0.3),
    }
    if like is not None:
        changed = random.choice(list(fields), int(random.integers(0, 3)), replace=False)
        fields = {**like.to_dict(), **{name: fields[name] for name in changed}}
    try:
        return HaltPolicy(
            **{name: getattr(value, "item", lambda v=value: v)() for name, value in fields.items()}
        )
    except InvalidPolicyError:
        return drawn_policy(random, like)


def agrees(random: np.random.Generator, *, whole: bool) -> tuple[int, int]:
    """Check one archive against kernel runs; return the true changes and the possible ones."""
    watching = replace(HaltPolicy(), halt_mode="observe")
    under = [watching] if whole else [drawn_policy(random) for _ in range(2)]
    streams = [drawn_stream(random) for _ in range(30)]
    policies = [under[int(random.integers(len(under)))] for _ in streams]
    rows = [
        recorded(str(n), stream, policy)
        for n, (stream, policy) in enumerate(zip(streams, policies, strict=True))
    ]
    data = TuneData.of(rows)
    is_recorded = not whole and random.random() < 0.3
    before = drawn_policy(random, None if whole else under[0])
    after = drawn_policy(random, None if whole else before)
    result = check(data, None if is_recorded else before, after)
    acting = [
        replace(each, halt_mode="hard") if each.halt_mode == "observe" else each
        for each in policies
    ]
    old = acting if is_recorded else [before] * len(streams)
    n_true = 0
    for n, (stream, was) in enumerate(zip(streams, old, strict=True)):
        if stream.label is None:
            continue
        if stream.label == "good":
            change = result.new_false_halts
            truth = not ended(stream, was)[0] and ended(stream, after)[0]
        else:
            change = result.lost_catches
            truth = is_caught(stream, was) and not is_caught(stream, after)
        certain, possible = bool(change.certain[n]), bool(change.possible[n])
        assert not (certain and not truth), (stream, was, after, rows[n])
        assert certain or possible or not truth, (stream, was, after, rows[n])
        assert not (whole and possible), (stream, was, after)
        n_true += truth
    return n_true, int(result.new_false_halts.possible.sum() + result.lost_catches.possible.sum())


def test_certain_changes_are_true_and_true_ones_are_certain_or_possible() -> None:
    random = np.random.default_rng(17)

    counts = [agrees(random, whole=False) for _ in range(40)]

    assert min(map(sum, zip(*counts, strict=True))) > 20


@pytest.mark.slow
@pytest.mark.parametrize("n_archives", [120, pytest.param(600, marks=pytest.mark.soak)])
def test_so_they_are_on_hundreds_of_archives(n_archives: int) -> None:
    random = np.random.default_rng(2026)

    counts = [agrees(random, whole=False) for _ in range(n_archives)]

    assert min(map(sum, zip(*counts, strict=True))) > n_archives


def test_on_whole_recordings_changes_are_those_of_two_kernel_runs() -> None:
    random = np.random.default_rng(5)

    assert sum(agrees(random, whole=True)[0] for _ in range(30)) > 20


def test_the_order_is_that_of_halts() -> None:
    random = np.random.default_rng(8)
    n_ordered = 0
    for _ in range(60):
        policy = drawn_policy(random)
        other = drawn_policy(random, policy)
        for stream in [drawn_stream(random) for _ in range(12)]:
            if halts_no_more(policy, other):
                assert ended(stream, policy)[0] <= ended(stream, other)[0], (policy, other)
                n_ordered += policy != other
            if halt_alike(policy, other):
                assert ended(stream, policy) == ended(stream, other)
    assert n_ordered > 100


def row(name: str, scores: list[float], **fields: object) -> StoredCurve:
    policy = fields.pop("policy", HaltPolicy())
    return StoredCurve(
        **{  # type: ignore[arg-type]
            "id": name,
            "model": "m",
            "source": "s",
            "group": "",
            "tags": "[]",
            "enforced": True,
            "ended_by": "completed",
            "label": "good",
            "onset": None,
            "policy": json.dumps(policy.to_dict()),  # type: ignore[attr-defined]
            "scores": np.array(scores, "<f8").tobytes(),
            "ends": bytes(len(scores)),
            **fields,
        }
    )


LOOSE, STRICT = HaltPolicy(hard_limit=0.3), HaltPolicy(hard_limit=0.5)
GOOD = row("good", [0.9, 0.45, 0.9], tags='["golden"]', group="family")
BAD = row("bad", [0.9, 0.45, 0.9], label="bad", onset=1)
CUT = row("cut", [0.9, 0.45], ended_by="halted", policy=STRICT)


def result_of(
    rows: list[StoredCurve], before: object, after: object, **gates: object
) -> CheckResult:
    return check(TuneData.of(rows), before, after, Gates(**gates))  # type: ignore[arg-type]


def failing(result: CheckResult) -> list[tuple[str, str]]:
    return [(gate.name, gate.text) for gate in result.gates if not gate.passed]


def test_an_unchanged_policy_always_passes() -> None:
    late = row("late", [0.9, 0.45], label="bad", onset=9, ended_by="halted", policy=STRICT)
    for policy in (LOOSE, STRICT, replace(STRICT, score_every_n=3, adaptive=True)):
        assert result_of([GOOD, BAD, CUT, late], policy, policy).passed


def test_a_stricter_limit_is_a_new_false_halt() -> None:
    result = result_of([GOOD, BAD, CUT], LOOSE, STRICT)

    assert failing(result) == [("new false halts", "2 of at most 0 (1 certain, 1 possible)")]
    assert result.new_false_halts.certain.tolist() == [True, False, False]
    assert result_of([GOOD, BAD, CUT], LOOSE, STRICT, max_new_false_halts=2).passed
    assert result_of([GOOD, BAD, CUT], LOOSE, STRICT, max_new_false_halts=None).passed


def test_a_looser_limit_is_a_lost_catch_and_never_a_false_halt() -> None:
    result = result_of([GOOD, BAD, CUT], STRICT, LOOSE)

    assert failing(result) == [("lost catches", "1 of at most 0 (1 certain, 0 possible)")]
    # By default the limits before are those recorded.
    assert failing(result_of([GOOD, BAD, CUT], None, LOOSE)) == failing(result)


def test_a_catch_may_be_lost_where_the_onset_lies_past_the_recording() -> None:
    looser, stricter = HaltPolicy(hard_limit=0.3), HaltPolicy(hard_limit=0.35)
    within = CUT._replace(id="within", label="bad", onset=2)
    past = CUT._replace(id="past", label="bad", onset=3)
    recorded = replace(STRICT, score_every_n=2)
    held = past._replace(id="held", onset=1, policy=json.dumps(recorded.to_dict()))

    def lost(curve: StoredCurve, **cadence: int) -> list[bool]:
        before, after = (replace(each, **cadence) for each in (looser, stricter))
        return result_of([curve], before, after).lost_catches.possible.tolist()

    # The stricter limit may halt before the onset, and the looser one after it.
    assert (lost(within), lost(past)) == ([False], [True])
    assert (lost(held, score_every_n=2), lost(held, score_every_n=3)) == ([False], [True])


def test_a_soft_halt_before_the_onset_may_still_become_a_catch() -> None:
    scores = [0.9, 0.52, 0.8, 0.32]
    cut = row("c", scores, label="bad", onset=3, ended_by="halted", policy=HaltPolicy(0.35))
    soft = HaltPolicy(0.0, window_size=1, window_threshold=0.55, halt_mode="soft")

    lost = result_of([cut], HaltPolicy(0.35), soft).lost_catches
    whole = result_of([cut._replace(ended_by="completed")], HaltPolicy(0.35), soft).lost_catches

    assert (lost.certain.tolist(), lost.possible.tolist()) == ([False], [True])
    assert (whole.certain.tolist(), whole.possible.tolist()) == ([True], [False])


def test_what_one_field_changes_alone_is_told() -> None:
    after = HaltPolicy(hard_limit=0.5, window_size=2, window_threshold=0.7)

    effects = {each.name: each for each in result_of([GOOD, BAD], LOOSE, after).by_field}

    assert list(effects)[0] == "hard_limit"
    assert (effects["hard_limit"].before, effects["hard_limit"].after) == ((0.3,), (0.5,))
    assert {name: each.n_worse for name, each in effects.items()} == {
        "hard_limit": 1,
        "window_size": 0,
        "window_threshold": 0,
    }
    high = HaltPolicy(hard_limit=0.8, soft_limit=0.9)
    alone = {
        each.name: each for each in result_of([GOOD], HaltPolicy(soft_limit=0.7), high).by_field
    }
    assert alone["hard_limit"].new_false_halts is None
    assert alone["soft_limit"].n_worse == 0


def test_limits_that_only_observe_fail_where_those_before_enforce() -> None:
    quiet = replace(STRICT, halt_mode="observe")

    assert [name for name, _ in failing(result_of([GOOD, BAD], STRICT, quiet))] == [
        "lost catches",
        "enforcement",
    ]
    assert result_of([GOOD, BAD], quiet, quiet).passed
    # A recording that observed counts as one that would have acted.
    watched = row("w", [0.9, 0.9], policy=quiet)
    assert (
        failing(result_of([watched, replace_label(watched, "bad")], None, quiet))[-1][0]
        == "enforcement"
    )


def replace_label(curve: StoredCurve, label: str) -> StoredCurve:
    return curve._replace(id=label, label=label)  # type: ignore[arg-type]


def test_the_false_halt_rate_counts_groups() -> None:
    rows = [row(f"g{n}", [0.9], group=f"f{n // 2}") for n in range(2 * 124)]
    one = [*rows, row("h", [0.4], group="f0")]
    gates = {"max_new_false_halts": None, "max_lost_catches": None, "max_false_halt_rate": 0.05}

    assert result_of(rows, STRICT, STRICT, **gates).passed
    (failed,) = failing(result_of(one, STRICT, STRICT, **gates))
    assert failed[1].startswith("1 of at most 0 of 124 good groups: ≤ 5 % at 95 %, whatever thresh")
    (failed,) = failing(result_of(rows[:246], STRICT, STRICT, **gates))
    assert failed[1] == "123 good groups, 124 are needed for ≤ 5 % at 95 %; 1 are missing"
    assert result_of(rows[:118], STRICT, STRICT, fresh=True, **gates).passed
    assert not result_of(rows[:116], STRICT, STRICT, fresh=True, **gates).passed
    other = HaltPolicy(window_size=9)
    (failed,) = failing(result_of(rows, other, STRICT, **gates))
    assert "142 are needed" in failed[1]
    assert not result_of(rows, STRICT, STRICT, families=2, **gates).passed


def test_more_sets_of_limits_are_more_thresholds() -> None:
    rows = [row(f"g{n}", [0.9]) for n in range(180)]
    gates = {"max_lost_catches": None, "max_false_halt_rate": 0.05}
    halves = Assignment((STRICT, LOOSE), np.arange(180) % 2)

    assert result_of(rows, halves, STRICT, **gates).passed
    (failed,) = failing(result_of(rows, halves, halves, **gates))
    assert "are needed" in failed[1]


def test_the_catch_rate_is_of_certain_catches() -> None:
    # The old limits halt before the onset, in a sentence that the recording does not finish.
    hidden = row("hidden", [0.9, 0.45], label="bad", onset=9, ended_by="halted", policy=STRICT)
    gates = {"max_lost_catches": None, "max_new_false_halts": None}

    assert result_of([BAD, BAD], STRICT, STRICT, min_catch_rate=1.0, **gates).passed
    (failed,) = failing(result_of([BAD, hidden], STRICT, STRICT, min_catch_rate=0.51, **gates))
    assert failed[0] == "catch rate"
    assert failed[1].startswith("1 of 2 bad sessions caught for certain, at least 51 %")
    assert failing(result_of([GOOD], STRICT, STRICT, min_catch_rate=0.1, **gates))


@pytest.mark.parametrize(("n_caught", "rate"), [(55, 0.55), (7, 0.07)])
def test_a_catch_rate_that_is_just_reached_is_reached(n_caught, rate) -> None:
    rows = [row(f"b{n}", [0.9, 0.1 if n < n_caught else 0.8], label="bad") for n in range(100)]
    gates = {"max_lost_catches": None, "max_new_false_halts": None}

    assert result_of(rows, STRICT, STRICT, min_catch_rate=rate, **gates).passed
    assert failing(result_of(rows[1:], STRICT, STRICT, min_catch_rate=rate, **gates))


def test_the_mean_leak_is_of_the_way_text_is_held_back() -> None:
    # Goes wrong at token 1, halted at token 3: tokens 1 and 2 are shown.
    late = row("late", [0.9, 0.8, 0.8, 0.2, 0.9], label="bad", onset=1)
    missed = row("missed", [0.9, 0.9, 0.9], label="bad", onset=2)
    cut = row("cut", [0.9, 0.8], label="bad", onset=1, ended_by="halted", policy=HaltPolicy(0.85))
    only_hard = HaltPolicy(0.5, window_threshold=0.0, trend_threshold=1.5)

    def verdict(rows: list[StoredCurve], most: float, hold_back: int = 0) -> tuple[bool, str]:
        gates = Gates(None, None, max_mean_leak=most)
        result = check(
            TuneData.of(rows), only_hard, only_hard, gates, release=ReleasePolicy(hold_back)
        )
        return result.gates[0].passed, result.gates[0].text

    assert verdict([late, missed], 1.5)[0]
    passed, text = verdict([late, missed], 1.4)
    assert (passed, text[:42]) == (False, "1.50 tokens shown from the onset on, of at")
    assert verdict([late, missed], 1.0, hold_back=1)[0]
    assert verdict([late, missed], 0.5, hold_back=9)[0]
    assert not verdict([late, missed], 0.4, hold_back=9)[0]
    passed, text = verdict([late, cut], 9.0)
    assert (passed, text.rpartition("; ")[2]) == (False, "not known of 1 more")
    assert verdict([GOOD], 9.0) == (False, "no bad session with an onset; at least 1 is missing")


def test_a_gate_without_a_session_to_judge_by_fails() -> None:
    assert failing(result_of([row("u", [0.9], label=None)], STRICT, STRICT)) == [
        ("new false halts", "no good session; at least 1 is missing"),
        ("lost catches", "no bad session; at least 1 is missing"),
    ]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("tag", "golden"), ("id", "good"), ("model", "m"), ("source", "s"), ("group", "family")],
)
def test_protected_sessions_must_not_get_worse(kind: SelectorKind, value: str) -> None:
    gates = {"max_new_false_halts": None, "protect": (Selector(kind, value),)}

    (failed,) = failing(result_of([GOOD, BAD], LOOSE, STRICT, **gates))
    assert failed[0] == "protected"
    assert f"{kind}:{value}" in failed[1]
    assert result_of([GOOD, BAD], STRICT, STRICT, **gates).passed


def test_of_an_unlabelled_session_that_is_protected_no_halt_may_change() -> None:
    unlabelled = row("u", [0.9, 0.45], label=None)
    gates = {"protect": (Selector("id", "u"),), "max_lost_catches": None}
    gates["max_new_false_halts"] = None

    assert not result_of([unlabelled], LOOSE, STRICT, **gates).passed
    assert not result_of([unlabelled], STRICT, LOOSE, **gates).passed
    assert result_of([unlabelled], STRICT, HaltPolicy(hard_limit=0.46), **gates).passed
    cut = unlabelled._replace(ended_by="halted", scores=np.array([0.9, 0.8]).tobytes())
    assert not result_of([cut], LOOSE, STRICT, **gates).passed


def test_required_sessions_must_be_right_for_certain() -> None:
    gates = {"max_new_false_halts": None, "max_lost_catches": None}
    require = (Selector("model", "m"),)

    assert failing(result_of([GOOD, BAD], LOOSE, STRICT, require=require, **gates)) == [
        ("required", "1 of 2 not right for certain: model:m")
    ]
    assert result_of([BAD], STRICT, STRICT, require=require, **gates).passed
    with pytest.raises(InvalidRequestError, match="require must select labelled .* such as 'u'"):
        result_of([GOOD, row("u", [0.9], label=None)], STRICT, STRICT, require=require)
    for option in ("protect", "require"):
        with pytest.raises(InvalidRequestError, match=f"{option} must select a session, got tag:x"):
            result_of([GOOD], STRICT, STRICT, **{option: (Selector("tag", "x"),)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_new_false_halts", -1),
        ("max_lost_catches", -1),
        ("max_false_halt_rate", 0.0),
        ("confidence", 1.0),
        ("families", 0),
        ("min_catch_rate", 1.1),
        ("max_mean_leak", float("nan")),
    ],
)
def test_a_gate_out_of_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name} must be"):
        Gates(**{name: value})  # type: ignore[arg-type]
