"""Released streams against a client that buffers naively, on streams nobody would write down."""

import asyncio
import random
import selectors
from dataclasses import dataclass, field
from itertools import count

import pytest

from director_ai import (
    AsyncReleasedStream,
    AsyncStreamingKernel,
    Ended,
    HaltPolicy,
    Held,
    Released,
    ReleasedStream,
    ReleasePolicy,
    Retracted,
    StreamingKernel,
)
from director_ai.core.halting.sentence import sentence_ends
from tests.core.kernels import Source, scripted

TOKENS = [" a", " b", "c", ".", '"', " d.", "!\n", " e\U0001f600", "f\ud83d", "\ude00"]


@dataclass(frozen=True)
class Case:
    """One stream: each token with the seconds before it and its score, and what goes wrong."""

    release: ReleasePolicy
    limits: HaltPolicy
    items: tuple
    scores: tuple
    gaps: tuple = ()
    max_tokens: int | None = None
    stops_at: int = -1
    leaves_after: int = -1
    on_fault: str = "halt"


def case_of(seed: int, *, timed: bool = False) -> Case:
    draw = random.Random(seed)
    n = draw.choice([0, 1, 3, 12, 30, 70])
    items = [draw.choice(TOKENS) for _ in range(n)]
    level = draw.choice([0.9, 0.75, 0.62])
    scores = [min(1.0, max(0.0, draw.gauss(level, 0.08))) for _ in range(n + 2)]
    if draw.random() < 0.4 and n:
        start = draw.randrange(n)
        scores[start:] = [score - 0.3 if score > 0.3 else 0.0 for score in scores[start:]]
    fault = draw.random()
    if fault < 0.08:
        items.insert(draw.randint(0, n), ValueError("source broke"))
    elif fault < 0.14:
        items.insert(draw.randint(0, n), b"bytes")
    elif fault < 0.22:
        scores[draw.randint(0, n)] = draw.choice([float("nan"), ValueError("broke"), OSError()])
    every = draw.choice([1, 1, 2, 4])
    return Case(
        ReleasePolicy(
            draw.choice([0, 1, 2, 5, 8, 30]),
            draw.choice(["always", "warned"]),
            draw.choice(["token", "token", "sentence", "answer"]),
            draw.choice([0.5, 2.5, 9.5]) if timed else 0.0,
            draw.choice(["keep", "sentence", "nothing"]),
            draw.choice(["", "[withdrawn]"]),
        ),
        HaltPolicy(
            hard_limit=draw.choice([0.0, 0.4, 0.5]),
            window_size=draw.choice([3, 6]),
            window_threshold=draw.choice([0.0, 0.55, 0.6]),
            trend_threshold=draw.choice([0.15, 0.3, 1.5]),
            halt_mode=draw.choice(["hard", "hard", "soft", "observe"]),
            score_every_n=every,
            adaptive=every == 1 and draw.random() < 0.3,
            score_final=draw.random() < 0.5,
        ),
        tuple(items),
        tuple(scores),
        tuple(draw.choice([0, 0, 0, 1, 3, 12]) for _ in range(len(items) + 1)),
        draw.choice([None, None, None, 10]),
        draw.choice([-1] * 9 + [draw.randint(0, n)]),
        draw.choice([-1] * 4 + [draw.randint(0, n)]),
        draw.choice(["halt", "raise"]),
    )


@dataclass
class Plain:
    """What a client that takes the kernel's stream as it is sees of it."""

    steps: list = field(default_factory=list)
    times: list = field(default_factory=list)
    ended_at: float | None = None
    session: object = None
    error: BaseException | None = None

    def take(self, event, now=0.0):
        # Copied: an event may change once more after it was handed out.
        if event.halted:
            self.ended_at = now
        else:
            self.steps.append((event.token, event.coherence, event.scored))
            self.times.append(now)


