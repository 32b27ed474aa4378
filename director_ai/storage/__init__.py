"""Sessions kept: the store, its recorder, import and export."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.core.records.record import Annotation, Label, SessionRecord
    from director_ai.core.records.record_json import from_line, to_line
    from director_ai.core.records.shared_facts import to_lines
    from director_ai.core.scoring.fact_set import FactSet
    from director_ai.storage.certificate_attempts import HoldoutChoice
    from director_ai.storage.maintenance import Health
    from director_ai.storage.query import Overview
    from director_ai.storage.recording.recorder import Recorder
    from director_ai.storage.restore import Restored, restore_backup
    from director_ai.storage.salvage import Salvaged, salvage_store
    from director_ai.storage.store import Store
    from director_ai.storage.summary import JUDGED, SessionQuery, SessionSummary
    from director_ai.storage.transfer.curves_file import read_curves
    from director_ai.storage.transfer.export import export_records
    from director_ai.storage.transfer.sandbox import read_upload_safely

__all__ = [
    "JUDGED",
    "Annotation",
    "FactSet",
    "Health",
    "HoldoutChoice",
    "Label",
    "Overview",
    "Recorder",
    "Restored",
    "Salvaged",
    "SessionQuery",
    "SessionRecord",
    "SessionSummary",
    "Store",
    "export_records",
    "from_line",
    "read_curves",
    "read_upload_safely",
    "restore_backup",
    "salvage_store",
    "to_line",
    "to_lines",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Annotation": "director_ai.core.records.record",
        "FactSet": "director_ai.core.scoring.fact_set",
        "Health": "director_ai.storage.maintenance",
        "HoldoutChoice": "director_ai.storage.certificate_attempts",
        "JUDGED": "director_ai.storage.summary",
        "Label": "director_ai.core.records.record",
        "Overview": "director_ai.storage.query",
        "Recorder": "director_ai.storage.recording.recorder",
        "Restored": "director_ai.storage.restore",
        "Salvaged": "director_ai.storage.salvage",
        "SessionQuery": "director_ai.storage.summary",
        "SessionRecord": "director_ai.core.records.record",
        "SessionSummary": "director_ai.storage.summary",
        "Store": "director_ai.storage.store",
        "export_records": "director_ai.storage.transfer.export",
        "from_line": "director_ai.core.records.record_json",
        "read_curves": "director_ai.storage.transfer.curves_file",
        "read_upload_safely": "director_ai.storage.transfer.sandbox",
        "restore_backup": "director_ai.storage.restore",
        "salvage_store": "director_ai.storage.salvage",
        "to_line": "director_ai.core.records.record_json",
        "to_lines": "director_ai.core.records.shared_facts",
    },
)
