"""When people sat down to label."""

from director_ai.core.records.record import Annotation
from director_ai.storage.review_visits import HOUR_US, PAUSE_US, label_times, visit_before
from director_ai.storage.store import Store
from tests.storage.records import record

NOW_US = 1_000 * HOUR_US


def test_without_a_label_nobody_was_there_before():
    assert visit_before([], NOW_US) is None


def test_labels_of_the_visit_going_on_are_not_of_one_before():
    assert visit_before([NOW_US - 5, NOW_US - PAUSE_US], NOW_US) is None


def test_a_pause_ends_a_visit():
    ago = PAUSE_US + 1

    assert visit_before([NOW_US - ago], NOW_US) == NOW_US - ago - HOUR_US
    assert visit_before([NOW_US - 9, NOW_US - 9 - ago], NOW_US) == NOW_US - 9 - ago - HOUR_US


def test_a_visit_begins_with_its_first_label_and_not_with_the_one_before_it():
    times = [NOW_US - hour * HOUR_US for hour in (20, 22, 25, 40)]

    assert visit_before(times, NOW_US) == NOW_US - 26 * HOUR_US


def test_a_clock_that_was_set_back_is_of_the_visit_going_on():
    assert visit_before([NOW_US + HOUR_US], NOW_US) is None


def test_the_times_are_of_one_author_the_newest_first(tmp_path):
    with Store(tmp_path / "a.db") as store:
        store.add([record("a")])
        for at_us, author in ((5, "ann"), (9, "ben"), (7, "ann")):
            store.annotate("a", Annotation("good", None, author, at_us))

        assert label_times(store, "ann") == [7, 5]
