"""Release rules on the command line: the options, and the policy they stand for."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from math import inf
from typing import Final, get_args

from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.options.policy import HOLD_BACK, policy_file, share
from director_ai.cli.options.sessions import number
from director_ai.core.halting.release_policy import HoldUnit, HoldWhen, ReleasePolicy

MOST_HELD: Final = 64
"""Longest hold that is looked at; see ``tuning.evaluation.leak_frontier``."""

WAIT_SHARE: Final = 0.95


def add_release(
    parser: ArgumentParser, *, every_hold: bool = False, may_choose: bool = False
) -> None:
    """Add the options of holding back.

    Parameters
    ----------
    parser
        Of the command.
    every_hold
        Whether the command looks at every length, so that none is given.
    may_choose
        Whether the command can choose the length by the wait.
    """
    group = parser.add_argument_group("holding back (default: as the policy file says, else not)")
    if not every_hold:
        group.add_argument(
            "--hold-back",
            type=_hold,
            metavar="N",
            help=f"tokens that must pass after a token before it is shown, 0 to {MOST_HELD}",
        )
    group.add_argument(
        "--hold-when",
        choices=get_args(HoldWhen),
        help="always, or only while one of the last N scores warns (default: always)",
    )
    group.add_argument(
        "--hold-unit", choices=get_args(HoldUnit), help="shown at once (default: token)"
    )
    if may_choose:
        group.add_argument(
            "--max-wait",
            type=_seconds,
            metavar="S",
            help="hold back as long as the first text waits for at most S seconds",
        )
        group.add_argument(
            "--wait-share",
            type=share,
            default=WAIT_SHARE,
            metavar="P",
            help=f"in this share of the sessions (default: {WAIT_SHARE})",
        )


def release_of(args: Namespace) -> ReleasePolicy | None:
    """Return the release rules of the policy file and the options; ``None`` without any.

    Where ``--max-wait`` or a sweep chooses the hold, that of the rules says nothing.

    Raises
    ------
    CommandError
        If the options contradict each other, or say how to hold back and not for how long.
    """
    file = policy_file(args)
    release = None if file is None else file.release
    hold_back, rule = getattr(args, "hold_back", None), getattr(args, "rule", HOLD_BACK)
    options = {"hold_back": hold_back, "when": args.hold_when, "unit": args.hold_unit}
    changed = {name: value for name, value in options.items() if value is not None}
    if changed and rule != HOLD_BACK:
        raise CommandError(f"--hold-when and --hold-unit are of sweep {HOLD_BACK}", Status.USAGE)
    chooses = getattr(args, "max_wait", None) is not None or hasattr(args, "rule")
    if chooses and hold_back is not None:
        raise CommandError("--hold-back must be left out: --max-wait chooses it", Status.USAGE)
    if release is None and not chooses:
        if not changed:
            return None
        if hold_back is None:
            raise CommandError("--hold-when and --hold-unit need --hold-back", Status.USAGE)
    release = replace(release or ReleasePolicy(), **changed)
    if release.hold_back > MOST_HELD:
        raise CommandError(
            f"hold_back must be at most {MOST_HELD}, got {release.hold_back}", Status.USAGE
        )
    return release


def _hold(text: str) -> int:
    try:
        n_tokens = int(text)
    except ValueError:
        n_tokens = -1
    if not 0 <= n_tokens <= MOST_HELD:
        raise ArgumentTypeError(f"must be an integer in 0 to {MOST_HELD}, got {text!r}")
    return n_tokens


def _seconds(text: str) -> float:
    return number(text, lambda value: 0.0 <= value < inf, "a number of seconds >= 0")
