"""Limits on the command line: the options, and the policy they stand for."""

from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    Namespace,
)
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.options.archive import add_archive
from director_ai.cli.options.sessions import add_slice, number
from director_ai.core.halting.policy import HaltPolicy

if TYPE_CHECKING:
    from director_ai.core.scoring.identity import ScorerIdentity
    from director_ai.reports.policy_file import PolicyFile

FORMS = {
    "python": "Python",
    "json": "JSON",
    "yaml": "YAML",
    "toml": "TOML",
    "env": "Environment",
    "command": "Command",
}
"""As what ``tune`` and ``replay`` write limits, and what the Tune page calls it."""

RULES = ("hard", "window", "trend")

HOLD_BACK = "hold-back"
"""What ``sweep`` calls the length of holding back."""

_FIELDS = (
    ("hard_limit", float, "a score below this halts; 0 turns the rule off"),
    ("window_size", int, "tokens in the window"),
    ("window_threshold", float, "a mean below this halts; 0 turns the rule off"),
    ("trend_window", int, "tokens the line is fitted to"),
    ("trend_threshold", float, "a fall of more than this halts; 1.5 turns the rule off"),
    ("soft_limit", float, "a score below this warns"),
    ("halt_mode", str, "hard or soft"),
    ("score_every_n", int, "tokens from one that is scored to the next"),
    ("adaptive", bool, "score less often while coherence is high"),
    ("max_cadence", int, "the fewest tokens scored: one in so many"),
    ("score_final", bool, "score the finished text once more"),
)


def add_limits(parser: ArgumentParser, *, windows_only: bool = False) -> None:
    """Add the options for limits; those left out are what most sessions were recorded under."""
    group = parser.add_argument_group("limits (default: what most sessions were recorded under)")
    if not windows_only:
        add_policy_file(group, "take these limits; an option beside takes the place of one of them")
    for name, kind, text in _FIELDS:
        if windows_only and not name.endswith(("_size", "_window")):
            continue
        option = f"--{name.replace('_', '-')}"
        if kind is bool:
            group.add_argument(option, action=BooleanOptionalAction, default=None, help=text)
        else:
            group.add_argument(
                option,
                type=kind,
                metavar="MODE" if kind is str else "N" if kind is int else "X",
                help=text,
            )


def add_policy_file(parser: Any, text: str) -> None:
    """Add the option of a policy file to a parser or a group of options."""
    parser.add_argument("--policy", type=Path, metavar="FILE", help=f"{text}: .yaml, .json, .toml")


def policy_file(args: Namespace) -> "PolicyFile | None":
    """Return the contents of the policy file, if there is one, read once a command.

    Limits, release rules and scorer are so of one state of a file that is being changed.

    Raises
    ------
    InvalidPolicyFileError
        If it is not understood.
    OSError
        If it cannot be read.
    """
    # Reading YAML is for those who have some.
    from director_ai.reports.policy_formats import read_policy

    if "policy_file" not in args:
        path = getattr(args, "policy", None)
        args.policy_file = None if path is None else read_policy(path)
    file: PolicyFile | None = args.policy_file
    return file


def check_scorer(
    file: "PolicyFile | None", name: object, scorer: "ScorerIdentity", way_out: str
) -> None:
    """Refuse limits that were made for another scorer than the one that runs.

    Parameters
    ----------
    file, name
        Contents and name of the policy file; nothing is checked without one.
    scorer
        The one that runs.
    way_out
        Words on the option that takes them all the same.

    Raises
    ------
    CommandError
        If the limits are for another.
    """
    if file is not None and not file.is_for(scorer):
        raise CommandError(
            f"scorer must be the one that the limits of {name} were made for, {file.scorer}, "
            f"got {scorer}; {way_out}",
            Status.REFUSED,
        )


def add_any_scorer(parser: Any) -> None:
    """Add the option that takes limits of another scorer to a parser or a group of options."""
    parser.add_argument(
        "--any-scorer",
        action="store_true",
        help="take the limits of --policy even if they were made for another scorer",
    )


