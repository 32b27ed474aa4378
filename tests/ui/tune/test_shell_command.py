"""An exported command names the sessions of the page, and no password."""

import shlex
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from director_ai.cli.options.sessions import slice_of
from director_ai.cli.parser import parser
from director_ai.storage.summary import SessionQuery
from director_ai.ui.tune.shell_command import slice_options, store_option


def test_the_options_of_a_slice_are_read_as_the_slice() -> None:
    where = SessionQuery(
        since_us=1_762_336_800_000_001,
        until_us=1_762_336_900_000_000,
        models=("a b", "-x"),
        sources=("it's",),
        tags=("$HOME", "t"),
        groups=("g\nh",),
        scorers=("lexical:lexical@2",),
        authors=("",),
        text='"two words"',
    )
    options = shlex.split(" ".join(slice_options(where)))

    assert slice_of(parser().parse_args(["replay", *options])) == where


@pytest.mark.parametrize(
    ("path", "told"),
    [(Path("/a b/s.db"), "--store='/a b/s.db'"), (None, '--store="$DIRECTOR_STORE"')],
)
def test_a_file_is_named_and_a_server_by_its_variable(path: Path | None, told: str) -> None:
    store: Any = SimpleNamespace(path=path, name="postgresql://me:***@host/db?password=secret")

    assert store_option(store) == told
