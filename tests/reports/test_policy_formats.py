"""Policy files: all three formats give back what was written, and name everything wrong by line."""

import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from director_ai import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.errors import InvalidPolicyError, InvalidPolicyFileError
from director_ai.reports.policy_file import PolicyFile, Segments
from director_ai.reports.policy_formats import (
    FORMS,
    as_command,
    as_env,
    parse_policy,
    python_call,
    read_policy,
)
from director_ai.reports.policy_schema import FILE, policy_schema, schema_text

WRITERS = {"yaml": FORMS["YAML"], "json": FORMS["JSON"], "toml": FORMS["TOML"]}
SCHEMA = jsonschema.Draft202012Validator(policy_schema())

texts = st.text(st.characters(codec="utf-8"), max_size=8)
policies = st.builds(
    HaltPolicy,
    hard_limit=st.floats(0, 0.6),
    window_size=st.integers(1, 10**9),
    window_threshold=st.floats(0, 1),
    trend_window=st.integers(2, 10**9),
    trend_threshold=st.floats(0, 1e300, allow_subnormal=True),
    soft_limit=st.floats(0.6, 1),
    halt_mode=st.sampled_from(["hard", "soft", "observe"]),
    score_every_n=st.integers(1, 4),
    adaptive=st.booleans(),
    max_cadence=st.integers(4, 9),
    score_final=st.booleans(),
)
releases = st.builds(
    ReleasePolicy,
    hold_back=st.integers(0, 99),
    when=st.sampled_from(["always", "warned"]),
    unit=st.sampled_from(["token", "sentence", "answer"]),
    at_halt=st.sampled_from(["keep", "sentence", "nothing"]),
    replacement=texts,
)
files = st.builds(
    PolicyFile,
    policies,
    st.none() | releases,
    st.none()
    | st.builds(
        ScorerIdentity, st.just("a b"), st.sampled_from(["", "1.0"]), st.sampled_from(["", "onnx"])
    ),
    st.none()
    | st.builds(
        Segments,
        st.sampled_from(["model", "source", "tag", "group"]),
        st.dictionaries(texts | st.just("else"), policies, min_size=1, max_size=3),
    ),
)


def problems(text: str, suffix: str = "yaml") -> list[str]:
    """Return what is wrong with a file, without its name."""
    with pytest.raises(InvalidPolicyFileError) as refused:
        parse_policy(text, suffix, name="f")
    return [problem.removeprefix("f:") for problem in refused.value.problems]


@pytest.mark.slow
@given(files)
def test_every_format_gives_back_what_was_written(file: PolicyFile) -> None:
    for suffix, form in WRITERS.items():
        assert parse_policy(form.text_of(file), suffix) == file
    SCHEMA.validate(json.loads(WRITERS["json"].text_of(file)))


@given(files)
def test_the_variable_and_the_code_hold_it_too(file: PolicyFile) -> None:
    import shlex

    variable = shlex.split(as_env(file).splitlines()[0])[0]
    assert parse_policy(variable.partition("=")[2], "json") == file
    names: dict[str, object] = {}
    exec(python_call(file), names)
    assert names["policy"] == file.policy
    assert names.get("release") == file.release
    if file.segments is not None:
        assert names[f"by_{file.segments.facet}"] == file.segments.limits
        assert as_command(file).splitlines()[-1] == "director-ai check policy.yaml"


def test_what_is_left_out_is_the_librarys_default(tmp_path: Path) -> None:
    text = "hard_limit: 0.4        # stricter\nwindow_threshold: 0.625\nrelease:\n  hold_back: 8\n"
    path = tmp_path / "policy.yml"
    path.write_text("\ufeff" + text.replace("\n", "\r\n"), encoding="utf-8")

    file = read_policy(path)

    assert file == PolicyFile(
        HaltPolicy(hard_limit=0.4, window_threshold=0.625), ReleasePolicy(hold_back=8)
    )
    assert file.defaulted[0] == "window_size"
    assert len(file.defaulted) == 9
    assert file.lines == {
        ("hard_limit",): 1,
        ("window_threshold",): 2,
        ("release",): 3,
        ("release", "hold_back"): 4,
    }


@pytest.mark.parametrize("suffix", WRITERS)
def test_lines_are_those_of_the_names(suffix: str) -> None:
    file = PolicyFile(
        HaltPolicy(), scorer=ScorerIdentity("s"), segments=Segments("tag", {"a b": HaltPolicy()})
    )
    text = WRITERS[suffix].text_of(file)

    lines = parse_policy(text, suffix).lines

    at = lines["segments", "tag", "a b", "trend_window"]
    assert text.splitlines()[at - 1].split()[0].strip('":') == "trend_window"
    assert lines["segments", "else", "trend_window"] != at