def expected_of(plain: Plain, case: Case) -> list:
    """Return the events by their definitions, each made anew from all that came before."""
    session, release, limits = plain.session, case.release, case.limits
    observes = limits.halt_mode == "observe"
    k = 0 if observes else release.hold_back
    unit = "token" if observes else release.unit
    waits = limits.score_final and (limits.score_every_n > 1 or limits.adaptive)
    tokens = list(session.tokens)
    out, passed_at = [], []
    passed = ripe = shown = 0
    is_announced = False

    def show(upto, early=False):
        nonlocal shown, is_announced
        if upto > shown:
            start, end = len("".join(tokens[:shown])), len("".join(tokens[:upto]))
            out.append(Released(start, end, "".join(tokens[:upto])[start:], early))
            shown, is_announced = upto, False

    def let_pass(upto, now):
        nonlocal passed, ripe
        due = shown
        while passed < upto:
            passed += 1
            passed_at.append(now)
            lows = [score < limits.soft_limit for _, score, _ in plain.steps[:passed]]
            if release.when == "warned" and not any(lows[max(0, passed - k) :]):
                ripe = passed
            ripe = max(ripe, passed - k)
            if unit == "token":
                due = max(due, ripe)
            elif unit == "sentence":
                ends = sentence_ends(tokens[:ripe])
                due = max(due, ripe - 50, *(n + 1 for n in range(ripe) if ends[n]))
        return due

    def wait_until(now):
        nonlocal ripe
        if release.max_hold_s and shown < passed and passed_at[shown] + release.max_hold_s < now:
            ripe = passed
            show(passed, early=True)

    for came, (now, (_, _, scored)) in enumerate(zip(plain.times, plain.steps, strict=True), 1):
        wait_until(now)
        due = let_pass(came if scored or not waits else came - 1, now)
        # A text that comes says by itself that all is well.
        if due > shown:
            show(due)
        elif passed > shown and not is_announced:
            out.append(Held(passed - shown))
            is_announced = True
    wait_until(plain.ended_at or 0.0)

    reason = session.reason if session.halted else None
    if reason is None or session.soft_halted:
        show(len(tokens))
    elif len(tokens) > len(plain.steps):
        show(let_pass(len(plain.steps), 0.0))
    is_policy = reason is not None and reason.halt_class == "policy"
    kept = shown
    if is_policy and release.at_halt == "nothing":
        kept = 0
    elif is_policy and release.at_halt == "sentence":
        ends = sentence_ends(tokens[:shown])
        kept = max((n + 1 for n in range(shown) if ends[n]), default=0)
    replacement = release.replacement if is_policy else ""
    if kept < shown or replacement:
        ends = [len("".join(tokens[:n])) for n in (kept, shown)]
        out.append(Retracted(*ends, replacement))
    if reason is None:
        return [*out, Ended(halted=False)]
    n_passed = len(tokens) if session.soft_halted else reason.index
    ended = Ended(True, reason.halt_class, reason.code, reason.index, n_passed - shown)
    return [*out, ended]


def scorer_of(case, kernel):
    script = scripted(*case.scores)
    calls = count()

    def score(text):
        if next(calls) == case.stops_at:
            kernel.emergency_stop()
        return script(text)

    return score


def options_of(case):
    return {"on_fault": case.on_fault, "max_tokens": case.max_tokens, **case.limits.to_dict()}


def check_counts(session, got, case):
    """The counts in the session are those of the events, and what was kept was passed."""
    handed = sum(len(each.text) for each in got if isinstance(each, Released))
    assert len(session.released) == handed
    assert session.output.startswith(session.released)
    assert session.released.startswith(session.kept)
    screen = ""
    for each in got:
        if isinstance(each, Released):
            assert each.start == len(screen)
            screen += each.text
            assert each.end == len(screen)
        elif isinstance(each, Retracted):
            assert each.end == len(screen)
            screen = screen[: each.start] + each.text
    if got and isinstance(got[-1], Ended):
        replaced = any(isinstance(each, Retracted) for each in got)
        assert screen == session.kept + (case.release.replacement if replaced else "")


def run_sync(case, released):
    kernel = StreamingKernel(**options_of(case))
    source = Source(case.items)
    stream = kernel.stream(iter(source), scorer_of(case, kernel))
    plain, got = Plain(session=stream.session), []
    events = ReleasedStream(stream, case.release) if released else stream
    try:
        for event in events:
            got.append(event)
            if not released:
                plain.take(event)
            elif len(got) == case.leaves_after:
                events.close()
                assert source.closed
                break
    except Exception as raised:
        plain.error = raised
    return plain, got