def policy_of(args: Namespace, default_policy: HaltPolicy, **session: str) -> HaltPolicy:
    """Return the limits given as a file and as options; the default policy has the others.

    Parameters
    ----------
    args
        Arguments of the command.
    default_policy
        Limits where there is no file.
    session
        ``model`` and ``source`` of the one session they are for; without, a file of limits by
        segment is refused.

    Raises
    ------
    InvalidPolicyError, InvalidPolicyTypeError
        If one is out of its range, or the file is not understood.
    CommandError
        If the file has limits by segment and there is no one session.
    """
    file = policy_file(args)
    if file is not None:
        if file.segments is not None and not session:
            raise CommandError(
                f"policy must be one set of limits, got {args.policy} with limits by "
                f"{file.segments.facet}; director-ai check judges an archive by those",
                Status.USAGE,
            )
        default_policy = file.limits_of(**session)
    options: dict[str, Any] = {name: getattr(args, name, None) for name, _, _ in _FIELDS}
    limits = {name: value for name, value in options.items() if value is not None}
    if "hard_limit" in limits and "soft_limit" not in limits:
        # A warning zone under the hard limit is none; the recorded one may be.
        limits["soft_limit"] = max(default_policy.soft_limit, limits["hard_limit"])
    return replace(default_policy, **limits)


def share(text: str) -> float:
    """Parse a share in (0, 1)."""
    return number(text, lambda value: 0.0 < value < 1.0, "a number between 0 and 1")


def add_tune(parser: ArgumentParser) -> None:
    """Add the options of ``tune``."""
    _add_target(parser)
    parser.add_argument(
        "--windows", action="store_true", help="try the usual window sizes too, not one pair alone"
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="also choose anew on resampled sessions and shuffled labels; takes seconds",
    )
    _add_prevalence(parser)
    _add_form(parser)
    _add_card(parser)
    add_limits(parser, windows_only=True)
    add_slice(parser)
    add_archive(parser)


def add_certify(parser: ArgumentParser) -> None:
    """Add the options of ``certify``."""
    _add_target(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what the next attempt needs; count none and look at no held-out session",
    )
    parser.add_argument(
        "--held-out",
        type=_held_out,
        default=SUPPRESS,
        metavar="SHARE",
        help="only choose the share of good sessions held out: automatic, 0, 0.5 or 0.75; those it "
        "opens are never held out again",
    )
    _add_form(parser)
    add_limits(parser, windows_only=True)
    add_slice(parser)
    add_archive(parser)


def _held_out(text: str) -> float | None:
    """Return a share to hold out; ``None`` for the automatic one."""
    if text in ("auto", "automatic"):
        return None
    return number(text, lambda share: share in (0.0, 0.5, 0.75), "automatic, 0, 0.5 or 0.75")


def _add_target(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--budget", type=share, default=0.05, help="largest false-halt rate (default: 0.05)"
    )
    parser.add_argument(
        "--confidence", type=share, default=0.95, help="how sure of it (default: 0.95)"
    )


def _add_prevalence(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--prevalence",
        type=share,
        help="share of bad sessions where the limits will be used; precision, F1, MCC and halt "
        "rate are of that mixture (default: the archive's own)",
    )


def add_replay(parser: ArgumentParser) -> None:
    """Add the options of ``replay``."""
    _add_prevalence(parser)
    _add_form(parser)
    _add_card(parser)
    add_limits(parser)
    add_any_scorer(parser)
    add_slice(parser)
    add_archive(parser)


def add_sweep(parser: ArgumentParser) -> None:
    """Add the options of ``sweep``."""
    parser.add_argument(
        "rule",
        choices=(*RULES, HOLD_BACK),
        help="whose threshold moves; hold-back: how many tokens are held back",
    )
    parser.add_argument(
        "--points", type=_points, default=41, metavar="N", help="thresholds to try (default: 41)"
    )
    add_limits(parser)
    add_any_scorer(parser)
    add_slice(parser)
    add_archive(parser)


def _add_form(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--as",
        dest="form",
        choices=tuple(FORMS),
        metavar="FORM",
        help=f"only write the limits, as {', '.join(FORMS)}",
    )


def _add_card(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--card",
        type=Path,
        metavar="FILE",
        help="also write the tuning card, as the name ends: .md, .html or .json",
    )
    parser.add_argument("--force", action="store_true", help="let --card replace FILE")


def _points(text: str) -> int:
    try:
        n_points = int(text)
    except ValueError:
        n_points = 0
    if not 2 <= n_points <= 10_001:
        raise ArgumentTypeError(f"must be an integer in 2 to 10001, got {text!r}")
    return n_points
