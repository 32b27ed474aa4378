"""Policy schema: what editors check a policy file by, as JSON Schema.

``policy.schema.json`` beside this module is :func:`policy_schema` as a file: one whose name an
editor knows, or that a file names in a comment of its own, such as ``# yaml-language-server:``.
That ``soft_limit`` is not below ``hard_limit``, and the like, only the reader checks.
"""

import json
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.reports.policy_file import ELSE, FACETS, LIMIT_FIELDS, SCORER_FIELDS, VERSION

FILE: Final = Path(__file__).with_name("policy.schema.json")

_SHARE: Final = {"minimum": 0, "maximum": 1}
_RANGES: Final[dict[str, dict[str, int]]] = {
    "hard_limit": _SHARE,
    "window_threshold": _SHARE,
    "soft_limit": _SHARE,
    "trend_threshold": {"minimum": 0},
    "window_size": {"minimum": 1},
    "trend_window": {"minimum": 2},
    "score_every_n": {"minimum": 1},
    "max_cadence": {"minimum": 1},
    "hold_back": {"minimum": 0},
    "max_hold_s": {"minimum": 0},
}
_MEANINGS: Final = {
    "hard_limit": "A single score below this halts; 0 turns the rule off.",
    "window_size": "Tokens in the sliding window.",
    "window_threshold": "A full window whose mean is below this halts; 0 turns the rule off.",
    "trend_window": "Tokens that the trend line is fitted to.",
    "trend_threshold": "A fitted fall of more than this halts; 1.5 turns the rule off.",
    "soft_limit": "A score below this warns; not below hard_limit.",
    "halt_mode": "hard stops at once, soft at the end of the sentence, observe never.",
    "score_every_n": "Tokens 0, n, 2n, ... are scored; the others hold the last score.",
    "adaptive": "Score less often while coherence is high.",
    "max_cadence": "The widest an adaptive cadence gets; at least score_every_n.",
    "score_final": "Score the finished text once more if its last token was held.",
    "hold_back": "Tokens that must pass after a token before it is shown.",
    "when": "Hold back always, or only while a recent token scored under soft_limit.",
    "unit": "Show tokens, whole sentences, or the answer at its end.",
    "max_hold_s": "Seconds after which what has passed is shown early; 0 for never.",
    "at_halt": "Text that stays on screen after a halt by a limit.",
    "replacement": "Text put where a halt by a limit took text back.",
}
_TYPES: Final = {float: "number", int: "integer", bool: "boolean", str: "string"}


def policy_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file, of YAML, JSON and TOML alike.

    >>> policy_schema()["properties"]["window_size"]["minimum"]
    1
    """
    limits = _properties(HaltPolicy)
    one_set = {"$ref": "#/$defs/limits"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Director policy",
        "description": "Limits of a stream. A limit left out is the library's default.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "version": {"const": VERSION, "description": "Version of the form of this file."},
            **limits,
            "release": _map(_properties(ReleasePolicy), "Holding back and taking back."),
            "scorer": {
                **_map(
                    {name: {"type": "string"} for name in SCORER_FIELDS},
                    "Scorer that the limits are for.",
                ),
                "required": ["name"],
            },
            "segments": {
                **_map(
                    {
                        **{facet: _by_value(one_set) for facet in FACETS},
                        ELSE: {**one_set, "description": "Limits of all other sessions."},
                    },
                    "Limits by the value of one facet.",
                ),
                "required": [ELSE],
                "minProperties": 2,
                "maxProperties": 2,
            },
        },
        "dependentSchemas": {"segments": {"properties": dict.fromkeys(LIMIT_FIELDS, False)}},
        "$defs": {"limits": _map(limits, "One set of limits.")},
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(policy_schema(), indent=2) + "\n"


def _by_value(one_set: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "minProperties": 1, "additionalProperties": one_set}


def _map(properties: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "additionalProperties": False,
        "properties": properties,
    }


def _properties(policy: type) -> dict[str, Any]:
    hints = get_type_hints(policy)
    return {each.name: _property(each, hints[each.name]) for each in fields(policy)}


def _property(each: Field[Any], hint: Any) -> dict[str, Any]:
    assert each.default is not MISSING
    choices = {"enum": list(get_args(hint))} if get_origin(hint) else {"type": _TYPES[hint]}
    return {
        **choices,
        **_RANGES.get(each.name, {}),
        "default": each.default,
        "description": _MEANINGS[each.name],
    }
