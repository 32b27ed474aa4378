"""Endpoint run: a model's answer, requested, judged and recorded as it comes."""

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from secrets import token_hex
from time import monotonic
from typing import Final, NamedTuple

import streamlit as st

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.runtime.hooks import logger
from director_ai.core.runtime.session import StreamSession
from director_ai.core.runtime.streaming import StreamingKernel
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.errors import SourceError
from director_ai.scorers.scorer_string import StreamScorer
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.stream import ChatStream
from director_ai.storage.recording.recorder import Recorder
from director_ai.storage.store import Store
from director_ai.ui.live.playback import Origin, Snapshot

LEASE_S: Final = 15.0
"""A stream whose tabs have all been closed for this long is stopped; a reload takes less.

While one is open, on whatever page, the answer is waited for, up to its own time limit.
"""

ABANDONED: Final = f"its page was closed, and nobody came back for {LEASE_S:g} s"

MOST_KEPT: Final = 50
"""Runs that are over and can still be shown after a reload."""


@dataclass(frozen=True, slots=True)
class Question:
    """Prompt to an endpoint, and how its answer is scored.

    Attributes
    ----------
    endpoint
        Endpoint to call.
    prompt
        The user's message.
    facts
        Facts that the answer is compared with; sources apart by blank lines.
    scorer
        String of the scorer.
    max_tokens
        Tokens the answer may have.
    scorer_key_env
        Environment variable that holds the key of a scorer behind a URL.
    """

    endpoint: Endpoint
    prompt: str
    facts: str
    scorer: str
    max_tokens: int
    scorer_key_env: str | None = None


class _NotedStream(ChatStream):
    """Stream of an answer that keeps the error it failed with."""

    failure: SourceError | None = None

    def __next__(self) -> str:
        try:
            return super().__next__()
        except SourceError as error:
            self.failure = error
            raise


class EndpointRun:
    """One answer of a model, under way from the moment it is made.

    Parameters
    ----------
    question
        Prompt, endpoint and scoring.
    policy
        Limits to enforce.
    recorder
        Recorder that writes the stream into the store.

    Attributes
    ----------
    question
        As above, to be sent again.
    record_id
        Of the session in the store.

    Raises
    ------
    DirectorError
        If the question cannot be sent so.
    """

    def __init__(self, question: Question, policy: HaltPolicy, recorder: Recorder) -> None:
        self.question = question
        self.policy = policy
        # Not to be guessed: whoever has the link may look at the session.
        self.record_id = f"live-{token_hex(6)}"
        self.source = Origin(
            id=self.record_id,
            title=f"{question.endpoint.model} at {question.endpoint.origin}",
            prompt=question.prompt,
            model=question.endpoint.model,
        )
        scorer = stream_scorer(question.scorer, question.scorer_key_env)
        self._kernel = StreamingKernel.from_policy(policy, streaming_debug=True, on_fault="halt")
        self._chat = _NotedStream(
            question.endpoint,
            question.prompt,
            logprobs=scorer.needs_logprobs,
            options={"max_tokens": question.max_tokens, **scorer.request_options},
        )
        facts = GroundTruthStore.from_text(question.facts) if question.facts.strip() else None
        self._stream = self._kernel.stream(
            self._chat,
            scorer(facts, question.prompt, source=self._chat),
            scorer=None if facts is None else CoherenceScorer(ground_truth_store=facts),
            prompt=question.prompt,
            # Not every server keeps to the tokens it is asked for.
            max_tokens=question.max_tokens,
        )
        recorder.record(
            self._stream,
            policy,
            id=self.record_id,
            prompt=question.prompt,
            model=question.endpoint.model,
            source=question.endpoint.origin,
        )
        self._started = self._seen_at = monotonic()
        self._tabs: set[object] = set()
        self._over = threading.Event()
        for work in (self._drive, self._keep_lease):
            threading.Thread(target=work, name="director-endpoint", daemon=True).start()

    @property
    def session(self) -> StreamSession:
        """The session as it grows."""
        return self._stream.session

    @property
    def is_over(self) -> bool:
        """Whether the stream has ended and its connection is closed."""
        return self._over.is_set()

    @property
    def has_failed(self) -> bool:
        """Whether it ended neither by itself, nor by a limit, nor by an operator."""
        reason = self.session.reason
        return self.is_over and reason is not None and reason.halt_class == "fault"

    @property
    def refusal(self) -> SourceError | None:
        """Error of a request that failed without a token; ``None`` if it was stopped."""
        return self._chat.failure if self.has_failed and not self.session.tokens else None

    @property
    def waited_s(self) -> float:
        """Seconds since the request."""
        return monotonic() - self._started

    def stop(self) -> None:
        """End the stream now, even while its server hangs."""
        self._kernel.emergency_stop()

    def attach(self, tab: object) -> None:
        """Keep the run alive until ``tab`` is detached."""
        self._tabs.add(tab)

    def detach(self, tab: object) -> None:
        """Take note that a tab was closed."""
        self._seen_at = monotonic()
        self._tabs.discard(tab)

    def snapshot(self) -> Snapshot:
        """Return the run as it stands, and keep it alive."""
        self._seen_at = monotonic()
        over = self.is_over
        session = self._stream.session
        # Scores are appended after tokens and events before both are final: count once.
        n_scored = min(len(session.coherence_history), len(session.events))
        spent_s = session.elapsed_s or monotonic() - self._started
        return Snapshot(
            tokens=session.tokens[:],
            scores=session.coherence_history[:n_scored],
            held=[not event.scored for event in session.events[:n_scored]],
            playing=not over,
            ended=over,
            tokens_per_s=len(session.tokens) / spent_s,
        )

    def _drive(self) -> None:
        try:
            self._stream.run_to_end()
        except Exception as error:
            # The kernel turns every fault into a session; this would be one of ours.
            logger().log(logging.ERROR, "a stream ended unforeseen", exc_info=error)
        finally:
            self._chat.close()
            self._over.set()

    def _keep_lease(self) -> None:
        while not self._over.wait(LEASE_S / 10):
            if not self._tabs and monotonic() - self._seen_at > LEASE_S:
                # Not as an operator's stop, which nobody requested.
                self._chat.abort(ABANDONED)


