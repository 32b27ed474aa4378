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
from director_ai.cli.options.policy import check_scorer, policy_file, policy_of
from director_ai.cli.options.release import release_of
from director_ai.cli.output import note, print_json
from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.records.record import SessionRecord
from director_ai.core.records.record_json import to_values
from director_ai.core.runtime.released_stream import (
    Released,
    ReleasedStream,
    ReleaseEvent,
    Retracted,
    check_release,
)
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.core.scoring.identity import identity_of
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.errors import (
    DirectorError,
    InvalidEndpointError,
    InvalidScorerError,
    MissingKeyError,
    SourceError,
)
from director_ai.reports.replay_html import replay_data
from director_ai.reports.visible_text import visible
from director_ai.scorers.scorer_string import StreamScorer
from director_ai.sources.chat.deadline import TimeLimits
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.request import most_tokens
from director_ai.sources.chat.stream import ChatStream
from director_ai.storage.recording.recorder import Recorder

FRAMES_PER_S = 12
"""Drawings a second; more cannot be seen."""


class Display(Protocol):
    """Display of a running stream."""

    def show(self, event: TokenEvent | ReleaseEvent) -> None:
        """Show a token, or what a release policy makes of it."""


def watch(args: Namespace) -> int:
    """Ask an endpoint, judge its answer as it comes, and report how it ended."""
    policy = policy_of(args, HaltPolicy(), model=args.model, source="watch")
    release = _release(args)
    if release is not None and release.cadence_caution(policy):
        note(release.cadence_caution(policy))
    facts = _facts(args)
    scorer = _scorer(args)
    if scorer.needs_facts and facts is None:
        raise CommandError(f"--scorer {args.scorer} needs --facts", Status.USAGE)
    source = _source(args, scorer)
    kernel = StreamingKernel.from_policy(policy)
    score = scorer(None if facts is None else facts.store, args.prompt, source=source)
    if not args.any_scorer:
        check_scorer(
            policy_file(args),
            args.policy,
            identity_of(score),
            "--any-scorer takes them all the same",
        )
    name = uuid.uuid4().hex[:12]
    failure: DirectorError | None = None
    is_interrupted = False
    with source, _recorder(args) as recorder:
        limit = most_tokens(_options(args))
        stream = kernel.stream(source, score, scorer=facts, prompt=args.prompt, max_tokens=limit)
        if recorder is not None:
            stream = recorder.record(stream, policy, id=name, prompt=args.prompt, model=args.model)
        try:
            events = stream if release is None else ReleasedStream(stream, release)
            with _display(args, stream, policy) as display:
                for event in events:
                    display.show(event)
        except KeyboardInterrupt:
            is_interrupted = True
            stream.close()
        except DirectorError as error:
            failure = error
    session = stream.session
    record = SessionRecord.from_session(
        session, policy, id=name, prompt=args.prompt, model=args.model, source="watch"
    )
    kept_in = None if recorder is None else recorder.name
    _report(args, record, source, failure, kept_in=kept_in, is_interrupted=is_interrupted)
    return _status(session, is_interrupted=is_interrupted)


def _release(args: Namespace) -> ReleasePolicy | None:
    release = release_of(args)
    if release is not None:
        try:
            check_release(release)
        except ValueError as error:
            raise CommandError(str(error), Status.USAGE) from None
    return release


def _status(session: StreamSession, *, is_interrupted: bool) -> Status:
    if is_interrupted:
        return Status.INTERRUPTED
    if not session.halted or session.reason is None:
        return Status.OK
    return Status.REFUSED if session.reason.halt_class == "policy" else Status.FAILED


