"""Evidence panel: the facts closest to a halt."""

from collections.abc import Sequence

from director_ai.core.scoring.types import EvidenceChunk
from director_ai.reports.sentences import evidence_source
from director_ai.ui.components import page_style


def evidence_panel(chunks: Sequence[EvidenceChunk], note: str) -> None:
    """Draw the facts closest to a halt, and its note; nothing without any."""
    rows = [("Note", note)] if note else []
    rows += [(evidence_source(chunk), chunk.text) for chunk in chunks]
    if rows:
        page_style.heading("Evidence at the halt")
        page_style.definitions(rows)