# A model takes seconds to open, and one for all runs judges what they wait for together.
@st.cache_resource(max_entries=4, show_spinner=False)
def stream_scorer(scorer: str, key_env: str | None) -> StreamScorer:
    """Return the scorer of a string.

    Raises
    ------
    DirectorError
        If there is no such scorer, or it cannot be opened.
    """
    return StreamScorer(scorer, key_env=key_env)


class EndpointRuns:
    """The runs of this server, by their record's id; a page that is reloaded finds its own."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, EndpointRun] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, run: EndpointRun) -> EndpointRun:
        """Keep a run; of those that are over, the oldest give way."""
        with self._lock:
            self._runs[run.record_id] = run
            over = [name for name, each in self._runs.items() if each.is_over]
            for old in over[: max(0, len(over) - MOST_KEPT)]:
                del self._runs[old]
        return run

    def get(self, id: str) -> EndpointRun | None:
        """Return a run, or ``None``."""
        with self._lock:
            return self._runs.get(id)


@st.cache_resource(show_spinner=False)
def endpoint_runs() -> EndpointRuns:
    """Return the runs of this server."""
    return EndpointRuns()


class _Tab(NamedTuple):
    """A tab that looks at a run."""

    run: EndpointRun
    mark: object

    def close(self) -> None:
        self.run.detach(self.mark)


def attach(run: EndpointRun) -> None:
    """Keep a run alive as long as the tab that this page is drawn for stays open."""
    _tab(run.record_id, run)


# One: the run that a tab turns to next takes the place of the one before.
@st.cache_resource(scope="session", max_entries=1, on_release=_Tab.close, show_spinner=False)
def _tab(id: str, _run: EndpointRun) -> _Tab:  # noqa: ARG001  # another run, another entry
    tab = _Tab(_run, object())
    _run.attach(tab.mark)
    return tab


def live_recorder(store: Store) -> Recorder:
    """Return the recorder of the Live page's streams into a store.

    Raises
    ------
    ReadOnlyStoreError
        If the store was opened to read, or for a viewer.
    """
    # Looked up every time: the recorder may have been made for somebody else.
    return _recorder(store.recording_address())


def _close(recorder: Recorder) -> None:
    recorder.close()


# One whose store was taken away records elsewhere; the store that is there now gets another.
@st.cache_resource(
    show_spinner=False,
    on_release=_close,
    validate=lambda recorder: not recorder.stats.n_replaced,
)
def _recorder(address: str) -> Recorder:
    return Recorder(address, source="Live")
