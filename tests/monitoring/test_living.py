"""States of the living certificate, and their sentences."""

import json
from datetime import date

import numpy as np
import pytest

from director_ai.errors import InvalidRequestError
from director_ai.monitoring import Plan, Tally, alpha_of_cut_text, living_certificate
from tests.monitoring.traffic import Traffic

ALPHA = 0.02
START = date(2026, 3, 2)


def tally(*parts: tuple[Traffic, int], budget: float = 20, **how: object) -> Tally:
    """Return days of traffic after each other, under the first one's plan."""
    plan = parts[0][0].plan(budget, ALPHA)
    days = [t.draw(plan, n, 1, seed=at + 1)[0] for at, (t, n) in enumerate(parts)]
    counts = np.concatenate(days)
    values = {"waiting": np.zeros((len(counts), 1, 2), np.int64), **how}
    return Tally(START, (plan,), counts, **values)


def test_a_month_at_half_the_rate_holds() -> None:
    living = living_certificate(ALPHA, tally((Traffic(ALPHA / 2), 28)))

    assert living.state == "holds"
    assert living.sentence.startswith(
        "From 2 March to 29 March 2026 at most 2.0 % of good sessions were halted on average, "
        "with 90 % confidence (estimate "
    )
    assert living.low < ALPHA / 2 < living.high < ALPHA
    assert living.log_below >= np.log(10)


def test_the_verdict_of_a_whole_block_stays_while_the_next_one_begins() -> None:
    living = living_certificate(ALPHA, tally((Traffic(ALPHA / 2), 30)))

    assert living.state == "holds"
    assert "From 2 March to 29 March 2026" in living.sentence


def test_a_change_is_dated() -> None:
    living = living_certificate(ALPHA, tally((Traffic(0.01), 13), (Traffic(0.06), 10)))

    assert living.state == "no longer holds"
    assert "more than 2.0 % of good sessions are halted" in living.sentence
    assert "at most once in 365 days on average" in living.sentence
    changed = date.fromisoformat(living.changed_on or "")
    assert abs((changed - date(2026, 3, 15)).days) <= 3
    assert f"{changed.day} March" in living.sentence
    assert (living.changed_from or "") <= (living.changed_on or "") <= (living.changed_to or "")


def test_a_slow_excess_is_told_as_an_average_since_the_deployment() -> None:
    living = living_certificate(ALPHA, tally((Traffic(1.6 * ALPHA), 60), budget=10), c_days=1e9)

    assert living.state == "no longer holds"
    assert living.sentence.startswith(
        "Since the deployment more than 2.0 % of good sessions were halted on average, "
        "with 90 % confidence (estimate "
    )
    assert living.changed_on is None or living.changed_on >= START.isoformat()


def test_an_alarm_stays_while_the_rate_is_low_again() -> None:
    good, worse, better = (Traffic(0.01), 13), (Traffic(0.06), 10), (Traffic(0.002), 90)
    rising, over = tally(good, worse), tally(good, worse, better)
    then, later = living_certificate(ALPHA, rising), living_certificate(ALPHA, over)

    assert later.log_change < np.log(365) < then.log_change
    assert later.state == then.state == "no longer holds"
    assert later.changed_on == then.changed_on
    assert then.sentence.startswith("Since about ")
    assert "to 24 March more than 2.0 % of good sessions were halted (estimate" in later.sentence

    # Days that wait for labels are no end of it.
    waiting = np.zeros((113, 1, 2), np.int64)
    waiting[23:] = over.counts[23:, :, [1, 5]]
    drawn = over.counts.copy()
    drawn[23:, :, [1, 2, 4, 5]] = 0
    unlabelled = living_certificate(ALPHA, Tally(START, over.plans, drawn, waiting))
    assert unlabelled.log_change < np.log(365)
    assert unlabelled.sentence.startswith("Since about ")

    # As does an average that was too high.
    slow, better = (Traffic(1.6 * ALPHA), 60), (Traffic(0.002), 60)
    whole = tally(slow, better, budget=10)
    average = living_certificate(ALPHA, whole, c_days=1e9)
    assert average.log_above < np.log(10)
    assert average.state == "no longer holds"
    assert average.sentence.startswith("From the deployment to ")


