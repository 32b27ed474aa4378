"""Results of an experiment, against the kernel run on every session."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import AsyncStreamingKernel, HaltPolicy, StreamingKernel
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidPolicyTypeError, InvalidRequestError
from director_ai.experiment import Estimate, LabelledCurves, Replay, load
from director_ai.experiment.evaluation import FIGURES
from director_ai.experiment.roc_curves import CURVES
from director_ai.figures.roc_curve import KINDS, roc_curve_data
from director_ai.tuning.evaluation.intervals import wilson
from tests.examples import one_in
from tests.experiment.tables import awkward_frame, rows


def with_onset_of_its_own(row):
    """Return a row whose onset is of a bad answer, and in it unless the recording was cut."""
    is_past = row["complete"] and (row["onset"] or 0) >= len(row["scores"])
    return row | {"onset": row["onset"] if row["label"] == "bad" and not is_past else None}


SCORE = st.integers(0, 20).map(lambda n: n / 20)
SESSION = st.fixed_dictionaries(
    {
        "scores": st.lists(SCORE, min_size=1, max_size=12),
        "label": st.sampled_from(["good", "bad", "bad", None]),
        "onset": st.sampled_from([None, 0, 3, 6, 20]),
        "complete": st.booleans(),
    }
).map(with_onset_of_its_own)
LIMIT = st.sampled_from([0.0, 0.3, 0.5, 0.55])
POLICIES = st.builds(
    HaltPolicy,
    hard_limit=LIMIT,
    window_threshold=LIMIT,
    trend_threshold=st.sampled_from([0.2, 0.4, 1.5]),
    window_size=st.just(4),
    trend_window=st.just(3),
    soft_limit=st.just(1.0),
)


def halted_at(scores: list[float], policy: HaltPolicy) -> int | None:
    """Return the token at which the kernel halts a stream of these scores."""
    left = iter(scores)
    session = StreamingKernel.from_policy(policy).stream_tokens(
        ("x" for _ in scores), lambda _: next(left)
    )
    return session.halt_index if session.halted else None


def end_of(row, policy: HaltPolicy) -> str:
    token = halted_at(row["scores"], policy)
    if token is None:
        return "let through" if row["complete"] else "unknown"
    if row["label"] == "good":
        return "false"
    return "early" if row["onset"] is not None and token < row["onset"] else "right"


@one_in(4)
@given(st.lists(SESSION, min_size=1, max_size=8), POLICIES)
def test_an_evaluation_is_the_kernel_run_on_every_session(table, policy) -> None:
    evaluation = load(table).evaluate(policy)

    ends = [(row["label"], end_of(row, policy)) for row in table]
    n = {
        (label, end): ends.count((label, end))
        for label in ("good", "bad")
        for end in ("right", "early", "false", "let through", "unknown")
    }
    n_good = sum(n["good", end] for end in ("false", "let through", "unknown"))
    n_bad = sum(n["bad", end] for end in ("right", "early", "let through", "unknown"))
    known_good, known_bad = n_good - n["good", "unknown"], n_bad - n["bad", "unknown"]
    assert (evaluation.recall.n, evaluation.fpr.n) == (n_bad, n_good)
    for estimate, cases, known in (
        (evaluation.recall, n["bad", "right"], known_bad),
        (evaluation.early, n["bad", "early"], known_bad if not n["bad", "unknown"] else 0),
        (evaluation.fpr, n["good", "false"], known_good),
    ):
        if known:
            assert float(estimate) == pytest.approx(cases / known)
    if n_good and n_bad and not (n["good", "unknown"] or n["bad", "unknown"]):
        halts = n["bad", "right"] + n["bad", "early"] + n["good", "false"]
        if halts:
            assert float(evaluation.precision) == pytest.approx(n["bad", "right"] / halts)
        wrong = n_bad - n["bad", "right"] + n["bad", "early"] + n["good", "false"]
        f1 = 2 * n["bad", "right"] / (2 * n["bad", "right"] + wrong) if wrong or halts else math.nan
        assert float(evaluation.f1) == pytest.approx(f1, nan_ok=True)
    for row, token in zip(table, evaluation.sessions["token"], strict=True):
        expected = halted_at(row["scores"], policy)
        assert (token is pd.NA) if expected is None else token == expected


def test_every_figure_is_in_the_frame_with_its_interval() -> None:
    exp = load(awkward_frame())
    evaluation = exp.evaluate(HaltPolicy(0.4))

    frame = evaluation.to_frame()
    assert [*FIGURES] == frame.index[: len(FIGURES)].tolist()
    for name in FIGURES:
        estimate = getattr(evaluation, name)
        assert frame.loc[name].tolist() == pytest.approx(list(estimate))
        assert estimate.low <= estimate.least <= estimate.value <= estimate.most <= estimate.high
    assert frame.loc["leaked_mean", "value"] == evaluation.leaked.mean.value
    assert evaluation.confusion.to_numpy().sum() == exp.n_good + exp.n_bad


def test_an_estimate_reads_as_a_sentence() -> None:
    assert str(Estimate(0.71, 0.67, 0.75, 810, 0.71, 0.71)) == "0.71 [0.67, 0.75], n = 810"
    censored = Estimate(0.5, 0.3, 0.8, 10, 0.4, 0.6)
    assert f"{censored}" == "0.40 to 0.60 [0.30, 0.80], n = 10"
    assert f"{censored:.1f}" == "0.5"


def test_nothing_shown_holds_the_index_of_never() -> None:
    exp = load(awkward_frame())
    policy = HaltPolicy(0.45)
    comparison = exp.compare(HaltPolicy(), policy)
    shown = [
        exp,
        exp.evaluate(policy),
        comparison,
        exp.tune(max_fpr=0.2, confidence=0.8),
        exp.evaluate(policy).sessions.to_string(),
        comparison.flips.to_string(),
        exp.to_frame().to_string(),
    ]

    for each in shown:
        assert str(2**63 - 1)[:6] not in repr(each)
        html = each._repr_html_() if hasattr(each, "_repr_html_") else ""
        assert str(2**63 - 1)[:6] not in html


def test_flips_are_three_valued() -> None:
    table = [
        {"id": "kept", "scores": [0.9, 0.3], "label": "bad", "complete": False},
        {"id": "cut", "scores": [0.9, 0.45], "label": "bad", "complete": False},
        {"id": "passes", "scores": [0.9, 0.45], "label": "good", "complete": True},
    ]
    off = {"window_threshold": 0.0, "trend_threshold": 1.5}

    comparison = load(table).compare(HaltPolicy(0.5, **off), HaltPolicy(0.4, **off))

    changes = comparison.flips["change"].to_dict()
    assert changes == {"cut": "now unknown", "passes": "false halt lost"}
    after = comparison.after
    assert (after.recall.least, after.recall.most) == (0.5, 1.0)
    assert after.f1.least < 1.0 == after.f1.most
    assert after.cost.least == 0.0 < after.cost.most
    assert comparison.to_frame().loc["recall", ("after", "most")] == 1.0


def test_tuning_always_has_a_best_observed() -> None:
    exp = load(rows(60))
    proposal = exp.tune(max_fpr=0.05)

    assert proposal.observed is not None
    assert proposal.policy == proposal.observed.policy
    assert not proposal.is_guaranteed
    assert proposal.evaluation.fpr.most <= 0.05 + 0.1
    assert proposal.bound.upper > 0.05
    assert "Best observed" in proposal.reason
    assert "needs at least 124 good sessions, there are" in proposal.reason
    none = load([{"scores": [0.9], "label": "good"}]).tune()
    assert none.policy is None
    assert "there are 1 good and 0 bad ones" in none.reason
    assert "needs at least 6,295,792 good" in exp.tune(max_fpr=1e-6).reason
    few_bad = load({"scores": [[0.9]] * 124 + [[0.2]] * 10, "label": [0] * 124 + [1] * 10}).tune()
    assert few_bad.reason.endswith(
        "Not guaranteed: there are 124 good and 10 bad. 20 of either label are needed."
    )


def test_tuned_limits_keep_to_their_target() -> None:
    exp = load([row | {"complete": True} for row in rows(400)])

    proposal = exp.tune(max_fpr=0.1, confidence=0.9)

    assert proposal.is_guaranteed
    assert proposal.observed.evaluation.fpr.value <= 0.1
    assert proposal.guaranteed.evaluation.fpr.value <= proposal.observed.evaluation.fpr.value
    assert proposal.observed.evaluation.recall.value >= proposal.evaluation.recall.value
    assert proposal.bound.upper <= 0.1 < proposal.observed.bound.upper
    for name, value in (("max_fpr", 0.0), ("max_fpr", True), ("confidence", 1.5)):
        with pytest.raises(InvalidRequestError, match=f"{name} must be between 0 and 1, got"):
            exp.tune(**{name: value})


def test_a_stated_prevalence_moves_precision_and_no_rate() -> None:
    exp, policy = load(rows()), HaltPolicy(0.6)
    here, rare = exp.evaluate(policy), exp.evaluate(policy, prevalence=0.01)

    assert (rare.recall, rare.fpr) == (here.recall, here.fpr)
    assert rare.precision.value < here.precision.value
    assert rare.mixture == "at 1.0 % bad sessions, as stated"


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_plot_is_a_figure_of_plotly(theme) -> None:
    plot = load(awkward_frame(120)).plot
    figures = [
        *(plot.threshold(rule, theme=theme) for rule in ("hard", "window", "trend")),
        *(plot.map(theme=theme), plot.delay(theme=theme)),
        *(plot.length(theme=theme), plot.rules(HaltPolicy(0.6), theme=theme)),
        *(plot.roc(theme=theme), plot.precision_recall(theme=theme)),
    ]

    for figure in figures:
        assert isinstance(figure, go.Figure)
        assert figure.data
        json.dumps(json.loads(figure.to_json()), allow_nan=False)
    with pytest.raises(InvalidRequestError, match="rule must be one of hard, window, trend, got"):
        plot.threshold("soft")


def test_areas_of_the_curves_are_those_of_the_page_in_a_frame() -> None:
    exp = load(awkward_frame(120))
    policy = exp.data.default_policy
    drawn = {
        kind: roc_curve_data(
            exp.data.labelled, exp.replay(policy), policy, kind, exp.study.population
        )
        for kind in KINDS
    }

    curves = exp.roc()

    frame = curves.to_frame()
    for figure, kind in (("auc", "ROC"), ("average_precision", "precision-recall")):
        for name, area in zip(CURVES, drawn[kind].areas, strict=True):
            assert frame.loc[(figure, name), ["value", "low", "high"]].tolist() == list(area[:3])
    front = curves.points[curves.points["curve"] == "all three"]
    assert front["fpr"].tolist() == drawn["ROC"].front.x.tolist()
    assert front["precision"].dropna().tolist() == pytest.approx(
        [y for y in drawn["precision-recall"].front.y.tolist() if not math.isnan(y)]
    )
    assert f"all three  {curves.auc['all three']}" in repr(curves)
    assert "average precision" in curves._repr_html_()
    rare = exp.roc(HaltPolicy(window_size=4), prevalence=0.01)
    assert rare.average_precision["hard"].value < curves.average_precision["hard"].value
    assert rare.auc["hard"] == curves.auc["hard"]
    assert rare.mixture == "at 1.0 % bad sessions, as stated"


def test_only_sessions_whose_onset_is_known_tell_of_unjustified_halts() -> None:
    exp = load({"scores": [[0.9], [0.9, 0.2], [0.8]], "label": [0, 1, 1], "onset": [None, 1, None]})

    found = exp.evaluate(HaltPolicy(0.1, window_threshold=0.0))

    assert (found.unjustified.n, found.recall.n, found.fpr.n) == (2, 2, 1)
    # An onset is known, and nothing was halted after it.
    card = exp.card(found.policy, "html")
    assert "no halt past an onset" in card
    assert "no onset known" not in card


def test_sessions_of_two_scorers_are_shown() -> None:
    records = load(rows(8)).origin.records()
    second = ScorerIdentity("nli", "1", "onnx")
    exp = load([*records[:4], *(replace(each, scorer=second) for each in records[4:])])

    assert "scored by onnx:nli@1 and unknown scorer" in repr(exp)
    assert "scored by onnx:nli@1 and unknown scorer" in exp._repr_html_()
    assert "<svg" not in exp._repr_html_()
    assert "<svg" in load(records)._repr_html_()
    assert exp.to_frame()["lowest"].tolist() == [min(each.scores) for each in records]


def test_what_is_no_policy_is_refused_by_name() -> None:
    exp = load(rows())

    with pytest.raises(InvalidPolicyTypeError, match=r"policy must be a HaltPolicy, got 0\.4"):
        exp.evaluate(0.4)
    with pytest.raises(InvalidPolicyTypeError, match="after must be a HaltPolicy, got None"):
        exp.compare(HaltPolicy(), None)
    with pytest.raises(InvalidPolicyTypeError, match="policy must be a HaltPolicy, got 5"):
        exp.plot.roc(5)
    with pytest.raises(InvalidPolicyTypeError, match="base must be a HaltPolicy, got {}"):
        exp.tune(base={})
    with pytest.raises(InvalidRequestError, match="max_fpr must be between 0 and 1, got '5%'"):
        exp.tune(max_fpr="5%")
    with pytest.raises(InvalidRequestError, match="prevalence must be between 0 and 1, got 'x'"):
        exp.evaluate(HaltPolicy(), prevalence="x")
    with pytest.raises(InvalidRequestError, match="ids must be a list of ids, got 's1'"):
        exp.among("s1")
    with pytest.raises(InvalidRequestError, match=r"got 'nope'; it has 60 sessions"):
        exp.among(["s1", "nope"])


def test_a_part_by_id_keeps_the_sessions_beside_those_held_out() -> None:
    table = rows(90)
    exp = load(table, held_out=0.5)

    whole, half = exp.among(exp.study.ids), exp.among([f"s{n}" for n in range(45)])

    assert exp.study.n_withheld_bad > 0
    assert sorted(exp.study.ids) == sorted(str(row["id"]) for row in table)
    assert whole.study.population == exp.study.population
    assert len(half) == 45
    assert half.n_bad == sum(row["label"] == "bad" for row in table[:45])
    policy = HaltPolicy(0.4)
    assert whole.evaluate(policy).prevalence == exp.evaluate(policy).prevalence


def test_the_layer_below_is_behind_the_same_door() -> None:
    data = LabelledCurves.from_scores([[0.9, 0.2], [0.9, 0.9]], labels=[1, 0])

    replay = Replay(data, window_size=2, trend_window=2)

    assert replay.curves is data.curves
    assert repr(replay) == "Replay of 2 sessions, 4 tokens, window_size=2, trend_window=2"


def test_kernels_print_the_limits_they_hold() -> None:
    kernel = StreamingKernel(hard_limit=0.4)
    assert repr(kernel) == (
        "StreamingKernel(hard_limit=0.4, window_size=10, window_threshold=0.55, trend_window=5, "
        "trend_threshold=0.15)"
    )
    kernel.emergency_stop()
    assert repr(kernel).endswith("), stopped")
    assert "halt_mode='soft'" in repr(AsyncStreamingKernel(halt_mode="soft"))


def test_intervals_go_by_groups() -> None:
    grouped = [{"scores": [0.2], "label": "bad", "group": f"g{n // 10}"} for n in range(20)]
    grouped += [{"scores": [0.9], "label": "bad", "group": f"g{2 + n // 10}"} for n in range(20)]

    recall = load(grouped).evaluate(HaltPolicy()).recall

    assert recall.value == 0.5
    assert recall.high - recall.low > np.diff(wilson(20, 40))[0]
