"""Content of a saved experiment: filters, policies, figures and fingerprints as values of JSON."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from director_ai.core.halting.policy import HaltPolicy
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.tuning.study import TuneData

if TYPE_CHECKING:
    from director_ai.experiment.evaluation import Evaluation
    from director_ai.experiment.experiment import Experiment

_VERSION: Final = 1


def content_of(
    experiment: "Experiment", evaluations: "Sequence[Evaluation]", ids: Sequence[str] | None
) -> dict[str, Any]:
    """Return an experiment as values of JSON.

    Parameters
    ----------
    experiment, evaluations
        Its sessions, and the results of its policies.
    ids
        Its sessions in the store, where they were put there with it.
    """
    return {
        "version": _VERSION,
        "origin": experiment.origin.name,
        "in_store": experiment.origin.store is not None,
        "where": _where_values(experiment.origin.where),
        "ids": None if ids is None else list(ids),
        "scorers": sorted(set(filter(None, experiment.data.scorers))),
        "held_out": experiment.study.share,
        "data": data_values(experiment),
        "policies": [
            {
                "policy": evaluation.policy.to_dict(),
                "prevalence": evaluation.prevalence
                if evaluation.results.population.is_stated
                else None,
                "figures": _figures_of(evaluation),
            }
            for evaluation in evaluations
        ],
    }


def experiment_of(
    store: Store, policy: HaltPolicy, where: SessionQuery | None, *, opened: str = ""
) -> str:
    """Return the name of the saved experiment that keeps a policy; empty where none does.

    Parameters
    ----------
    store
        Store of the sessions.
    policy, where
        The limits, and the part of the sessions that they are used on; the newest experiment of
        both is named.
    opened
        Experiment that is open; named before any other, wherever it keeps the limits.
    """
    part = _where_values(where)
    keeping = [
        saved
        for saved in store.experiments()
        if any(HaltPolicy.from_dict(each["policy"]) == policy for each in saved.content["policies"])
    ]
    names = [saved.name for saved in keeping]
    if opened in names:
        return opened
    return next((saved.name for saved in keeping if saved.content["where"] == part), "")


def _where_values(where: SessionQuery | None) -> dict[str, Any] | None:
    """Return a filter as values of JSON; none where it keeps every session."""
    if where is None or where == SessionQuery():
        return None
    values: dict[str, Any] = json.loads(json.dumps(asdict(where)))
    return values


def data_values(experiment: "Experiment") -> dict[str, Any]:
    """Return digests and counts of the sessions that an experiment evaluates."""
    data, population = experiment.data, experiment.study.population
    return {
        "sessions": _digest(data, with_labels=False),
        "labels": _digest(data, with_labels=True),
        "counts": {
            "sessions": len(experiment),
            "tokens": data.labelled.curves.n_tokens,
            "good": int(population.n_good),
            "bad": int(population.n_bad),
            "unlabelled": int(population.n_unlabelled),
        },
    }


def _digest(data: TuneData, *, with_labels: bool) -> str:
    """Return the SHA-256 of sessions in the order of their ids, or of their labels and groups."""
    digest = hashlib.sha256()
    labelled = data.labelled
    for row in np.argsort(np.asarray(data.ids, object), kind="stable").tolist():
        digest.update(json.dumps(data.ids[row]).encode())
        if with_labels:
            values = [labelled.labels[row], labelled.onsets[row], data.group_names[row]]
            digest.update(json.dumps([int(values[0]), int(values[1]), values[2]]).encode())
        else:
            digest.update(labelled.curves.session(row).astype("<f8").tobytes())
            digest.update(b"1" if labelled.curves.complete[row] else b"0")
    return digest.hexdigest()


def _figures_of(evaluation: "Evaluation") -> dict[str, list[float | None]]:
    frame = evaluation.to_frame()
    return {
        str(name): [None if np.isnan(value) else float(value) for value in row]
        for name, row in zip(frame.index, frame.to_numpy(), strict=True)
    }
