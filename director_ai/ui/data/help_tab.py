"""Help tab of the Data page: the documents of the package, keys, words and versions."""

import platform
import re
import sqlite3
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import streamlit as st

import director_ai
from director_ai.ui.components.status_banner import notice

DISTRIBUTION = "director-workbench"

OVERVIEW: Final = "Keys and words"
DOCS: Final = (
    "Reference",
    "Experiment",
    "Scorers",
    "Release",
    "Operations",
    "Check",
    "Monitoring",
    "Scale",
    "Architecture",
    "Benchmarks",
    "Migrating",
    "Changelog",
)
"""Documents of the package, by their titles; the file is the title in small letters."""

KEYS = {
    "Space": "play and pause, on Live",
    "← →": "one token back, one on",
    "Home, End": "first token, last token",
    "H": "to the halt",
    "M": "to the closest call, on Session",
    "1 to 4": "judge the answer, on Review; and there too:",
    "O": "it goes wrong at this token",
    "N": "write a note",
    "U": "undo",
    "W": "what it would take not to halt",
    "A": "judge all halts of its incident, or this one alone",
    "K, J": "previous, next",
    "E": "to the end of the queue",
}

GLOSSARY = {
    "Score": "How coherent the text is with its facts after a token, from 0 to 1; higher is "
    "better. It is the scorer's opinion, not the truth.",
    "Window": "The last few tokens, whose scores are averaged. The window rule is silent until "
    "it is full.",
    "Trend": "A straight line through the last few scores. The trend rule looks at how far it "
    "falls.",
    "Halt": "A limit was crossed and the stream was stopped there; or would have been, where "
    "nothing was enforced.",
    "Floor": "The lowest score the next token may have under a rule, given those before it. A "
    "stream halts where its score goes under the highest floor.",
    "Margin": "Statistic minus limit, in the statistic's own unit: score, mean of the window, or "
    "fall of the line (there limit minus fall). Below zero the rule is broken.",
    "Closest call": "The smallest margin of a whole session, and the rule it belongs to.",
    "Onset": "The token where a bad answer truly goes wrong, as a person says.",
    "Delay": "Tokens from the onset to the halt. A halt before the onset is not credited.",
    "Good, bad, unsure": "What people say of an answer. Only good and bad count in rates.",
    "Right halt": "A bad answer was halted.",
    "False halt": "A good answer was halted.",
    "Missed": "A bad answer went through to its end.",
    "Unknown (censored)": "The recording ends at its halt, and other limits would have let it go "
    "on: nobody knows what would have come. Rates then have a lower and an upper end.",
    "Infrastructure halt": "A fault of the scorer or the source, or a person, stopped it. Never "
    "counted as a halt by a limit.",
    "Shadow policy": "A second set of limits that only watches a stream.",
}


def draw() -> None:
    """Draw the tab: one document, or the overview of keys and words."""
    name = st.segmented_control(
        "Document",
        [OVERVIEW, *DOCS],
        default=OVERVIEW,
        required=True,
        label_visibility="collapsed",
        key="doc",
        bind="query-params",
    )
    if name in DOCS:
        # Text of our own, shipped with the package: nothing that a user typed or a model said.
        st.markdown(document(name))
        return
    left, right = st.columns([2, 1], gap="large")
    with left:
        st.text("Words")
        _lines(GLOSSARY)
    with right:
        st.text("Keys")
        _lines(KEYS)
        st.text("Versions")
        _lines(versions())


def document(name: str) -> str:
    """Return a document as Markdown whose links to other documents lead to this tab.

    >>> "(?tab=Help&doc=Release)" in document("Reference")
    True
    """
    folder = Path(director_ai.__file__).parent / "docs"
    text = (folder / f"{name.lower()}.md").read_text(encoding="utf-8")
    # A page cannot serve a picture beside its document; its words stand for it.
    text = re.sub(r"!\[([^\]]*)\]\([\w-]+\.png\)", r"*\1.*", text)
    return re.sub(r"\]\((\w+)\.md\)", lambda link: f"](?tab=Help&doc={link[1].capitalize()})", text)


def versions() -> dict[str, str]:
    """Return the version of everything that matters in a report of a fault."""
    return {
        "Director": _version(DISTRIBUTION),
        "Python": platform.python_version(),
        "Streamlit": _version("streamlit"),
        "Plotly": _version("plotly"),
        "pandas": _version("pandas"),
        "NumPy": _version("numpy"),
        "PyArrow": _version("pyarrow"),
        "SQLAlchemy": _version("sqlalchemy"),
        "SQLite": sqlite3.sqlite_version,
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _lines(pairs: dict[str, str]) -> None:
    with st.container(gap="xxsmall"):
        for name, text in pairs.items():
            notice(f"{name}: {text}")