def test_everything_wrong_is_named_at_once_with_its_line() -> None:
    text = "hard_limt: 0.4\nhard_limit: 0.4\nadaptive: off\nhard_limit: 0.5\nwindow_size: 0\n"

    assert problems(text) == [
        "1: hard_limt is no field of a policy; did you mean hard_limit?",
        "3: a value must be a number, true, false, a word or quoted text, got off",
        "4: hard_limit is there already, in line 2",
        "5: window_size must be an integer >= 1, got 0",
    ]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("", 1, "the file must name at least one of version, hard_limit"),
        ("hard_limit", 1, "the file must hold names and values"),
        ("- hard_limit: 0.4", 1, "the file must hold names and values"),
        ("a: 1\nhard_limit: [0.4]", 2, "got a list"),
        ("hard_limit: &a 0.4\nsoft_limit: 0.7", 1, "anchors are not read"),
        ("hard_limit: 0.4\nsoft_limit: *a", 2, "aliases are not read"),
        ("hard_limit: !!float 0.4", 1, "tags are not read"),
        ("hard_limit: 0.4\nsoft_limit:\t0.7", 2, "got a tab"),
        ("hard_limit: 0.4\u2028soft_limit: 0.7", 1, "a line break that editors do not count"),
        ("adaptive: yes", 1, "got yes"),
        ("adaptive: True", 1, "got True"),
        ("hard_limit: .nan", 1, "got .nan"),
        ("hard_limit: nan", 1, "got nan"),
        ("hard_limit: 1_0", 1, "got 1_0"),
        ("window_size: 0x10", 1, "got 0x10"),
        ("window_size: 010", 1, "got 010"),
        ("window_size: 1:30", 1, "got 1:30"),
        ("hard_limit: 0,4", 1, "got 0,4"),
        ("hard_limit: ~", 1, "got ~"),
        ("hard_limit:", 1, "got nothing"),
        ("hard_limit: 1e999", 1, "got 1e999"),
        ("window_size: " + "9" * 5000, 1, "a value must be a number"),
        ("hard_limit: 0.4\nsoft_limit: 'x", 2, "while scanning a quoted scalar"),
        ("hard_limit: |\n  0.4", 1, "got 0.4"),
        ("hard_limit: 0.4\n---\nhard_limit: 0.5", 1, "single document"),
        ("hard_limit: 0.4\n soft_limit: 0.7", 2, "mapping values are not allowed"),
        ("on: 0.4", 1, "a name must be a word or quoted text, got on"),
        ("4: 0.4", 1, "a name must be a word or quoted text, got 4"),
        ("true: 0.4", 1, "a name must be a word or quoted text, got true"),
        ("hard_limit: {a: 1}", 1, "hard_limit must hold one value"),
        ("window_size: 10.0", 1, "window_size must be an integer >= 1, got 10.0"),
        ("hard_limit: '0.4'", 1, "hard_limit must be a number in [0, 1], got '0.4'"),
        ("hard_limit: true", 1, "hard_limit must be a number in [0, 1], got True"),
        ("halt_mode: gentle", 1, "halt_mode must be one of"),
        ("hard_limit: 0.6\nsoft_limit: 0.5", 2, "soft_limit must be >= hard_limit (0.6)"),
        ("version: 2", 1, "version must be 1, which this Director reads, got 2"),
        ("version: true", 1, "version must be 1"),
        ("release: 8", 1, "release must hold names and values, got 8"),
        ("release:\n  hold_bak: 8", 2, "hold_bak is no field of release; did you mean hold_back?"),
        ("release:\n  hold_back: -1", 2, "hold_back must be an integer >= 0"),
        ("scorer:\n  version: a", 1, "scorer must have a name"),
        ("scorer:\n  name: 1", 2, "name of a scorer must be a string, got 1"),
        ("scorer:\n  name: a\n  digest: XY", 3, "digest of a scorer must be hexadecimal"),
        ("scorer:\n  name: 'a:b'", 2, "without a backend"),
        ("segments:\n  model:\n    a: {hard_limit: 0.4}", 1, "segments must have else"),
        ("segments:\n  else: {hard_limit: 0.4}", 1, "must have one of model, source, tag, group"),
        ("segments:\n  model: {}\n  else: {hard_limit: 0.4}", 2, "at least one value"),
        ("hard_limit: 1\nsegments: 1", 1, "hard_limit must stand in each segment"),
        ("hard_limit: 0.4 \x07", 1, "control characters must be escaped"),
        ("[" * 9000, 1, "nested at most 8 deep"),
    ],
)
def test_what_yaml_would_read_as_something_else_is_refused(text: str, line: int, part: str) -> None:
    found = problems(text)

    assert any(each.startswith(f"{line}: ") and part in each for each in found), found


