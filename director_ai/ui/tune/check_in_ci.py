"""Check in CI: the limits in use as a policy file, and the archive and workflow that keep them."""

import io
from collections.abc import Callable
from typing import Final

import streamlit as st

from director_ai.reports.check_workflow import workflow
from director_ai.reports.policy_assignment import assignment
from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.policy_formats import as_yaml
from director_ai.storage.store import Store
from director_ai.storage.summary import JUDGED
from director_ai.storage.transfer.curves_file import write_curves
from director_ai.tuning.analysis import PolicyAnalysis
from director_ai.tuning.gates import Gates
from director_ai.tuning.policy_check import CheckResult, check
from director_ai.tuning.study import Study
from director_ai.ui.components import page_style
from director_ai.ui.tune.analysis import Analysis

POLICY: Final = "policy.yaml"
ARCHIVE: Final = "golden.parquet"
WORKFLOW: Final = "check-limits.yml"


def check_in_ci(analysis: Analysis, limits: PolicyFile) -> None:
    """Draw the verdict on limits, and the files that give it in a repository."""
    view = analysis.view()
    page_style.heading("Check in CI")
    if analysis.archive is not None:
        st.text("Of an archive, the command gives it: director-ai check POLICY --archive ARCHIVE.")
        return
    st.text(verdict_line(verdict(view, limits), view.baseline.name))
    target = view.target
    files: dict[str, tuple[str, Callable[[], str | bytes]]] = {
        POLICY: ("text/yaml", lambda: as_yaml(limits)),
        ARCHIVE: (
            "application/vnd.apache.parquet",
            lambda: archive(analysis.store, view.context.study),
        ),
        WORKFLOW: (
            "text/yaml",
            lambda: workflow(
                POLICY,
                f"tests/{ARCHIVE}",
                max_false_halt_rate=target.alpha,
                confidence=1 - target.delta,
            ),
        ),
    }
    with st.container(horizontal=True, gap="small"):
        for name, (mime, contents) in files.items():
            st.download_button(
                name,
                contents,
                name,
                mime,
                key=f"ci_{name.partition('.')[0]}",
                on_click="ignore",
                icon=":material/download:",
            )


def verdict(view: PolicyAnalysis, limits: PolicyFile) -> CheckResult:
    """Return the check of limits against the baseline, by the target of the page."""
    before = None if view.baseline.is_recorded else view.baseline.policy
    gates = Gates(max_false_halt_rate=view.target.alpha, confidence=1 - view.target.delta)
    return check(view.data, before, assignment(limits, view.data), gates)


def verdict_line(result: CheckResult, baseline: str) -> str:
    """Return a verdict on one line: gates that pass, and each that does not."""
    failing = [f"{gate.name}, {gate.text}" for gate in result.gates if not gate.passed]
    n_gates = len(result.gates)
    passed = f"{n_gates - len(failing)} of {n_gates} gates pass against {baseline} limits"
    return f"{passed}. Fails: {'; '.join(failing)}." if failing else f"{passed}."


def archive(store: Store, study: Study) -> bytes:
    """Return the curves archive of the sessions of a study that are not held out."""
    is_open = set(study.open.ids)
    rows = [row for row in store.curves(JUDGED) if row.id in is_open]
    file = io.BytesIO()
    write_curves(rows, file, n_sealed=len(study.sealed.ids) + study.n_withheld)
    return file.getvalue()
