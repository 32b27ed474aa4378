"""One stream of the sync kernel, token by token."""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import cast

from director_ai.core.runtime.hooks import Follower, is_async
from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.runtime.session import StreamSession, TokenEvent
from director_ai.core.runtime.stop_switch import Abortable, StopSwitch
from director_ai.core.runtime.stream_run import Expired, StreamRun


class TokenStream(Iterator[TokenEvent]):
    """The events of one stream as they happen, and the session that grows with them.

    Made by :meth:`StreamingKernel.stream`. Leaving early closes the source and the record.

    Parameters
    ----------
    run, switch
        What judges, and what the operator stops it by.
    tokens, callback
        The source and its scorer.
    opened
        Begins an iteration of the source; what it returns is closed with it.

    Attributes
    ----------
    run
        The run that judges; for what stands around a stream, such as its release.

    Examples
    --------
    >>> from director_ai import StreamingKernel
    >>> stream = StreamingKernel().stream(["The", " sky"], lambda text: 0.9)
    >>> [event.token for event in stream], stream.session.halted
    (['The', ' sky'], False)
    """

    def __init__(
        self,
        run: StreamRun,
        switch: StopSwitch,
        tokens: Iterable[str],
        callback: Callable[[str], object],
        *,
        opened: Callable[[Iterable[str]], Iterator[str]] = iter,
    ) -> None:
        check_sources(tokens, callback, methods=("__iter__",), kind="an iterable of str")
        if is_async(callback):
            raise TypeError(
                "coherence_callback must be a plain function, got an async one; "
                "use AsyncStreamingKernel for it"
            )
        run.score_by(callback)
        self.run = run
        self._tokens = tokens
        self._events = _drive(run, switch, tokens, callback, opened)

    @property
    def session(self) -> StreamSession:
        """The record so far; finished once the iteration is."""
        return self.run.session

    def follow(self, follower: Follower) -> None:
        """Call ``follower`` when the stream begins and when its session is finished."""
        self.run.hooks.follow(follower)

    def __iter__(self) -> "TokenStream":
        return self

    def __next__(self) -> TokenEvent:
        event = next(self._events, None)
        if event is not None:
            return event
        error = self.run.pop_exception()
        if error is None:
            raise StopIteration
        if isinstance(error, StopIteration):
            # Raised as it is, it would end the consumer's loop as if all were well.
            raise RuntimeError("coherence_callback raised StopIteration") from error
        raise error

    def close(self) -> None:
        """Stop here: the source is closed and the session ends as cancelled."""
        self._events.close()
        if not self.run.finalised:
            # Never started, so the generator had nothing to clean up.
            self.run.cancelled()
            _finish(self.run, self._tokens, None, "")

    def run_to_end(self) -> StreamSession:
        """Consume every event and return the session.

        Raises
        ------
        Exception
            Whatever scorer or source raised, unchanged, with ``on_fault="raise"``.
        """
        for _ in self._events:
            pass
        error = self.run.pop_exception()
        if error is not None:
            raise error
        return self.session


def check_sources(tokens: object, callback: object, *, methods: tuple[str, ...], kind: str) -> None:
    """Refuse objects that can be no token source or scorer, before anything is pulled."""
    if isinstance(tokens, (str, bytes)):
        raise TypeError(f"token source must be {kind}, not one {type(tokens).__name__}")
    if not any(hasattr(tokens, method) for method in methods):
        raise TypeError(f"token source must be {kind}, got {tokens!r}")
    if not callable(callback):
        raise TypeError(f"coherence_callback must be callable, got {callback!r}")


def _drive(
    run: StreamRun,
    switch: StopSwitch,
    tokens: Iterable[str],
    callback: Callable[[str], object],
    opened: Callable[[Iterable[str]], Iterator[str]],
) -> Generator[TokenEvent, None, None]:
    text = ""
    epoch = switch.epoch
    iterator: Iterator[str] | None = None
    # Bound once: these run for every token.
    observed, holds_scores, limited = (
        run.hooks.are_observing,
        run.machine.holds_scores,
        run.is_limited,
    )
    judge, is_due, take = run.judge, run.machine.is_due, run.session.tokens.append
    if callable(getattr(tokens, "abort", None)):
        switch.enlist(run, cast("Abortable", tokens))
    try:
        run.hooks.begin()
        if not switch.is_active:
            run.inactive()
        while not run.ended:
            if switch.epoch is not epoch:
                run.inactive()
                break
            try:
                iterator = opened(tokens) if iterator is None else iterator
                token = next(iterator)
            except StopIteration:
                if switch.epoch is not epoch:
                    # The source was aborted: its end is not the answer's.
                    run.inactive()
                    break
                if run.awaits_final_score:
                    _score_finished(run, switch, epoch, callback, text)
                if not run.ended:
                    run.end_of_source()
                break
            except Expired as expired:
                run.timed_out(expired.code, expired.seconds)
                break
            except Exception as error:
                if switch.epoch is not epoch:
                    run.inactive()
                else:
                    run.source_failed(error)
                break
            if type(token) is str and not limited:
                # All that accept comes to, without a call for every token.
                take(token)
                is_refused = False
            else:
                run.accept(token, len(text))
                is_refused = run.ended
            if switch.epoch is not epoch and not is_refused:
                # It came after the stop: kept, but neither scored nor released.
                run.inactive()
                is_refused = True
            event: TokenEvent | None
            if is_refused:
                event = run.refused_event
            else:
                # On a local, so that growing the text costs the same at every length.
                text += token
                if holds_scores and not is_due():
                    event = run.hold(token)
                else:
                    try:
                        raw = callback(text)
                    except Exception as error:
                        event = run.scorer_failed(error)
                    else:
                        event = judge(token, raw)
            if run.ended:
                _finish(run, tokens, iterator, text)
            if event is not None:
                if observed:
                    run.hooks.observe(event)
                yield event
        _finish(run, tokens, iterator, text)
        if run.closing_event is not None:
            yield run.closing_event
    except BaseException:
        if not run.ended:
            run.cancelled()
        raise
    finally:
        switch.dismiss(run)
        _finish(run, tokens, iterator, text)


def _score_finished(
    run: StreamRun,
    switch: StopSwitch,
    epoch: object,
    callback: Callable[[str], object],
    text: str,
) -> None:
    """Judge the last token by the score of the finished text."""
    held = run.take_back()
    score = callback
    if isinstance(callback, JudgedCallback):
        # It may wait, and its source has ended.
        switch.enlist(run, callback)
        if switch.epoch is not epoch:
            # The stop came before it was enlisted.
            callback.abort()
        score = callback.final_score
    try:
        raw = score(text)
    except Exception as error:
        if switch.epoch is epoch:
            run.scorer_failed(error)
        else:
            run.inactive()
    else:
        run.judge(held.token, raw)
    run.put_back(held)


def _finish(
    run: StreamRun,
    tokens: Iterable[str],
    iterator: Iterator[str] | None,
    text: str,
) -> None:
    """Close the source of a halted stream, then its record, then call the hooks; once."""
    if run.finalised:
        return
    if run.session.halted:
        for source in (tokens,) if iterator is tokens else (iterator, tokens):
            close = getattr(source, "close", None)
            if callable(close):
                run.hooks.call("source.close", close)
    run.conclude(text)
