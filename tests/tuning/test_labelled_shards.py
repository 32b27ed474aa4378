"""Labels that change on an archive: the numbers of memory, and only what is new is read."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai.storage.transfer.shard_archive import ShardArchive
from director_ai.tuning import labelled_shards
from director_ai.tuning.archive_study import ArchiveStudy
from director_ai.tuning.engines import SerialEngine
from director_ai.tuning.gathered import Verdict
from director_ai.tuning.labelled_shards import LabelledShards
from tests.examples import one_in
from tests.tuning.test_archive_study import (
    KEY,
    Drawn,
    archives,
    card_of,
    in_memory,
    small,
    written,
)

Labels = Mapping[str, Verdict]


def labels_of(drawn: Drawn) -> dict[str, Verdict]:
    return {
        row.id: Verdict(row.label, row.onset) for rows in drawn.shards for row in rows if row.label
    }


def relabelled(drawn: Drawn, labels: Labels) -> Drawn:
    """Return the sessions with other labels."""
    none = Verdict("", None)
    shards = [
        [
            row._replace(label=verdict.label or None, onset=verdict.onset)
            for row in rows
            for verdict in (labels.get(row.id, none),)
        ]
        for rows in drawn.shards
    ]
    return drawn._replace(shards=shards)


def study_of(shards: LabelledShards, labels: Labels, drawn: Drawn) -> ArchiveStudy:
    return ArchiveStudy.of(
        shards,
        labels,
        SerialEngine(),
        share=drawn.share,
        opened=drawn.opened,
        key=KEY,
        scorers=(drawn.scorer,),
    )


@pytest.mark.slow
@one_in(10)
@given(drawn=archives(), seed=st.integers(0, 2**32))
def test_labels_that_change_tell_what_memory_tells(drawn: Drawn, seed: int) -> None:
    random = np.random.default_rng(seed)
    others = {
        row.id: Verdict("good", None)
        for rows in drawn.shards
        for row in rows
        if random.random() < 0.5
    }
    with TemporaryDirectory() as folder:
        first = drawn._replace(
            shards=drawn.shards[: int(random.integers(1, len(drawn.shards) + 1))]
        )
        shards = LabelledShards(written(folder, first, sketched=True))
        study_of(shards, others, drawn)
        rest = drawn._replace(shards=drawn.shards[len(first.shards) :])
        assert shards.reopen(written(folder, rest, sketched=True))

        found = study_of(shards, labels_of(drawn), drawn)
        study = in_memory(drawn)
        assert found.study.population == study.population
        assert found.study.n_withheld == study.n_withheld
        assert card_of(found.study, drawn, found) == card_of(study, drawn)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, *names: str) -> Iterator[dict[str, int]]:
    """Count the shards that some works are done on."""
    counts = dict.fromkeys(names, 0)

    def counting(name: str) -> None:
        work = getattr(labelled_shards, name)

        def once(*args: object, **options: object) -> object:
            counts[name] += 1
            return work(*args, **options)

        monkeypatch.setattr(labelled_shards, name, once)

    for name in names:
        counting(name)
    yield counts


def test_a_label_reads_its_session_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, drawn = small(tmp_path)
    labels, shards = labels_of(drawn), LabelledShards(archive)
    (name, *_) = sorted({row.id for row in drawn.shards[1]} - labels.keys())
    with counted(monkeypatch, "gather", "gather_at", "survey") as counts:
        study_of(shards, labels, drawn)
        assert counts == {"gather": 3, "gather_at": 0, "survey": 3}

        study_of(shards, {**labels, name: Verdict("bad", 1)}, drawn)
        assert counts == {"gather": 3, "gather_at": 1, "survey": 4}

        study_of(shards, labels, drawn)
        assert counts == {"gather": 3, "gather_at": 1, "survey": 5}


def test_groups_that_are_held_out_no_more_are_counted(tmp_path: Path) -> None:
    archive, drawn = small(tmp_path, 30)
    shards, labels = LabelledShards(archive), labels_of(drawn)
    n_withheld = []
    for label in ("good", "bad", "good"):
        one_sided = {name: Verdict(label, None) for name in labels}
        study = study_of(shards, one_sided, drawn).study
        n_withheld.append(study.n_withheld)
        assert study.population == in_memory(relabelled(drawn, one_sided)).population

    assert n_withheld[0] == n_withheld[2] > n_withheld[1] == 0


def test_an_archive_that_was_made_anew_is_another(tmp_path: Path) -> None:
    archive, drawn = small(tmp_path / "first")
    shards = LabelledShards(archive)
    study_of(shards, labels_of(drawn), drawn)

    again = drawn._replace(shards=drawn.shards[1:])
    assert not shards.reopen(written(tmp_path / "second", again, sketched=False))
    assert shards.reopen(ShardArchive(tmp_path / "first"))
    assert shards.n_unread == 0
