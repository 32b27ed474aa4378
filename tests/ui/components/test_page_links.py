"""Links between pages."""

from director_ai.core.halting.policy import HaltPolicy
from director_ai.ui.components.page_links import session_link


def test_a_link_to_a_session_names_it_and_every_limit() -> None:
    link = session_link("a&h=1", HaltPolicy(hard_limit=0.34, halt_mode="soft"))

    assert link.startswith("session?id=a%26h%3D1&h=0.34&")
    assert link.endswith("m=soft")
