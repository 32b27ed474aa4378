"""Policy file: limits as a repository keeps them, and the check of everything in one."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, TypeVar, get_args

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidPolicyError, InvalidPolicyTypeError
from director_ai.reports.policy_nodes import Map, Node, PolicyProblem, Scalar, leaves

VERSION: Final = 1
"""Version of the form of the file."""

ELSE: Final = "else"
"""Name, among segments, of the limits of every session that no segment holds."""

Facet = Literal["model", "source", "tag", "group"]
"""Property of a session that is known before its stream, by which limits may differ."""

FACETS: Final[tuple[Facet, ...]] = get_args(Facet)

LIMIT_FIELDS: Final = tuple(each.name for each in fields(HaltPolicy))
RELEASE_FIELDS: Final = tuple(each.name for each in fields(ReleasePolicy))
SCORER_FIELDS: Final = tuple(each.name for each in fields(ScorerIdentity))
TOP_FIELDS: Final = ("version", *LIMIT_FIELDS, "release", "scorer", "segments")

NAMES: Final = frozenset({*TOP_FIELDS, *RELEASE_FIELDS, *SCORER_FIELDS, *FACETS, ELSE})
"""Every name that a policy file gives a meaning."""

_Checked = TypeVar("_Checked", HaltPolicy, ReleasePolicy)


@dataclass(frozen=True, slots=True)
class Segments:
    """Limits by the value of one facet.

    Attributes
    ----------
    facet
        Property of a session whose value chooses.
    limits
        Limits by value. Of a session with several tags, the first named here decides.
    """

    facet: Facet
    limits: Mapping[str, HaltPolicy]


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """Contents of a policy file.

    Attributes
    ----------
    policy
        Limits; of a file with segments those of its ``else``.
    release
        Holding back and taking back; ``None`` if the file does not say.
    scorer
        Scorer that the limits are for, its empty parts any; ``None`` if the file does not say.
    segments
        Limits of some sessions that differ; ``None`` where all have the same.
    lines
        Line of every name that stands in the file, by its path.

    Examples
    --------
    >>> segments = Segments("model", {"small": HaltPolicy(hard_limit=0.6)})
    >>> limits = PolicyFile(HaltPolicy(), segments=segments)
    >>> [limits.limits_of(model=name).hard_limit for name in ("small", "large")]
    [0.6, 0.5]
    """

    policy: HaltPolicy
    release: ReleasePolicy | None = None
    scorer: ScorerIdentity | None = None
    segments: Segments | None = None
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict, compare=False, repr=False)

    def limits_of(
        self, *, model: str = "", source: str = "", group: str = "", tags: Iterable[str] = ()
    ) -> HaltPolicy:
        """Return the limits of a session with these properties."""
        value = self.segment_of(model=model, source=source, group=group, tags=tags)
        if self.segments is None or value is None:
            return self.policy
        return self.segments.limits[value]

    def segment_of(
        self, *, model: str = "", source: str = "", group: str = "", tags: Iterable[str] = ()
    ) -> str | None:
        """Return the segment of a session with these properties; ``None`` for ``else``."""
        if self.segments is None:
            return None
        own = {"model": [model], "source": [source], "group": [group], "tag": tags}
        borne = set(own[self.segments.facet])
        return next((value for value in self.segments.limits if value in borne), None)

    def is_for(self, scorer: ScorerIdentity) -> bool:
        """Return whether the limits are for the scores of a scorer.

        >>> file = PolicyFile(HaltPolicy(), scorer=ScorerIdentity("coherence"))
        >>> file.is_for(ScorerIdentity("coherence", "2", "lexical"))
        True
        """
        if self.scorer is None:
            return True
        named = {name: text for name in SCORER_FIELDS if (text := getattr(self.scorer, name))}
        return all(getattr(scorer, name) == text for name, text in named.items())

    @property
    def defaulted(self) -> tuple[str, ...]:
        """Limits that the file leaves out, so that the library's defaults stand for them."""
        if self.segments is not None:
            return ()
        return tuple(name for name in LIMIT_FIELDS if (name,) not in self.lines)

    def to_values(self) -> dict[str, Any]:
        """Return the contents as plain values, every limit among them, as a file nests them.

        >>> list(PolicyFile(HaltPolicy(), scorer=ScorerIdentity("lexical")).to_values())[-2:]
        ['score_final', 'scorer']
        """
        values: dict[str, Any] = {}
        if (self.release, self.scorer, self.segments) != (None, None, None):
            values["version"] = VERSION
        if self.segments is None:
            values |= self.policy.to_dict()
        if self.release is not None:
            values["release"] = self.release.to_dict()
        if self.scorer is not None:
            values["scorer"] = {
                name: text for name in SCORER_FIELDS if (text := getattr(self.scorer, name))
            }
        if self.segments is not None:
            limits = {value: each.to_dict() for value, each in self.segments.limits.items()}
            values["segments"] = {self.segments.facet: limits, ELSE: self.policy.to_dict()}
        return values


