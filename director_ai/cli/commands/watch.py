"""``director-ai watch``: a live stream of an endpoint, judged as it comes."""

import shutil
import sys
import uuid
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from director_ai.cli.exit_status import CommandError, Status, sentence_of
from director_ai.cli.options.policy import policy_of
from director_ai.cli.output import note, print_json
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_values
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.errors import InvalidEndpointError, MissingKeyError, SourceError
from director_ai.reports.replay_html import replay_data
from director_ai.reports.visible_text import visible
from director_ai.sources.chat.deadline import TimeLimits
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.logprob import chosen_score
from director_ai.sources.chat.stream import ChatStream
from director_ai.storage.recording.recorder import Recorder

FRAMES_PER_S = 12
"""Drawings: of more nobody sees anything."""


class Screen(Protocol):
    """Where a stream is shown while it comes."""

    def show(self, event: TokenEvent) -> None:
        """Show a token."""


def watch(chosen: Namespace) -> int:
    """Ask an endpoint, judge its answer as it comes, and tell how it ended."""
    policy = policy_of(chosen, HaltPolicy())
    facts = _facts(chosen)
    source = _source(chosen, needs_logprobs=_scorer(chosen) != "lexical")
    kernel = StreamingKernel.from_policy(policy)
    score = chosen_score(_scorer(chosen), facts.stream_callback(chosen.prompt), source)
    reviewer = facts if chosen.facts else None
    name = uuid.uuid4().hex[:12]
    failure: SourceError | None = None
    is_interrupted = False
    with source, _recorder(chosen) as recorder:
        stream = kernel.stream(source, score, scorer=reviewer, prompt=chosen.prompt)
        if recorder is not None:
            stream = recorder.record(
                stream, policy, id=name, prompt=chosen.prompt, model=chosen.model
            )
        try:
            with _screen(chosen, stream, policy) as screen:
                for event in stream:
                    screen.show(event)
        except KeyboardInterrupt:
            is_interrupted = True
            stream.close()
        except SourceError as error:
            failure = error
    session = stream.session
    record = SessionRecord.from_session(
        session, policy, id=name, prompt=chosen.prompt, model=chosen.model, source="watch"
    )
    kept_in = None if recorder is None else recorder.name
    _tell(chosen, record, source, failure, kept_in=kept_in, is_interrupted=is_interrupted)
    return _status(session, is_interrupted=is_interrupted)


def _status(session: StreamSession, *, is_interrupted: bool) -> Status:
    if is_interrupted:
        return Status.INTERRUPTED
    if not session.halted or session.reason is None:
        return Status.OK
    return Status.REFUSED if session.reason.halt_class == "policy" else Status.FAILED


def _tell(
    chosen: Namespace,
    record: SessionRecord,
    source: ChatStream,
    failure: SourceError | None,
    *,
    kept_in: str | None,
    is_interrupted: bool,
) -> None:
    said = replay_data(record, record.policy)
    headline = said["headline"]
    if is_interrupted:
        headline = f"Stopped by you after {len(record.tokens)} tokens."
    elif failure is not None:
        headline = f"The stream failed after {len(record.tokens)} tokens: {sentence_of(failure)}"
    if chosen.json:
        print_json(
            {
                **to_values(record),
                "headline": headline,
                "finish_reason": source.finish_reason,
                "usage": None if source.usage is None else dict(source.usage),
                "logprobs": [_finite(value) for value in source.logprobs[: len(record.tokens)]],
            }
        )
    note(headline)
    if said["note"] and failure is None and not is_interrupted:
        note(said["note"])
    if record.halt is not None and record.halt.code == "invalid_score":
        note("The server sent no usable log-probabilities; --scorer lexical needs none.")
    if source.finish_reason == "length" and record.ended_by == "completed":
        note("The server cut the answer at its length limit.")
    if kept_in is not None:
        note(f"Recorded as {record.id} in {kept_in}.")


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def _scorer(chosen: Namespace) -> Any:
    return chosen.scorer or ("lexical" if chosen.facts else "logprob")


def _facts(chosen: Namespace) -> CoherenceScorer:
    if chosen.facts is None:
        if _scorer(chosen) != "logprob":
            raise CommandError(f"--scorer {chosen.scorer} needs --facts", Status.USAGE)
        return CoherenceScorer()
    try:
        text = Path(chosen.facts).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{chosen.facts} must be UTF-8 text: {error}", Status.REFUSED) from None
    if not text.strip():
        raise CommandError(f"{chosen.facts} must hold a fact; it is blank", Status.REFUSED)
    return CoherenceScorer(ground_truth_store=GroundTruthStore.from_text(text))


def _source(chosen: Namespace, *, needs_logprobs: bool) -> ChatStream:
    messages = [{"role": "user", "content": chosen.prompt}]
    if chosen.system is not None:
        messages.insert(0, {"role": "system", "content": chosen.system})
    options = dict(chosen.set)
    if chosen.max_tokens is not None:
        options["max_tokens"] = chosen.max_tokens
    try:
        return ChatStream(
            Endpoint(chosen.endpoint, chosen.model, chosen.key_env),
            messages,
            logprobs=needs_logprobs,
            options=options,
            limits=TimeLimits(token=chosen.token_timeout, total=chosen.total_timeout),
        )
    except InvalidEndpointError as error:
        raise CommandError(str(error), Status.USAGE) from None
    except MissingKeyError as error:
        raise CommandError(str(error), Status.NOT_FOUND) from None


def _recorder(chosen: Namespace) -> Any:
    return nullcontext() if chosen.store is None else Recorder(chosen.store, source="watch")


@contextmanager
def _screen(chosen: Namespace, stream: TokenStream, policy: HaltPolicy) -> Iterator[Screen]:
    """Draw on a terminal; elsewhere write the released text as it comes, or with --json nothing."""
    if chosen.json:
        yield _Nothing()
    elif not sys.stdout.isatty():
        try:
            yield _Plain(stream.session)
        finally:
            print()
    else:
        with _Drawn(stream.session, policy) as drawn:
            yield drawn


class _Nothing:
    def show(self, event: TokenEvent) -> None:
        pass


class _Plain:
    """Released text alone, for a file or a pipe."""

    def __init__(self, session: StreamSession) -> None:
        self._session = session

    def show(self, event: TokenEvent) -> None:
        if not event.halted or self._session.soft_halted:
            print(visible(event.token), end="", flush=True)


class _Drawn:
    """The whole picture, drawn anew by a thread, so that also the last token before a pause shows.

    Once the block is through it is drawn a last time and stays on the screen.
    """

    def __init__(self, session: StreamSession, policy: HaltPolicy) -> None:
        # A fifth of a second that only someone who is watching has to spend.
        from rich.console import Console
        from rich.live import Live

        from director_ai.cli.watch_display import screen

        def picture() -> Any:
            size = shutil.get_terminal_size()
            return screen(session, policy, width=size.columns, height=size.lines)

        console = Console(highlight=False, markup=False)
        self._live = Live(console=console, get_renderable=picture, refresh_per_second=FRAMES_PER_S)

    def __enter__(self) -> "_Drawn":
        self._live.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._live.__exit__(*exc)

    def show(self, event: TokenEvent) -> None:
        """Do nothing: the thread looks for itself."""
