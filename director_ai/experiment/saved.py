"""Saved experiments: policies and the figures of their day, and what has changed since."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.policy_text import limits_text
from director_ai.errors import InvalidRequestError
from director_ai.experiment.estimate import Estimate
from director_ai.experiment.experiment import Experiment
from director_ai.experiment.html import table
from director_ai.experiment.loading import load
from director_ai.experiment.open_store import opened
from director_ai.experiment.saved_content import data_values
from director_ai.storage.saved_experiments import SavedContent
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery

_SHOWN: Final = ("recall", "fpr", "early", "precision", "f1")


class SavedExperiment:
    """An experiment as it was saved; made by :func:`load_experiment`.

    Attributes
    ----------
    name, author, note
        As given.
    at
        When it was saved, UTC.
    where
        Filter of the store's sessions; ``None`` for all, and for those of a table.
    policies
        Its policies, in their order.
    scorers
        Scorers of its sessions.
    held_out
        Share of the groups that was held out.
    """

    def __init__(self, saved: SavedContent, address: Store | str | Path) -> None:
        content = saved.content
        self.name, self.author, self.note = saved.name, saved.author, saved.note
        self.at = datetime.fromtimestamp(saved.at_us / 1e6, UTC)
        self.where = _query_of(content["where"])
        self.policies = tuple(HaltPolicy.from_dict(each["policy"]) for each in content["policies"])
        self.scorers: tuple[str, ...] = tuple(content["scorers"])
        self.held_out: float = content["held_out"]
        self._content, self._address = content, address

    @property
    def counts(self) -> dict[str, int]:
        """Sessions, tokens, good, bad and unlabelled sessions of its day."""
        return dict(self._content["data"]["counts"])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Limits of each policy on one line, numbered where two read alike."""
        names: list[str] = []
        for policy in self.policies:
            text = limits_text(policy)
            n_before = sum(name.partition(" (")[0] == text for name in names)
            names.append(f"{text} ({n_before + 1})" if n_before else text)
        return tuple(names)

    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """Return the figures of its day by policy and name."""
        return {
            name: {figure: _estimate(values) for figure, values in each["figures"].items()}
            for name, each in zip(self.names, self._content["policies"], strict=True)
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the figures of its day: a row for each figure, its columns by policy."""
        return pd.concat(
            {
                name: _frame_of(each["figures"])
                for name, each in zip(self.names, self._content["policies"], strict=True)
            },
            axis=1,
        )

    @cached_property
    def experiment(self) -> Experiment:
        """The same sessions as they are now.

        Raises
        ------
        InvalidRequestError
            If the sessions are not in the store.
        """
        ids = self._content["ids"]
        if ids is None and not self._content["in_store"]:
            raise InvalidRequestError(
                f"the sessions of {self.name!r} are not in the store: load the table and see "
                "on(experiment), or save with sessions=True"
            )
        loaded = load(self._address, where=self.where)
        # Some may have been deleted since.
        found = loaded if ids is None else loaded.among({*ids}.intersection(loaded.study.ids))
        found.name = self.name
        return found

    def on(self, experiment: Experiment | None = None) -> pd.DataFrame:
        """Return the figures of its day beside those of now.

        Parameters
        ----------
        experiment
            Sessions to evaluate on; by default those of the store.
        """
        experiment = experiment or self.experiment
        frames: dict[str, pd.DataFrame] = {}
        for name, policy, each in zip(
            self.names, self.policies, self._content["policies"], strict=True
        ):
            now = experiment.evaluate(policy, prevalence=each["prevalence"]).to_frame()
            frames[name] = pd.concat({"saved": _frame_of(each["figures"]), "now": now}, axis=1)
        return pd.concat(frames, axis=1)

    def changes(self, experiment: Experiment | None = None) -> list[str]:
        """Return what has changed since, a sentence each; none where all is as it was."""
        experiment = experiment or self.experiment
        before, after = self._content["data"], data_values(experiment)
        is_same_part = self.held_out == experiment.study.share
        lines = []
        # Under another share other sessions are seen: only numbers of all tell of a change then.
        if before["counts"]["sessions"] != after["counts"]["sessions"] or (
            is_same_part and before["sessions"] != after["sessions"]
        ):
            old, new = before["counts"]["sessions"], after["counts"]["sessions"]
            lines.append(f"sessions have changed: {old:,} then, {new:,} now")
        elif (is_same_part and before["labels"] != after["labels"]) or any(
            before["counts"][name] != after["counts"][name] for name in ("good", "bad")
        ):
            parts = [
                f"{before['counts'][name]:,} {name} then, {after['counts'][name]:,} now"
                for name in ("good", "bad")
            ]
            lines.append(f"labels have changed: {'; '.join(parts)}")
        if not is_same_part:
            lines.append(
                f"the held-out share has changed: {100 * self.held_out:g} % then, "
                f"{100 * experiment.study.share:g} % now"
            )
        return lines

    def __repr__(self) -> str:
        lines = [f"Experiment {self.name!r}, saved {self.at:%Y-%m-%d %H:%M} UTC"]
        lines += [self.note] * bool(self.note)
        for policy, each in zip(self.policies, self._content["policies"], strict=True):
            recall, fpr = (_estimate(each["figures"][name]) for name in ("recall", "fpr"))
            lines.append(f"{limits_text(policy)}: recall {recall}; fpr {fpr}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [
            [limits_text(policy), *(_estimate(each["figures"][name]) for name in _SHOWN)]
            for policy, each in zip(self.policies, self._content["policies"], strict=True)
        ]
        title = f"{self.name}, {self.at:%Y-%m-%d %H:%M} UTC"
        return table(title, ("limits", *_SHOWN), rows, self.note)


def load_experiment(name: str, *, store: Store | str | Path) -> SavedExperiment:
    """Return a saved experiment of a store.

    Raises
    ------
    UnknownExperimentError
        Naming those there are.
    """
    with opened(store) as reading:
        return SavedExperiment(reading.experiment(name), store)


def _frame_of(figures: Mapping[str, Sequence[float | None]]) -> pd.DataFrame:
    frame = pd.DataFrame.from_dict(
        {name: _estimate(values)._asdict() for name, values in figures.items()}, orient="index"
    )
    return frame.rename_axis("figure")


def _estimate(values: Sequence[float | None]) -> Estimate:
    value, low, high, n, least, most = (np.nan if each is None else each for each in values)
    return Estimate(value, low, high, int(n), least, most)


def _query_of(values: Mapping[str, Any] | None) -> SessionQuery | None:
    if values is None:
        return None
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    return SessionQuery(**plain)
