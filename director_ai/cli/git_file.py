"""Git file: the text of a file in another revision."""

import subprocess
from pathlib import Path

from director_ai.cli.exit_status import CommandError, Status


def text_in_revision(path: Path, revision: str) -> str | None:
    """Return the text of a file in a revision of its repository; ``None`` if it is not in there.

    Raises
    ------
    CommandError
        If there is no git, no repository or no such revision.
    """
    if revision.startswith("-"):
        raise CommandError(f"--baseline-rev must be a revision, got {revision!r}", Status.USAGE)
    found = _git(path, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.stderr:
        # A revision that is not there is told of by the status alone.
        raise CommandError(
            f"git cannot read {path.parent}: {found.stderr.strip()}", Status.NOT_FOUND
        )
    if found.returncode:
        raise CommandError(
            f"no revision {revision!r} beside {path}; a shallow clone has none but the newest: "
            "fetch at least two, as with fetch-depth: 2",
            Status.NOT_FOUND,
        )
    name = f"{revision}:./{path.name}"
    if _git(path, "cat-file", "-e", name).returncode:
        return None
    shown = _git(path, "show", name)
    if shown.returncode:
        raise CommandError(f"git cannot show {name}: {shown.stderr}", Status.NOT_FOUND)
    return shown.stdout


def _git(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(  # noqa: S603 - no shell, and no argument that is an option
            ["git", "-C", str(path.parent), *arguments],  # noqa: S607 - the git of the shell
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise CommandError(
            "--baseline-rev needs git, which is not here", Status.NOT_FOUND
        ) from None
