"""A scorer is compared with itself, as a store knows it."""

import json
from pathlib import Path

import pytest

from director_ai.cli.exit_status import Status
from director_ai.cli.main import main
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.errors import InvalidRequestError
from director_ai.scorers import anchor_set
from director_ai.scorers.anchor_set import ANCHORS, TOLERANCE, check_anchors
from director_ai.storage import Store
from director_ai.storage.maintenance import examine


class Changing:
    """Scorer whose model is changed behind the same identity."""

    def __init__(self, identity: ScorerIdentity | None, shift: float = 0.0) -> None:
        self.identity, self.shift = identity, shift

    def __call__(self, facts: GroundTruthStore | None, prompt: str, *, background: bool) -> object:
        assert not background

        class Callback:
            scorer_identity = self.identity

            def __call__(_, text: str) -> float:
                return 0.5 + 0.001 * (len(text) % 7) + self.shift

        return Callback()


def test_a_model_that_was_changed_under_the_same_identity_is_told(tmp_path: Path) -> None:
    identity = ScorerIdentity("nli", "1", "http")
    with Store(tmp_path / "sessions.db") as store:
        first = check_anchors(store, Changing(identity))
        same = check_anchors(store, Changing(identity, shift=TOLERANCE / 2))
        other = check_anchors(store, Changing(identity, shift=0.05))
        newer = check_anchors(store, Changing(ScorerIdentity("nli", "2", "http"), shift=0.05))

        assert (first.kept_us, first.is_same) == (None, True)
        assert same.kept_us is not None
        assert (same.is_same, other.is_same) == (True, False)
        assert other.largest == pytest.approx(0.05)
        assert newer.kept_us is None
        assert examine(store).problems == ()


def test_a_scorer_without_an_identity_cannot_be_compared(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "sessions.db") as store,
        pytest.raises(InvalidRequestError, match="must have an identity"),
    ):
        check_anchors(store, Changing(None))


def test_each_fact_has_an_answer_that_it_supports_and_one_that_it_does_not() -> None:
    assert [anchor.fact for anchor in ANCHORS[::2]] == [anchor.fact for anchor in ANCHORS[1::2]]
    assert len({anchor.answer for anchor in ANCHORS}) == len(ANCHORS)


def test_the_command_keeps_scores_and_exits_with_5_once_they_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = f"--store={tmp_path / 'sessions.db'}"
    Store(tmp_path / "sessions.db").close()

    assert main(["scorers", "check", "lexical", address]) == 0
    assert "are kept for later comparison" in capsys.readouterr().out
    assert main(["scorers", "check", "lexical", address]) == 0
    assert "is still the scorer of" in capsys.readouterr().out
    monkeypatch.setattr(anchor_set, "scores_of", lambda tokens, _: [0.1] * len(tokens))
    assert main(["scorers", "check", "lexical", address, "--json"]) == Status.BROKEN
    assert json.loads(capsys.readouterr().out)["is_same"] is False