def _report(
    args: Namespace,
    record: SessionRecord,
    source: ChatStream,
    failure: DirectorError | None,
    *,
    kept_in: str | None,
    is_interrupted: bool,
) -> None:
    summary = replay_data(record, record.policy)
    headline = summary["headline"]
    if is_interrupted:
        headline = f"Stopped by you after {len(record.tokens)} tokens."
    elif failure is not None:
        culprit = "stream" if isinstance(failure, SourceError) else "scorer"
        headline = f"The {culprit} failed after {len(record.tokens)} tokens: {sentence_of(failure)}"
    if args.json:
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
    if summary["note"] and failure is None and not is_interrupted:
        note(summary["note"])
    if record.halt is not None and record.halt.code == "invalid_score":
        note("The server sent no usable log-probabilities; --scorer lexical needs none.")
    if source.finish_reason == "length" and record.ended_by == "completed":
        note("The server cut the answer at its length limit.")
    if kept_in is not None:
        note(f"Recorded as {record.id} in {kept_in}.")


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None


def _scorer(args: Namespace) -> StreamScorer:
    name = args.scorer or ("lexical" if args.facts else "logprob")
    try:
        return StreamScorer(name, key_env=args.scorer_key_env)
    except (InvalidScorerError, InvalidEndpointError) as error:
        raise CommandError(f"--scorer: {error}", Status.USAGE) from None
    except (MissingKeyError, ModuleNotFoundError) as error:
        raise CommandError(f"--scorer: {error}", Status.NOT_FOUND) from None


def _facts(args: Namespace) -> CoherenceScorer | None:
    if args.facts is None:
        return None
    try:
        text = Path(args.facts).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{args.facts} must be UTF-8 text: {error}", Status.REFUSED) from None
    if not text.strip():
        raise CommandError(f"{args.facts} must hold a fact; it is blank", Status.REFUSED)
    return CoherenceScorer(ground_truth_store=GroundTruthStore.from_text(text))


def _source(args: Namespace, scorer: StreamScorer) -> ChatStream:
    messages = [{"role": "user", "content": args.prompt}]
    if args.system is not None:
        messages.insert(0, {"role": "system", "content": args.system})
    options = _options(args) | scorer.request_options
    try:
        return ChatStream(
            Endpoint(args.endpoint, args.model, args.key_env),
            messages,
            logprobs=scorer.needs_logprobs,
            options=options,
            limits=TimeLimits(token=args.token_timeout, total=args.total_timeout),
        )
    except InvalidEndpointError as error:
        raise CommandError(str(error), Status.USAGE) from None
    except MissingKeyError as error:
        raise CommandError(str(error), Status.NOT_FOUND) from None


def _options(args: Namespace) -> dict[str, Any]:
    limit = {} if args.max_tokens is None else {"max_tokens": args.max_tokens}
    return {**dict(args.set), **limit}


def _recorder(args: Namespace) -> Any:
    return nullcontext() if args.store is None else Recorder(args.store, source="watch")


@contextmanager
def _display(args: Namespace, stream: TokenStream, policy: HaltPolicy) -> Iterator[Display]:
    """Draw on a terminal; elsewhere write the released text as it comes, or with --json nothing."""
    if args.json:
        yield _NoDisplay()
    elif not sys.stdout.isatty():
        try:
            yield _PlainDisplay(stream.session)
        finally:
            print()
    else:
        with _TerminalDisplay(stream.session, policy) as display:
            yield display


class _NoDisplay:
    def show(self, event: TokenEvent | ReleaseEvent) -> None:
        pass


class _PlainDisplay:
    """Released text alone, for a file or a pipe."""

    def __init__(self, session: StreamSession) -> None:
        self._session = session

    def show(self, event: TokenEvent | ReleaseEvent) -> None:
        # What is written stays; a replacement comes at its end.
        if isinstance(event, (Released, Retracted)):
            print(visible(event.text), end="", flush=True)
        elif isinstance(event, TokenEvent) and self._session.passes(event):
            print(visible(event.token), end="", flush=True)


class _TerminalDisplay:
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

    def __enter__(self) -> "_TerminalDisplay":
        self._live.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._live.__exit__(*exc)

    def show(self, event: TokenEvent | ReleaseEvent) -> None:
        """Do nothing: the thread looks for itself."""
