"""Facts as they are looked up."""

from director_ai.core.scoring.dates import Date
from director_ai.core.scoring.fact_index import Chunk, FactIndex


def test_a_chunk_holds_its_words_pairs_and_whole_dates():
    facts = FactIndex()
    facts.add("He died on 5 May 1821, not in June.")

    assert facts.chunk(0) == Chunk(
        stems=frozenset(("he", "died", "on", "5", "May", "1821", "not", "in", "jun")),
        searched=frozenset(("died", "5", "May", "1821", "not", "jun")),
        pairs=frozenset(),
        dates=frozenset((Date("May", 5, "1821"), Date("June"))),
    )
