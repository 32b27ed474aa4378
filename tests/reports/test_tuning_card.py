"""What is taken along gives the same limits, and quotes nothing that could be run."""

import base64
import hashlib
import json
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from director_ai.core.halting.policy import HaltPolicy
from director_ai.replay.curves import Curves
from director_ai.reports.policy_formats import as_env, as_json, as_yaml, python_call
from director_ai.reports.tuning_card import card_json, card_markdown, card_values
from director_ai.reports.tuning_card_html import card_html
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.tuning.analysis import AnalysisContext, Baseline, PolicyAnalysis, analyse
from director_ai.tuning.cadence import replay_under
from director_ai.tuning.evaluation.evaluation import FlipCounts
from director_ai.tuning.fingerprint import fingerprint
from director_ai.tuning.guarantee.bounds import RiskTarget
from director_ai.tuning.guarantee.certificate_registry import Attempts
from director_ai.tuning.search.cautions import Caution, replay_caution
from director_ai.tuning.study import Study, TuneData
from tests.ui.tune_store import records

ODD = HaltPolicy(hard_limit=0.1 + 0.2, window_size=12, trend_threshold=1.5, halt_mode="soft")


def analysed(data: TuneData, *, baseline: str = "recorded", n_attempts: int = 0) -> PolicyAnalysis:
    nothing = TuneData.of([])
    context = AnalysisContext(
        Study(open=data, sealed=nothing, n_withheld=0, key=""),
        Baseline.recorded(data)._replace(name=baseline),
        RiskTarget(0.05, 0.05),
        Attempts((), n_attempts),
    )
    return analyse(context, replay_under(data.labelled.curves, ODD), ODD)


@pytest.mark.parametrize("policy", [HaltPolicy(), ODD])
def test_every_form_gives_the_same_policy_back(policy: HaltPolicy) -> None:
    names: dict[str, object] = {}
    exec(python_call(policy), names)
    assert names["policy"] == policy
    assert names["kernel"].policy == policy  # type: ignore[attr-defined]

    assert HaltPolicy.from_dict(json.loads(as_json(policy))) == policy
    pairs = [line.split(": ", 1) for line in as_yaml(policy).splitlines()]
    assert HaltPolicy.from_dict({name: json.loads(value) for name, value in pairs}) == policy
    variable = shlex.split(as_env(policy).splitlines()[0])[0]
    assert HaltPolicy.from_dict(json.loads(variable.partition("=")[2])) == policy


def test_the_card_holds_what_the_limits_rest_on(tmp_path) -> None:
    with Store(tmp_path / "tune.db") as store:
        store.add(records(80, labelled=0.9))
        data = TuneData.of(list(store.curves(JUDGED)))
    analysis = analysed(data, baseline="<b>|[x](y)", n_attempts=2)
    numbers = analysis.evaluation

    values = card_values(
        replace(analysis, flip_counts=FlipCounts(1, 2, 0, 0, 3, 4, 0, 0)),
        at=datetime(2026, 11, 22, tzinfo=UTC),
        cautions=[replay_caution(n_sessions=9, n_cut=1, n_adaptive=0, n_other_cadence=0)],
    )

    read = json.loads(card_json(values))
    assert HaltPolicy.from_dict(read["policy"]) == ODD
    assert read["data"]["sha256"] == fingerprint(data.labelled)
    assert read["data"]["good"] == data.labelled.n_good
    assert read["metrics"]["catch_rate"]["n"] == data.labelled.n_bad
    assert read["unknown"] == numbers.n_unknown
    assert read["attempts_to_certify"] == 2
    assert read["flips"]["false_lost"] == 4
    text = card_markdown(values)
    assert "&lt;b&gt;\\|\\[x](y)" in text
    assert "<b>" not in text
    assert "- Of 9 sessions 1 were cut" in text


def test_the_page_of_a_card_holds_everything_and_can_run_nothing(tmp_path) -> None:
    with Store(tmp_path / "tune.db") as store:
        store.add(records(80, labelled=0.9))
        data = TuneData.of(list(store.curves(JUDGED)))
    hostile = '"><script>alert(1)</script><img src=http://x.example/y onerror=alert(2)>\u202e'

    analysis = analysed(data, baseline=hostile, n_attempts=2)
    numbers = analysis.evaluation

    page = card_html(
        card_values(
            replace(analysis, flip_counts=FlipCounts(1, 2, 0, 0, 3, 4, 0, 0)),
            at=datetime(2026, 11, 22, tzinfo=UTC),
            cautions=[Caution("noise", hostile, {})],
        )
    )

    seen = Elements()
    seen.feed(page)
    assert not seen.tags & {"script", "img", "link", "iframe", "object", "form", "base", "a"}
    assert seen.attributes <= {
        *("lang", "charset", "http-equiv", "content", "name", "class", "scope"),
    }
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "unsafe" not in page
    assert numbers.catch.text in seen.text
    assert numbers.false.interval in seen.text
    assert "alert(1)" in seen.text
    assert "\u202e" not in page
    assert fingerprint(data.labelled) in seen.text
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page
    assert "url(" not in style
    assert "@import" not in style


class Elements(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data) -> None:
        self.text += data


def test_a_card_without_labels_has_no_numbers_but_no_nan_either(tmp_path) -> None:
    with Store(tmp_path / "tune.db") as store:
        store.add(records(5, labelled=0.0))
        data = TuneData.of(list(store.curves(JUDGED)))
    assert isinstance(data.labelled.curves, Curves)

    values = card_values(analysed(data), at=datetime(2026, 11, 22, tzinfo=UTC))

    assert json.loads(card_json(values))["metrics"]["f1"] is None
    assert "NaN" not in card_json(values)