def checked_file(entries: Map, problems: list[PolicyProblem]) -> PolicyFile:
    """Return the contents of a file from its names and values.

    Parameters
    ----------
    entries
        The file's map.
    problems
        Takes everything that is wrong; the result means nothing if there is any.
    """
    if not entries and not problems:
        problems.append(
            PolicyProblem(1, f"the file must name at least one of {', '.join(TOP_FIELDS)}")
        )
    _check_names(entries, TOP_FIELDS, "a policy", problems)
    if "version" in entries:
        version = _scalar("version", entries["version"], problems)
        if version is not None and (isinstance(version, bool) or version != VERSION):
            message = f"version must be {VERSION}, which this Director reads, got {version!r:.80}"
            problems.append(PolicyProblem(entries["version"].line, message))
    segments, policy = None, _policy(entries, HaltPolicy, LIMIT_FIELDS, problems)
    if "segments" in entries:
        for name in LIMIT_FIELDS:
            if name in entries:
                message = f"{name} must stand in each segment of a file that has segments"
                problems.append(PolicyProblem(entries[name].line, message))
        segments, policy = _segments(entries["segments"], problems)
    release = scorer = None
    if "release" in entries:
        inner = _map("release", entries["release"], problems)
        _check_names(inner, RELEASE_FIELDS, "release", problems)
        release = _policy(inner, ReleasePolicy, RELEASE_FIELDS, problems)
    if "scorer" in entries:
        scorer = _scorer(entries["scorer"], problems)
    return PolicyFile(policy, release, scorer, segments, dict(leaves(entries)))


def _segments(node: Node, problems: list[PolicyProblem]) -> tuple[Segments | None, HaltPolicy]:
    inner = _map("segments", node, problems)
    _check_names(inner, (*FACETS, ELSE), "segments", problems)
    other = HaltPolicy()
    if ELSE in inner:
        other = _limits(ELSE, inner[ELSE], problems)
    elif node.value is not None:
        message = f"segments must have {ELSE}: the limits of sessions that no segment holds"
        problems.append(PolicyProblem(node.line, message))
    facets = [facet for facet in FACETS if facet in inner]
    if len(facets) != 1:
        if node.value is not None:
            got = ", ".join(facets) or "none"
            message = f"segments must have one of {', '.join(FACETS)}, got {got}"
            problems.append(PolicyProblem(node.line, message))
        return None, other
    [facet] = facets
    values = _map(facet, inner[facet], problems)
    if not values and inner[facet].value is not None:
        message = f"{facet} must name at least one value and its limits"
        problems.append(PolicyProblem(inner[facet].line, message))
    limits = {value: _limits(value, each, problems) for value, each in values.items()}
    return Segments(facet, limits), other


def _limits(name: str, node: Node, problems: list[PolicyProblem]) -> HaltPolicy:
    inner = _map(name, node, problems)
    _check_names(inner, LIMIT_FIELDS, "a segment", problems)
    return _policy(inner, HaltPolicy, LIMIT_FIELDS, problems)


def _scorer(node: Node, problems: list[PolicyProblem]) -> ScorerIdentity | None:
    inner = _map("scorer", node, problems)
    _check_names(inner, SCORER_FIELDS, "scorer", problems)
    if node.value is not None and "name" not in inner:
        problems.append(PolicyProblem(node.line, "scorer must have a name"))
    parts: dict[str, Any] = {}
    for name in SCORER_FIELDS:
        if name in inner and (value := _scalar(name, inner[name], problems)) is not None:
            try:
                # Each part alone; a name may hold a colon beside a back end.
                ScorerIdentity(**{"name": "x", "backend": "x", name: value})  # type: ignore[arg-type]
            except (TypeError, ValueError) as error:
                problems.append(PolicyProblem(inner[name].line, str(error)))
            else:
                parts[name] = value
    if "name" not in parts:
        return None
    try:
        return ScorerIdentity(**parts)
    except ValueError as error:
        problems.append(PolicyProblem(inner["name"].line, str(error)))
        return None


def _policy(
    entries: Map,
    make: Callable[..., _Checked],
    names: Sequence[str],
    problems: list[PolicyProblem],
) -> _Checked:
    """Return the policy of these entries; each value is checked alone, then all together."""
    values: dict[str, Any] = {}
    is_whole = True
    for name in names:
        entry = entries.get(name)
        if entry is None:
            continue
        # With the hard limit off, no limit depends on it.
        others = {"hard_limit": 0.0} if make is HaltPolicy and name != "hard_limit" else {}
        value = _scalar(name, entry, problems)
        if value is None or _told(make, {**others, name: value}, entry, problems):
            is_whole = False
        else:
            values[name] = value
    if is_whole and values:
        last = max((entries[name] for name in values), key=lambda each: each.line)
        is_whole = not _told(make, values, last, problems, entries)
    return make(**values) if is_whole else make()


def _told(
    make: Callable[..., object],
    values: Mapping[str, object],
    entry: Node,
    problems: list[PolicyProblem],
    entries: Mapping[str, Node] | None = None,
) -> bool:
    """Return whether these values are refused, with the problem entered."""
    try:
        make(**values)
    except (InvalidPolicyError, InvalidPolicyTypeError) as error:
        # A message opens with the field it is of.
        name = str(error).partition(" ")[0]
        line = (entries or {}).get(name, entry).line
        problems.append(PolicyProblem(line, str(error)))
        return True
    return False


def _scalar(name: str, node: Node, problems: list[PolicyProblem]) -> Scalar | None:
    if not isinstance(node.value, dict):
        return node.value
    problems.append(PolicyProblem(node.line, f"{name} must hold one value, got names and values"))
    return None


def _map(name: str, node: Node, problems: list[PolicyProblem]) -> Map:
    if isinstance(node.value, dict):
        return node.value
    if node.value is not None:
        message = f"{name!s:.80} must hold names and values, got {node.value!r:.80}"
        problems.append(PolicyProblem(node.line, message))
    return {}


def _check_names(
    entries: Map, names: Sequence[str], owner: str, problems: list[PolicyProblem]
) -> None:
    for name, entry in entries.items():
        if name in names:
            continue
        alike = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {alike[0]}?" if alike else f"there are {', '.join(names)}"
        problems.append(PolicyProblem(entry.line, f"{name!s:.80} is no field of {owner}; {hint}"))
