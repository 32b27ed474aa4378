"""What could not be read back is not taken in."""

from dataclasses import replace

import pytest

from director_ai.core.records.record import Annotation
from director_ai.core.records.record_json import checked
from director_ai.errors import InvalidRecordError
from director_ai.storage.store import Store
from tests.storage.records import record

NAN = float("nan")


@pytest.fixture
def store(tmp_path) -> Store:
    with Store(tmp_path / "s.db") as opened:
        opened.add([record("there")])
        yield opened


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"id": ""}, "id must be a string with text in it"),
        ({"scores": (0.9, NAN, 0.7)}, r"scores\[1\] must be a number in \[0, 1\], got nan"),
        ({"scores": (0.9, 1.5, 0.7)}, r"scores\[1\] must be a number in \[0, 1\], got 1.5"),
        ({"scores": (0.9, -0.5, 0.7)}, r"scores\[1\] must be a number in \[0, 1\], got -0.5"),
        ({"held": (False,)}, r"held must be one a score \(3\), got 1"),
        ({"tokens": (" a",)}, r"scores must be one a token \(1\), got 3"),
        ({"tokens": (" a", 5, " c")}, r"tokens\[1\] must be a string, got 5"),
        ({"times_us": (0, -1, 2)}, r"times_us\[1\] must be whole microseconds, got -1"),
        ({"times_us": (0, 1, 2**63)}, r"times_us\[2\] must be whole microseconds, got"),
        ({"times_us": (0, True, 2)}, r"times_us\[1\] must be whole microseconds, got True"),
        ({"started_us": 1.5}, "started_us must be whole microseconds, got 1.5"),
        ({"ended_by": "nope"}, "ended_by must be one of"),
        ({"tags": (1,)}, r"tags\[0\] must be a string, got 1"),
        ({"prompt": None}, "prompt must be a string, got None"),
    ],
)
def test_a_session_that_could_not_be_read_back_is_refused(store, values, said):
    bad = replace(record("bad"), **values)

    with pytest.raises(InvalidRecordError, match=said):
        store.add([record("good"), bad])

    assert store.ids() == ["there"]


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (Annotation("wrong"), "label must be one of"),
        (Annotation("bad", -3), "onset must be a token index >= 0, got -3"),
        (Annotation("bad", 1.5), "onset must be a token index >= 0, got 1.5"),
        (Annotation("bad", at_us=-5), "at_us must be whole microseconds, got -5"),
        (Annotation("bad", author=None), "author must be a string, got None"),
    ],
)
def test_so_is_what_somebody_says_of_one(store, annotation, said):
    with pytest.raises(InvalidRecordError, match=said):
        store.annotate("there", annotation)
    with pytest.raises(InvalidRecordError, match=said):
        store.add([record("new", annotations=(annotation,))])

    assert store.ids() == ["there"]
    assert store.get("there").annotations == ()


def test_and_so_are_tags(store):
    with pytest.raises(InvalidRecordError, match=r"tags\[0\] must be a string, got 1"):
        store.retag("there", [1])

    assert store.get("there").tags == ()


def test_whole_numbers_are_taken_as_the_scores_they_are():
    assert checked(record("a", scores=(1, 0, 0.5))).scores == (1.0, 0.0, 0.5)