def test_few_audits_say_how_many_days_are_missing() -> None:
    living = living_certificate(ALPHA, tally((Traffic(ALPHA / 2), 2)))

    assert living.state == "not enough evidence"
    assert "more days like these if it is 1.0 %." in living.sentence
    days = int(living.sentence.split("About ")[1].split(" ")[0])
    assert 2 <= days <= 12


def test_what_was_not_certified_does_not_apply() -> None:
    words = "Since 3 March other limits ran than were certified. Certify again."
    living = living_certificate(ALPHA, tally((Traffic(0.06), 20), conflict=words))

    assert (living.state, living.sentence) == ("does not apply", words)


def test_halts_alone_raise_an_alarm_and_never_show_that_it_holds() -> None:
    def halts_only(traffic: Traffic) -> Tally:
        plan = Plan(0.25, 0.0)
        counts = traffic.draw(plan, 28, 1, seed=1)[0]
        return Tally(START, (plan,), counts, np.zeros((28, 1, 2), np.int64))

    good = living_certificate(ALPHA, halts_only(Traffic(ALPHA / 4)))
    assert good.state == "not enough evidence"
    assert good.notes[0].startswith("Only halts are audited, which raises alarms")
    assert living_certificate(ALPHA, halts_only(Traffic(0.08))).state == "no longer holds"


def test_labels_that_wait_keep_a_verdict_back() -> None:
    whole = tally((Traffic(ALPHA / 2), 28))
    waiting = np.zeros((28, 1, 2), np.int64)
    waiting[:, 0, 1] = 3
    living = living_certificate(ALPHA, Tally(START, whole.plans, whole.counts, waiting))

    assert living.state == "not enough evidence"
    assert living.n_waiting == 84


def test_an_acknowledged_alarm_halves_the_risk_of_the_next() -> None:
    once = living_certificate(ALPHA, tally((Traffic(ALPHA / 2), 28), n_acknowledged=1))

    assert once.delta == 0.05
    assert "with 95 % confidence" in once.sentence


def test_cut_text_is_tested_at_its_own_rate_and_the_share_is_told() -> None:
    enforced = tally((Traffic(0.028), 28), is_cut=True, early_share=0.3)
    observed = tally((Traffic(0.028), 28))

    assert alpha_of_cut_text(ALPHA, 0.3) == pytest.approx(0.02834, abs=1e-4)
    cut, whole = living_certificate(ALPHA, enforced), living_certificate(ALPHA, observed)
    assert cut.log_above < whole.log_above
    assert "the share of halts before an answer went wrong is at most 30.0 %." in cut.notes[0]
    unknown = living_certificate(ALPHA, tally((Traffic(0.028), 28), is_cut=True))
    assert unknown.log_above == whole.log_above
    assert "is not known and taken as none." in unknown.notes[0]


def test_a_week_without_a_label_is_told() -> None:
    silent = np.zeros((9, 1, 6), np.int64)
    silent[:, 0] = [900, 0, 0, 72, 0, 0]
    waiting = np.full((9, 1, 2), [8, 18])
    living = living_certificate(ALPHA, Tally(START, (Plan(0.2, 0.008),), silent, waiting))

    assert living.sentence == "No session has been audited yet."
    assert "No session of the last 7 days has a label." in living.notes
    assert living.is_stale


def test_on_the_day_of_the_deployment_nothing_is_known() -> None:
    none = Tally(START, (Plan(0.2, 0.008),), np.zeros((0, 1, 6), int), np.zeros((0, 1, 2), int))
    living = living_certificate(ALPHA, none)

    assert living.state == "not enough evidence"
    assert json.loads(living.to_json())["estimate"] is None


def test_tables_of_other_shapes_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="counts and waiting must have shapes"):
        Tally(START, (Plan(0.2, 0.008),), np.zeros((3, 2, 6), int), np.zeros((3, 1, 2), int))
