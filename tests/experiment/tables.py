"""Tables of labelled sessions as researchers have them."""

import numpy as np
import pandas as pd


def rows(n_sessions: int = 60, *, seed: int = 0) -> list[dict[str, object]]:
    """Return sessions with labels, onsets and groups, some of them unlabelled or cut."""
    random = np.random.default_rng(seed)
    made = []
    for place in range(n_sessions):
        n_tokens = int(random.integers(8, 40))
        scores = np.clip(random.normal(0.8, 0.06, n_tokens), 0.0, 1.0)
        label, onset = "good", None
        if place % 3 == 0:
            label, onset = "bad", int(random.integers(2, n_tokens - 2))
            scores[onset:] = np.clip(scores[onset:] - random.uniform(0.05, 0.6), 0.0, 1.0)
        made.append(
            {
                "id": f"s{place}",
                "scores": scores.round(4).tolist(),
                "label": None if place % 11 == 5 else label,
                "onset": None if place % 11 == 5 else onset,
                "group": f"prompt {place // 2}",
                "model": ("small", "large")[place % 2],
                "complete": place % 13 != 7,
            }
        )
    return made


def awkward_frame(n_sessions: int = 60) -> pd.DataFrame:
    """Return the same as pandas leaves it: NaN labels, categories, nullable and float columns."""
    frame = pd.DataFrame(rows(n_sessions))
    frame["label"] = frame["label"].map({"good": 0.0, "bad": 1.0})
    frame["group"] = frame["group"].astype("category")
    frame["model"] = frame["model"].astype("string")
    frame["onset"] = frame["onset"].astype("Int64")
    frame["complete"] = frame["complete"].astype("boolean")
    frame["scores"] = [np.array(scores) for scores in frame["scores"]]
    return frame