def check_sync(seed):
    case = case_of(seed)
    plain, _ = run_sync(case, released=False)
    expected = expected_of(plain, case)
    ran, got = run_sync(case, released=True)

    session = ran.session
    if 0 <= case.leaves_after - 1 < len(expected):
        assert got == expected[: case.leaves_after], seed
        if session.halt_reason == "cancelled":
            assert session.n_released == session.n_kept
            check_counts(session, got, case)
        return
    assert got == expected, seed
    assert type(ran.error) is type(plain.error)
    assert session.tokens == plain.session.tokens
    assert session.halt_reason == plain.session.halt_reason
    check_counts(session, got, case)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which waiting takes no time."""

    def __init__(self):
        self.now = 0.0
        real = selectors.DefaultSelector()
        select = real.select

        def advance(timeout=None):
            if timeout:
                self.now += timeout
            return select(0)

        real.select = advance
        super().__init__(real)

    def time(self):
        return self.now


def in_virtual_time(work):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


async def timed_source(case, closings):
    try:
        for gap, item in zip(case.gaps, case.items, strict=False):
            await asyncio.sleep(gap)
            if isinstance(item, BaseException):
                raise item
            yield item
        await asyncio.sleep(case.gaps[-1])
    finally:
        closings.append("closed")


async def run_async(case, released):
    kernel = AsyncStreamingKernel(**options_of(case))
    closings = []
    stream = kernel.stream_tokens(timed_source(case, closings), scorer_of(case, kernel))
    plain, got = Plain(session=stream.session), []
    events = AsyncReleasedStream(stream, case.release) if released else stream
    now = asyncio.get_running_loop().time
    try:
        async for event in events:
            got.append(event)
            if not released:
                plain.take(event, now())
            elif len(got) == case.leaves_after:
                await events.aclose()
                break
    except Exception as raised:
        plain.error = raised
    plain.ended_at = now() if plain.ended_at is None else plain.ended_at
    return plain, got


def check_async(seed):
    case = case_of(seed, timed=seed % 2 == 0)
    plain, _ = in_virtual_time(run_async(case, released=False))
    expected = expected_of(plain, case)
    ran, got = in_virtual_time(run_async(case, released=True))

    session = ran.session
    if 0 <= case.leaves_after - 1 < len(expected):
        assert got == expected[: case.leaves_after], seed
        if session.halt_reason == "cancelled":
            check_counts(session, got, case)
        return
    assert got == expected, seed
    assert type(ran.error) is type(plain.error)
    assert session.tokens == plain.session.tokens
    assert session.n_early == sum(
        n_tokens(session, each) for each in got if isinstance(each, Released) and each.early
    )
    check_counts(session, got, case)


def n_tokens(session, released):
    """Return the tokens in a piece of text, by its place."""
    ends, length = [0], 0
    for token in session.tokens:
        length += len(token)
        ends.append(length)
    return ends.index(released.end) - ends.index(released.start)


@pytest.fixture(autouse=True)
def quiet(caplog):
    # Faults are logged with their traceback, thousands of times.
    caplog.set_level(60, "director_ai")


def test_a_stream_equals_a_naive_client():
    for seed in range(150):
        check_sync(seed)


def test_an_async_stream_equals_a_naive_client():
    for seed in range(100):
        check_async(seed)


@pytest.mark.slow
def test_four_thousand_streams_equal_a_naive_client():
    for seed in range(1_000, 5_000):
        check_sync(seed)


@pytest.mark.slow
def test_a_thousand_async_streams_equal_a_naive_client():
    for seed in range(10_000, 11_000):
        check_async(seed)


def released_of(tokens, release, *, score=None, **limits):
    stream = StreamingKernel(**limits).stream(tokens, score or (lambda text: 0.9))
    return list(ReleasedStream(stream, release)), stream.session


def test_without_a_policy_a_session_counts_nothing_and_its_text_is_its_output():
    session = StreamingKernel().stream_tokens(["a", "b"], scripted(0.9, 0.1))

    assert (session.release, session.n_released, session.n_kept, session.n_early) == (None,) * 4
    assert session.released == session.kept == session.output == "a"


def test_a_hard_limit_in_soft_mode_drops_what_is_held_and_a_soft_stop_shows_it():
    tokens = [" a", " b", " c", " d", "."]
    soft = {"halt_mode": "soft", "window_size": 2, "window_threshold": 0.7}

    _, cut = released_of(tokens, ReleasePolicy(2), score=scripted(0.9, 0.6, 0.6, 0.2), **soft)
    _, soft = released_of(tokens, ReleasePolicy(2), score=scripted(0.9, 0.6), **soft)

    assert (cut.halt_reason, cut.released) == ("hard_limit (0.2000 < 0.5)", " a")
    assert (soft.soft_halted, soft.released) == (True, " a b c d.")


def test_a_replacement_is_put_in_where_nothing_is_taken_back():
    got, session = released_of(
        ["a", "b"], ReleasePolicy(replacement="[withdrawn]"), score=scripted(0.9, 0.1)
    )

    assert got[-2] == Retracted(1, 1, "[withdrawn]")
    assert session.kept == "a"


def test_only_the_first_and_only_a_new_stream_is_released():
    stream = StreamingKernel().stream(["a", "b"], lambda text: 0.9)
    ReleasedStream(stream, ReleasePolicy())
    begun = StreamingKernel().stream(["a", "b"], lambda text: 0.9)
    next(begun)

    for used in (stream, begun):
        with pytest.raises(ValueError, match="stream must be a new one"):
            ReleasedStream(used, ReleasePolicy())


def test_a_sync_stream_refuses_a_time_it_cannot_keep():
    stream = StreamingKernel().stream(["a"], lambda text: 0.9)

    with pytest.raises(ValueError, match=r"max_hold_s must be 0 .* got 1\.5; Async"):
        ReleasedStream(stream, ReleasePolicy(max_hold_s=1.5))
    with pytest.raises(TypeError, match="stream must be a stream of the sync kernel, got 'a'"):
        ReleasedStream("a", ReleasePolicy())
    with pytest.raises(TypeError, match="policy must be a ReleasePolicy, got 8"):
        ReleasedStream(stream, 8)


def test_leaving_before_the_first_event_closes_the_record():
    stream = StreamingKernel().stream(["a"], lambda text: 0.9)
    ReleasedStream(stream, ReleasePolicy()).close()

    assert (stream.session.halt_reason, stream.session.n_released) == ("cancelled", 0)


def test_a_stalled_source_shows_what_passed_in_time_and_loses_no_token():
    async def go():
        loop = asyncio.get_running_loop()

        async def source():
            yield "a"
            yield "b"
            await asyncio.sleep(60)
            yield "c"

        stream = AsyncStreamingKernel().stream_tokens(source(), lambda text: 0.9)
        events = AsyncReleasedStream(stream, ReleasePolicy(8, max_hold_s=0.25))
        return [(loop.time(), event) async for event in events], stream.session

    got, session = in_virtual_time(go())
    assert got == [
        (0.0, Held(1)),
        (0.25, Released(0, 2, "ab", True)),
        (60.0, Held(1)),
        (60.0, Released(2, 3, "c", False)),
        (60.0, Ended(halted=False)),
    ]
    assert (session.n_released, session.n_early) == (3, 2)


def test_a_halted_stream_whose_source_is_slow_to_close_shows_nothing_early():
    class Source:
        def __init__(self):
            self.tokens = iter(["a", "b"])

        def __aiter__(self):
            return self

        async def __anext__(self):
            return next(self.tokens)

        async def aclose(self):
            await asyncio.sleep(0.4)

    async def go():
        stream = AsyncStreamingKernel().stream_tokens(Source(), scripted(0.9, 0.1))
        events = AsyncReleasedStream(stream, ReleasePolicy(8, max_hold_s=0.25))
        return [event async for event in events]

    got = in_virtual_time(go())
    assert got == [Held(1), Ended(True, "policy", "hard_limit", 1, 1)]


@pytest.mark.parametrize("max_hold_s", [0.0, 5.0])
def test_cancelled_while_it_waits_the_source_is_closed(max_hold_s):
    closings = []

    async def source():
        try:
            yield "a"
            await asyncio.sleep(3600)
        finally:
            closings.append("closed")

    async def go():
        stream = AsyncStreamingKernel().stream_tokens(source(), lambda text: 0.9)
        events = AsyncReleasedStream(stream, ReleasePolicy(8, max_hold_s=max_hold_s))

        async def read():
            async for _ in events:
                pass

        reading = asyncio.ensure_future(read())
        await asyncio.sleep(1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        return closings.copy(), reading.cancelled(), stream.session

    closed, cancelled, session = in_virtual_time(go())
    assert (closed, cancelled) == (["closed"], True)
    assert (session.halt_reason, session.n_released) == ("cancelled", 0)


class Counts:
    """A follower that reads the session at its end, as a recorder does."""

    def __init__(self, session):
        self.session = session
        self.seen = None

    def begin(self):
        pass

    def end(self):
        self.seen = (self.session.n_released, self.session.n_kept, self.session.n_early)


def test_a_follower_before_or_after_the_release_reads_the_same_counts():
    stream = StreamingKernel().stream(["a", "b.", "c"], scripted(0.9, 0.9, 0.1))
    before, after = Counts(stream.session), Counts(stream.session)
    stream.follow(before)
    events = ReleasedStream(stream, ReleasePolicy(1, at_halt="nothing"))
    stream.follow(after)
    list(events)

    assert before.seen == after.seen == (1, 0, 0)


def test_a_token_nobody_was_handed_is_not_counted_when_the_reader_leaves():
    async def score(text):
        if len(text) > 2:
            await asyncio.sleep(3600)
        return 0.9

    async def go():
        kernel = AsyncStreamingKernel(score_every_n=2, score_final=True)
        stream = kernel.stream_tokens(aiter(Source(["a", "b", "c"])), score)
        events = AsyncReleasedStream(stream, ReleasePolicy())
        got = [await anext(events)]
        reading = asyncio.ensure_future(anext(events))
        await asyncio.sleep(1)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        return got, stream.session

    got, session = in_virtual_time(go())
    assert got == [Released(0, 1, "a")]
    assert (session.token_count, session.halt_reason) == (3, "cancelled")
    assert (session.n_released, session.n_kept) == (1, 1)
