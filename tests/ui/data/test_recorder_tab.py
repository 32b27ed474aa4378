"""The lines that the Recorder tab shows do what it says."""

import ast
import asyncio
import contextlib
import io
import itertools
from dataclasses import replace

import pytest

from director_ai import HaltPolicy
from director_ai.storage.store import Store
from director_ai.ui.components.recorder_snippet import recorder_snippet
from director_ai.ui.data.recorder_tab import received
from tests.storage.records import record

SWITCHES = list(itertools.product([False, True], repeat=3))


async def words():
    for word in ("The", " sky", " sang"):
        yield word


def run(code, asynchronous):
    scores = iter([0.9, 0.45, 0.3])
    given = {"score": lambda _: next(scores), "prompt": "Why?"}
    given["tokens"] = words() if asynchronous else ["The", " sky", " sang"]
    with contextlib.redirect_stdout(io.StringIO()):
        if asynchronous:
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            asyncio.run(eval(compile(code, "snippet", "exec", flags=flags), given))
        else:
            exec(compile(code, "snippet", "exec"), given)
    assert given["recorder"].close()


@pytest.mark.slow
@pytest.mark.parametrize(("enforce", "asynchronous", "shadow"), SWITCHES)
def test_the_lines_record_into_the_store(tmp_path, enforce, asynchronous, shadow):
    file = tmp_path / 'it\'s "odd".db'

    run(
        recorder_snippet(str(file), enforce=enforce, asynchronous=asynchronous, shadow=shadow),
        asynchronous,
    )

    with Store(file) as store:
        (session,) = store.records(store.ids())
    assert session.enforced is enforce
    assert session.n_tokens == (2 if enforce else 3)
    assert (session.prompt, session.model) == ("Why?", "my-model")
    assert (session.shadow_policy is not None) is shadow


@pytest.mark.parametrize(("enforce", "mode"), [(True, "soft"), (False, "observe")])
def test_the_lines_have_the_limits_of_the_server(tmp_path, enforce, mode):
    file, policy = tmp_path / "a.db", HaltPolicy(hard_limit=0.2, halt_mode="soft")

    run(
        recorder_snippet(
            str(file), enforce=enforce, asynchronous=False, shadow=False, policy=policy
        ),
        asynchronous=False,
    )

    with Store(file) as store:
        (session,) = store.records(store.ids())
    assert session.policy == replace(policy, halt_mode=mode)


def test_a_session_is_told_while_it_comes_and_once_it_is_there(tmp_path):
    with Store(tmp_path / "a.db") as store:
        store.add([record("a")])
        session = store.summary("a")
    now = session.changed_us + 400_000

    assert received(session, now) == "✓ received: a, 3 tokens, 0.4 s ago"
    assert received(session, now + 180_000_000) == "✓ received: a, 3 tokens, 3 min ago"
    coming = replace(session, outcome="recording", n_tokens=1)
    assert received(coming, now) == "● receiving: a, 1 token so far, 0.4 s ago"


def test_an_address_cannot_leave_its_string():
    address = 'a"); import os; os.abort() #\n\\'

    code = recorder_snippet(address, enforce=False, asynchronous=False, shadow=False)

    strings = {node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)}
    assert address in strings
