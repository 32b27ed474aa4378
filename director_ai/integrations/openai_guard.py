"""Guard around the streaming chat call of an ``openai`` client."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, Protocol, Self, TypeVar

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.release_policy import ReleasePolicy
from director_ai.core.runtime.async_stream import AsyncTokenStream
from director_ai.core.runtime.async_streaming import AsyncStreamingKernel
from director_ai.core.runtime.released_stream import (
    AsyncReleasedStream,
    Released,
    ReleasedStream,
    ReleaseEvent,
    Retracted,
    check_release,
)
from director_ai.core.runtime.session import StreamSession
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.runtime.sync_stream import TokenStream
from director_ai.core.scoring.identity import ScorerIdentity
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.errors import InvalidPolicyError
from director_ai.scorers.scorer_string import LEXICAL, StreamScorer
from director_ai.sources.chat.openai_stream import from_openai
from director_ai.sources.chat.request import most_tokens
from director_ai.sources.chat.source import ChatSource
from director_ai.storage.recording.recorder import Recorder

Kernel = TypeVar("Kernel", StreamingKernel, AsyncStreamingKernel)
Stream = TypeVar("Stream", TokenStream, AsyncTokenStream)

_NO_RELEASE: Final = "release must be a ReleasePolicy for events, got None"


class LimitsOf(Protocol):
    """Limits that differ by session."""

    def limits_of(
        self, *, model: str = "", source: str = "", group: str = "", tags: Iterable[str] = ()
    ) -> HaltPolicy:
        """Return the limits of a session with these properties."""

    def is_for(self, scorer: ScorerIdentity) -> bool:
        """Return whether they were made for the scores of a scorer."""


class GuardedText(Iterator[str]):
    """The released text of one answer, piece by piece; see :class:`OpenAIGuard`.

    Attributes
    ----------
    source
        Its log-probabilities, finish reason and usage.
    stream
        The judged stream itself, with the events that :attr:`session` is made of.
    retracted
        Text to be taken off the screen, once the iteration is over; ``None`` if there is none.
    """

    def __init__(
        self, source: ChatSource, stream: TokenStream, release: ReleasePolicy | None = None
    ) -> None:
        self.source = source
        self.stream = stream
        self.retracted: Retracted | None = None
        self._released = None if release is None else ReleasedStream(stream, release)
        self._events = None if self._released is None else self._noted(self._released)

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self.stream.session

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if self._events is None:
            for event in self.stream:
                if self.session.passes(event):
                    return event.token
        else:
            for released in self._events:
                if isinstance(released, Released):
                    return released.text
        raise StopIteration

    def events(self) -> Iterator[ReleaseEvent]:
        """Return what is released, held and taken back, in place of the text alone.

        Raises
        ------
        ValueError
            If the guard has no release policy.
        """
        if self._events is None:
            raise ValueError(_NO_RELEASE)
        return self._events

    def _noted(self, released: ReleasedStream) -> Iterator[ReleaseEvent]:
        for event in released:
            if isinstance(event, Retracted):
                self.retracted = event
            yield event

    def close(self) -> None:
        """Cancel the request, if it is still going on."""
        (self._released or self.stream).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncGuardedText(AsyncIterator[str]):
    """The released text of one answer, piece by piece; see :class:`AsyncOpenAIGuard`.

    Attributes
    ----------
    source
        Its log-probabilities, finish reason and usage.
    stream
        The judged stream itself, such as for :mod:`director_ai.integrations.asgi`.
    retracted
        Text to be taken off the screen, once the iteration is over; ``None`` if there is none.
    """

    def __init__(
        self, source: ChatSource, stream: AsyncTokenStream, release: ReleasePolicy | None = None
    ) -> None:
        self.source = source
        self.stream = stream
        self.retracted: Retracted | None = None
        self._released = None if release is None else AsyncReleasedStream(stream, release)
        self._events = None if self._released is None else self._noted(self._released)

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self.stream.session

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._events is None:
            async for event in self.stream:
                if self.session.passes(event):
                    return event.token
        else:
            async for released in self._events:
                if isinstance(released, Released):
                    return released.text
        raise StopAsyncIteration

    def events(self) -> AsyncIterator[ReleaseEvent]:
        """Return what is released, held and taken back; as :meth:`GuardedText.events`."""
        if self._events is None:
            raise ValueError(_NO_RELEASE)
        return self._events

    async def _noted(self, released: AsyncReleasedStream) -> AsyncIterator[ReleaseEvent]:
        async for event in released:
            if isinstance(event, Retracted):
                self.retracted = event
            yield event

    async def aclose(self) -> None:
        """Cancel the request, if it is still going on."""
        await (self._released or self.stream).aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()


class OpenAIGuard:
    """Calls a client as before, and hands out the text that a kernel releases.

    At the halt the text ends and the request is cancelled. Exceptions of scorer or client are
    handled as the kernel's ``on_fault`` says.

    Parameters
    ----------
    client
        An ``openai.OpenAI``.
    kernel
        Judges; one may serve many calls at once.
    facts
        Scores the text, and gives a halt its evidence.
    scorer
        ``"lexical"`` for ``facts`` alone, ``"logprob"``, ``"logprob:entropy"`` or
        ``"logprob:surprise"`` for the model's own certainty, ``"both"`` for the lower of
        ``"lexical"`` and ``"logprob"``; or a model that judges each sentence against the facts,
        such as ``"onnx:FOLDER"`` or ``"http:URL"``: see
        :class:`director_ai.scorers.StreamScorer`.
    score
        Earlier name of ``scorer``.
    scorer_key_env
        Environment variable that holds the key of a scorer behind a URL.
    recorder
        Records every call, if there is one.
    skips_thinking
        As for :class:`director_ai.sources.chat.stream.ChatStream`.
    release
        Rules by which text is held back and taken back; without them each token is handed out as
        it passes.
    limits
        Limits of each call in place of the kernel's, by its model, source, group and tags: such as
        a policy file with segments, as :func:`director_ai.reports.read_policy` reads it. A call is
        refused with ``InvalidPolicyError`` if they were made for another scorer.

    Examples
    --------
    ::

        guard = OpenAIGuard(OpenAI(), StreamingKernel(), facts=CoherenceScorer(...))
        with guard.stream(model="m", messages=[{"role": "user", "content": "Why?"}]) as answer:
            for text in answer:
                print(text, end="")
        print(answer.session.halt_reason)

    >>> OpenAIGuard(None, StreamingKernel(), scorer="both")
    Traceback (most recent call last):
    ValueError: facts must be given for scorer 'both', got None
    """

    def __init__(
        self,
        client: Any,
        kernel: StreamingKernel,
        *,
        facts: CoherenceScorer | None = None,
        scorer: str | None = None,
        score: str | None = None,
        scorer_key_env: str | None = None,
        recorder: Recorder | None = None,
        skips_thinking: bool = True,
        release: ReleasePolicy | None = None,
        limits: LimitsOf | None = None,
    ) -> None:
        if release is not None:
            check_release(release)
        self._client = client
        self._kernel = kernel
        self._release = release
        self._plan = _Plan(facts, _one_name(scorer, score), scorer_key_env, limits, recorder)
        self._skips_thinking = skips_thinking

    def stream(self, *, record: Mapping[str, Any] | None = None, **request: Any) -> GuardedText:
        """Send a request and return its text.

        Parameters
        ----------
        record
            Fields for the recorder beside prompt and model: ``id``, ``group``, ``tags``.
        request
            As for ``client.chat.completions.create``; ``stream=True`` is added.

        Raises
        ------
        Exception
            Of the client before the first token, unchanged.
        """
        body = self._plan.body(request)
        # Before it is sent: if it cannot be read, no request is left open.
        prompt = prompt_of(body["messages"])
        kernel = self._plan.kernel(self._kernel, request, record)
        source = from_openai(
            self._client.chat.completions.create(**body), skips_thinking=self._skips_thinking
        )
        with ExitStack() as opened:
            opened.callback(source.close)
            stream = kernel.stream(
                source,
                self._plan.scorer(source, prompt),
                scorer=self._plan.facts,
                prompt=prompt,
                max_tokens=most_tokens(body),
            )
            opened.callback(stream.close)
            stream = self._plan.recorded(stream, kernel.policy, prompt, request, record)
            # From here on they are the caller's to close.
            opened.pop_all()
        return GuardedText(source, stream, self._release)


class AsyncOpenAIGuard:
    """As :class:`OpenAIGuard`, for an ``openai.AsyncOpenAI`` and an async kernel.

    Examples
    --------
    ::

        guard = AsyncOpenAIGuard(AsyncOpenAI(), AsyncStreamingKernel(), facts=scorer)
        async with await guard.stream(model="m", messages=messages) as answer:
            async for text in answer:
                print(text, end="")
    """

    def __init__(
        self,
        client: Any,
        kernel: AsyncStreamingKernel,
        *,
        facts: CoherenceScorer | None = None,
        scorer: str | None = None,
        score: str | None = None,
        scorer_key_env: str | None = None,
        recorder: Recorder | None = None,
        skips_thinking: bool = True,
        release: ReleasePolicy | None = None,
        limits: LimitsOf | None = None,
    ) -> None:
        self._client = client
        self._kernel = kernel
        self._release = release
        self._plan = _Plan(facts, _one_name(scorer, score), scorer_key_env, limits, recorder)
        self._skips_thinking = skips_thinking

    async def stream(
        self, *, record: Mapping[str, Any] | None = None, **request: Any
    ) -> AsyncGuardedText:
        """Send a request and return its text; as :meth:`OpenAIGuard.stream`."""
        body = self._plan.body(request)
        prompt = prompt_of(body["messages"])
        kernel = self._plan.kernel(self._kernel, request, record)
        source = from_openai(
            await self._client.chat.completions.create(**body), skips_thinking=self._skips_thinking
        )
        async with AsyncExitStack() as opened:
            opened.push_async_callback(source.aclose)
            stream = kernel.stream_tokens(
                source,
                self._plan.scorer(source, prompt),
                scorer=self._plan.facts,
                prompt=prompt,
                max_tokens=most_tokens(body),
            )
            opened.push_async_callback(stream.aclose)
            stream = self._plan.recorded(stream, kernel.policy, prompt, request, record)
            opened.pop_all()
        return AsyncGuardedText(source, stream, self._release)


class _Plan:
    """What the calls of a guard have in common, whichever its kernel: scoring, limits, record."""

    def __init__(
        self,
        facts: CoherenceScorer | None,
        scorer: str,
        key_env: str | None,
        limits: LimitsOf | None,
        recorder: Recorder | None,
    ) -> None:
        # Once for all calls: they share a model, its thread and its cache.
        self._scorer = StreamScorer(scorer, key_env=key_env)
        if facts is None and self._scorer.needs_facts:
            raise ValueError(f"facts must be given for scorer {scorer!r}, got None")
        self.facts = facts
        self._limits = limits
        self._recorder = recorder

    def body(self, request: Mapping[str, Any]) -> dict[str, Any]:
        # A generator could be read only once: for the prompt, or to be sent.
        body = {**request, "messages": list(request["messages"]), "stream": True}
        if self._scorer.needs_logprobs:
            body["logprobs"] = True
        return body | self._scorer.request_options

    def kernel(
        self, kernel: Kernel, request: Mapping[str, Any], record: Mapping[str, Any] | None
    ) -> Kernel:
        """Return the kernel of one call: with the limits of its segment, if there are any."""
        if self._limits is None:
            return kernel
        default = "" if self._recorder is None else self._recorder.source
        of_call = {"model": request["model"], "source": default, **(record or {})}
        names = ("model", "source", "group", "tags")
        return kernel.under(
            self._limits.limits_of(**{name: of_call[name] for name in names if name in of_call})
        )

    def scorer(self, source: ChatSource, prompt: str) -> Callable[[str], float]:
        store = None if self.facts is None else self.facts.store
        return self._scorer(store, prompt, source=source)

    def recorded(
        self,
        stream: Stream,
        policy: HaltPolicy,
        prompt: str,
        request: Mapping[str, Any],
        record: Mapping[str, Any] | None,
    ) -> Stream:
        """Return the stream of one call, recorded if calls are; its limits must be its scorer's."""
        scorer = stream.session.scorer
        if self._limits is not None and not self._limits.is_for(scorer):
            raise InvalidPolicyError(
                f"limits must be of the scorer that runs, {scorer}, got some of another; without "
                "the scorer in them they are of any"
            )
        if self._recorder is None:
            return stream
        kept = {"prompt": prompt, "model": request["model"], **(record or {})}
        return self._recorder.record(stream, policy, **kept)


def _one_name(scorer: str | None, score: str | None) -> str:
    if scorer is not None and score is not None:
        raise ValueError(f"score must be left out beside scorer, got {score!r}")
    return scorer or score or LEXICAL


def prompt_of(messages: Sequence[Any]) -> str:
    """Return the text of the last message of a user.

    >>> prompt_of([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    'Hi'
    >>> prompt_of([{"role": "user", "content": [{"type": "text", "text": "What is it?"}]}])
    'What is it?'
    """
    for message in reversed(messages):
        if isinstance(message, Mapping) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            parts = content if isinstance(content, Sequence) else ()
            return "\n".join(
                str(part["text"]) for part in parts if isinstance(part, Mapping) and "text" in part
            )
    return ""
