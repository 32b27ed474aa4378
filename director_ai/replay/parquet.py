"""Curves from an export, without a store."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from director_ai.core.halting.policy import HaltPolicy
from director_ai.core.halting.sentence import sentence_ends
from director_ai.errors import InvalidRecordError
from director_ai.replay.curves import Curves, ended_by_itself

_COLUMNS = ("tokens", "scores", "outcome", "policy")


def curves_of_parquet(path: str | Path) -> Curves:
    """Return the curves of every session of a Parquet export, in its order.

    Parameters
    ----------
    path
        A file that Director exported; only the columns that matter are read.

    Raises
    ------
    InvalidRecordError
        If it is no such file, or a damaged one.
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as file:
        try:
            found = pq.ParquetFile(file, page_checksum_verification=True)
            missing = sorted(set(_COLUMNS) - set(found.schema_arrow.names))
            table = None if missing else found.read(_COLUMNS, use_threads=False)
        except pa.ArrowException as error:
            raise InvalidRecordError(
                f"the file must be an undamaged Parquet file: {error}"
            ) from None
    if table is None:
        raise InvalidRecordError(
            f"columns must be those of an export of Director, got none named {', '.join(missing)}"
        )
    scores, tokens = table["scores"].to_pylist(), table["tokens"].to_pylist()
    policies = [HaltPolicy.from_dict(json.loads(text)) for text in table["policy"].to_pylist()]
    endings = table["outcome"].to_pylist()
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in scores])]).astype(np.int64)
    return Curves(
        np.array([score for each in scores for score in each], np.float64),
        offsets,
        np.array(list(map(ended_by_itself, scores, policies, endings)), bool),
        np.array(
            [
                end
                for texts, each in zip(tokens, scores, strict=True)
                # A token the scorer failed on has none.
                for end in sentence_ends(texts[: len(each)])
            ],
            bool,
        ),
    )
