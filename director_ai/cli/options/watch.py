"""Options of ``watch``."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from director_ai.cli.options.policy import add_any_scorer, add_limits
from director_ai.cli.options.release import add_release
from director_ai.cli.options.sessions import positive


def add_watch(parser: ArgumentParser) -> None:
    """Add the options of ``watch``."""
    request = parser.add_argument_group("what to ask, and whom")
    request.add_argument(
        "--endpoint", required=True, metavar="URL", help="as http://127.0.0.1:8080/v1"
    )
    request.add_argument(
        "--model",
        default="default",
        metavar="M",
        help="as the server names it (default: default, which a server of one model takes)",
    )
    request.add_argument("--prompt", required=True, metavar="TEXT", help="what the model is asked")
    request.add_argument("--system", metavar="TEXT", help="what it is told before")
    request.add_argument(
        "--key-env",
        metavar="NAME",
        help="environment variable that holds the key (default: no key is sent)",
    )
    request.add_argument("--max-tokens", type=positive, metavar="N", help="at most N tokens")
    request.add_argument(
        "--set",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="anything else to ask for, as temperature=0.2; the value is JSON or text",
    )
    request.add_argument(
        "--token-timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds to wait for a token (default: 60)",
    )
    request.add_argument(
        "--total-timeout",
        type=float,
        default=600.0,
        metavar="S",
        help="seconds for the whole answer (default: 600)",
    )
    scoring = parser.add_argument_group("how to score it")
    scoring.add_argument("--facts", metavar="FILE", help="text, a blank line between two facts")
    scoring.add_argument(
        "--scorer",
        metavar="S",
        help="lexical by the facts; logprob, logprob:entropy or logprob:surprise by the model's "
        "own certainty; both for the lower of lexical and logprob; or a model that judges each "
        "sentence by the facts: onnx:FOLDER, embedding:FOLDER, http:URL, llm_judge:MODEL@URL "
        "(default: lexical with --facts, else logprob)",
    )
    scoring.add_argument(
        "--scorer-key-env",
        metavar="NAME",
        help="environment variable that holds the key of a scorer behind a URL",
    )
    add_any_scorer(scoring)
    add_limits(parser)
    # No session is recorded yet, so that the defaults are the library's.
    parser._action_groups[-1].title = "limits (default: those of the library)"
    add_release(parser)
    parser.add_argument(
        "--store",
        metavar="PATH_OR_URL",
        help="also record it there, file or database URL (default: it is not recorded)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end")


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ArgumentTypeError(f"set must be NAME=VALUE, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
