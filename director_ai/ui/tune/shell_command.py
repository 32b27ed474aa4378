"""Shell command that gives the page's figures again: its limits, sessions, archive and store."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from director_ai.reports.policy_file import PolicyFile
from director_ai.reports.policy_formats import as_command
from director_ai.storage.store import Store
from director_ai.storage.summary import SessionQuery
from director_ai.ui.components.session_filters import instant
from director_ai.ui.tune.analysis import Analysis


def shell_command(analysis: Analysis, limits: PolicyFile) -> str:
    """Return the command that judges the sessions of the page by these limits."""
    options = []
    prevalence = analysis.context.prevalence
    if limits.segments is None and prevalence is not None:
        options.append(f"--prevalence={prevalence!r}")
    if analysis.part.where is not None:
        options.extend(slice_options(analysis.part.where))
    if analysis.archive is not None:
        options.append(f"--archive={shlex.quote(analysis.archive.reader.address)}")
    options.append(store_option(analysis.store))
    return f"{as_command(limits).rstrip()} {' '.join(options)}\n"


def store_option(store: Store) -> str:
    """Return the option that names a store; of a server, by the variable that holds its URL.

    A URL may hold a password, which is never shown.
    """
    if store.path is None:
        return '--store="$DIRECTOR_STORE"'
    return f"--store={shlex.quote(str(Path(store.path).absolute()))}"


def slice_options(where: SessionQuery) -> Iterator[str]:
    """Yield the options that select the sessions of a query, quoted for a shell."""
    several = {
        "model": where.models,
        "source": where.sources,
        "scorer": where.scorers,
        "tag": where.tags,
        "group": where.groups,
        "author": where.authors,
    }
    for option, values in several.items():
        for value in values:
            yield f"--{option}={shlex.quote(value)}"
    for option, moment_us in (("since", where.since_us), ("until", where.until_us)):
        if moment_us is not None:
            yield f"--{option}={instant(moment_us)}"
    if where.text:
        yield f"--text={shlex.quote(where.text)}"