@given(files, st.sampled_from(list(WRITERS)), st.randoms(use_true_random=False))
def test_a_mutated_file_is_read_or_refused_by_line(file: PolicyFile, suffix: str, random) -> None:
    letters = list(WRITERS[suffix].text_of(file))
    for _ in range(random.randint(1, 3)):
        place = random.randrange(len(letters))
        letters[place : place + random.randint(0, 2)] = random.choice(
            list("\n\t :=[]{}\"'#&*-.01a\u2028")
        )
    text = "".join(letters)

    try:
        parse_policy(text, suffix)
    except InvalidPolicyFileError as error:
        lines = [int(problem.split(":")[1]) for problem in error.problems]
        assert lines
        assert 1 <= min(lines) <= max(lines) <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("[]", 1, "the file must hold names and values"),
        ('{"hard_limit": 0.4,\n "hard_limit": 0.5}', 2, "is there already, in line 1"),
        ('{"hard_limit": NaN}', 1, "got nan"),
        ('{"hard_limit":\n 1e999}', 1, "got inf"),
        ('{"hard_limit": null}', 1, "got null"),
        ('{"hard_limit": [1]}', 1, "got a list"),
        ('{"release": {\n"hold_bak": 1}}', 2, "did you mean hold_back?"),
        ('{"hard_limit":\n0.4 1}', 2, "JSON must be valid"),
        ('{"a":' * 900 + "1" + "}" * 900, 1, "nested at most 8 deep"),
    ],
)
def test_json_is_read_as_strictly(text: str, line: int, part: str) -> None:
    found = problems(text, "json")

    assert any(each.startswith(f"{line}: ") and part in each for each in found), found


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("hard_limit = 0.4\nhard_limit = 0.5", 2, "is there already, in line 1"),
        ("[release]\nhold_back = 1\n[release]", 3, "is there already, in line 1"),
        ("[release]\nhold_back = 1\n[release.x]\na = 1", 3, "x is no field of release"),
        ("release.hold_back = -1", 1, "hold_back must be an integer >= 0"),
        ("hard_limit = [\n0.4]", 1, "TOML must be valid on each line"),
        ("hard_limit = [0.4]", 1, "got a list"),
        ("[[release]]\nhold_back = 1", 1, "got a list"),
        ("hard_limit = nan", 1, "got nan"),
        ("hard_limit = 2020-01-01", 1, "got 2020-01-01"),
        ("hard_limit = .4", 1, "TOML must be valid on each line"),
    ],
)
def test_toml_is_read_as_strictly(text: str, line: int, part: str) -> None:
    found = problems(text, "toml")

    assert any(each.startswith(f"{line}: ") and part in each for each in found), found


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    for name, data, part in (
        ("p.txt", b"", "must end in one of .yaml, .yml, .json, .toml"),
        ("p.yaml", b"hard_limit: 0.4\n# \xff", "p.yaml:2: the text must be UTF-8"),
        ("p.json", b" " * 300_000, "must be at most 65,536 bytes"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidPolicyFileError, match=part):
            read_policy(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_policy(tmp_path / "missing.yaml")


def test_limits_are_chosen_by_the_facet() -> None:
    low, high = HaltPolicy(hard_limit=0.2), HaltPolicy(hard_limit=0.4)
    limits = PolicyFile(HaltPolicy(), segments=Segments("tag", {"a": low, "b": high}))

    assert limits.limits_of(tags=("x", "b", "a")) == low
    assert limits.limits_of(tags=("x",)) == HaltPolicy()
    assert replace(limits, segments=Segments("group", {"a": low})).limits_of(group="a") == low
    assert replace(limits, segments=None).limits_of(tags=("a",)) == HaltPolicy()


def test_the_schema_file_is_the_one_generated() -> None:
    assert FILE.read_text(encoding="utf-8") == schema_text()
    jsonschema.Draft202012Validator.check_schema(policy_schema())


def test_the_schema_has_the_ranges_of_the_policies() -> None:
    for policy, properties in (
        (HaltPolicy, policy_schema()["properties"]),
        (ReleasePolicy, policy_schema()["properties"]["release"]["properties"]),
    ):
        off = {"hard_limit": 0.0} if policy is HaltPolicy else {}
        for name in policy.__dataclass_fields__:
            rule = properties[name]
            assert rule["default"] == getattr(policy(), name)
            for value in rule.get("enum", []):
                policy(**{name: value})
            for end, away in (("minimum", -math.inf), ("maximum", math.inf)):
                if end not in rule:
                    continue
                policy(**{**off, name: rule[end]})
                beyond: float = math.nextafter(float(rule[end]), away)
                if rule["type"] == "integer":
                    beyond = rule[end] - 1
                with pytest.raises(InvalidPolicyError):
                    policy(**{**off, name: beyond})


@pytest.mark.parametrize(
    "text",
    [
        '{"hard_limt": 0.4}',
        '{"hard_limit": 2}',
        '{"hard_limit": "a"}',
        '{"segments": {"model": {"a": {}}}}',
        '{"segments": {"model": {"a": {}}, "else": {}}, "hard_limit": 0.4}',
        '{"segments": {"model": {"a": {}}, "tag": {"a": {}}, "else": {}}}',
        '{"scorer": {"version": "1"}}',
        '{"version": 2}',
        "{}",
    ],
)
def test_an_editor_and_the_reader_refuse_alike(text: str) -> None:
    assert not SCHEMA.is_valid(json.loads(text))
    assert problems(text, "json")
