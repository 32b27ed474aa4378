"""Documents that leave the app: notes, tuning cards, offline replays, policy snippets."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.reports.incident_note import note_markdown
    from director_ai.reports.policy_file import PolicyFile
    from director_ai.reports.policy_formats import FORMS, parse_policy, read_policy
    from director_ai.reports.replay_html import session_html
    from director_ai.reports.sentences import halt_sentence
    from director_ai.reports.tuning_card import card_json, card_markdown, card_values
    from director_ai.reports.tuning_card_html import card_html

__all__ = [
    "FORMS",
    "PolicyFile",
    "card_html",
    "card_json",
    "card_markdown",
    "card_values",
    "halt_sentence",
    "note_markdown",
    "parse_policy",
    "read_policy",
    "session_html",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "FORMS": "director_ai.reports.policy_formats",
        "PolicyFile": "director_ai.reports.policy_file",
        "card_html": "director_ai.reports.tuning_card_html",
        "card_json": "director_ai.reports.tuning_card",
        "card_markdown": "director_ai.reports.tuning_card",
        "card_values": "director_ai.reports.tuning_card",
        "halt_sentence": "director_ai.reports.sentences",
        "note_markdown": "director_ai.reports.incident_note",
        "parse_policy": "director_ai.reports.policy_formats",
        "read_policy": "director_ai.reports.policy_formats",
        "session_html": "director_ai.reports.replay_html",
    },
)
