"""The strip of streams tells which are told of late."""

from director_ai import HaltPolicy
from director_ai.figures.small_multiples import multiple
from director_ai.storage.live_streams import LiveStream
from director_ai.ui.live.recording_strip import LiveStreams, heading, tile


def stream(id: str, silent_s: float, outcome: str = "recording") -> LiveStream:
    policy = HaltPolicy()
    return LiveStream(id, "app", "m", 0, True, policy, outcome, 12, None, 0, (0.9,), silent_s)


def shown(*streams: LiveStream) -> LiveStreams:
    return LiveStreams(list(streams), [multiple(each.scores, each.policy) for each in streams])


def test_a_stream_whose_recorder_lags_says_how_old_its_news_is() -> None:
    live = shown(stream("late", 7.4), stream("prompt", 1.0), stream("over", 9.0, "completed"))

    states = [
        tile(each, drawn, focused=False).state
        for each, drawn in zip(live.streams, live.multiples, strict=True)
    ]
    assert states[0] == "12 tokens, 7 s ago"
    assert "ago" not in states[1] + states[2]
    assert heading(live) == "2 being recorded now · recorders up to 7 s behind · 1 just ended"
    assert heading(live.without("late")) == "1 being recorded now · 1 just ended"
