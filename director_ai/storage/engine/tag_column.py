"""Tags in a column: JSON in which a tag can be searched for without being taken for another."""

import json
from collections.abc import Sequence


def tags_text(tags: Sequence[str]) -> str:
    r"""Return the JSON of some tags; each starts a line, and no line break stands within one.

    >>> tags_text(["x", "a, b"])
    '[\n"x",\n"a, b"\n]'
    """
    return json.dumps(list(tags), ensure_ascii=False, indent=0) if tags else "[]"


def tag_text(tag: str) -> str:
    r"""Return the part of :func:`tags_text` that is there exactly if this tag is among them.

    >>> tag_text('x"prod')
    '\n"x\\"prod"'
    """
    return "\n" + json.dumps(tag, ensure_ascii=False)
