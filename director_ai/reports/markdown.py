"""Markdown escaping: text of others that must not be taken for markup."""

import html
import re
from typing import Final

from director_ai.reports.visible_text import visible

# A forge notifies whoever is mentioned, links an issue to the note, and makes addresses links.
_REFERENCE: Final = re.compile(
    r"@(?=\w)|[#!~$%](?=\d)|\bGH-(?=\d)|:(?=//)|\bwww(?=\.)", re.IGNORECASE
)
_BREAK: Final = "<!-- -->"


def escape_markdown(text: str) -> str:
    r"""Return ``text`` for a line or a table's cell: no tag, link, picture or line break.

    Mentions, references to issues and bare addresses are parted by a comment, which shows nothing:
    no forge takes them for more than text.

    >>> escape_markdown("a|b ![](http://x) <b>\nc")
    'a\\|b !\\[](http:<!-- -->//x) &lt;b&gt; c'
    >>> escape_markdown("@ann, see #1")
    '@<!-- -->ann, see #<!-- -->1'
    """
    # A bar would end a table's cell; everything else that marks up goes as HTML would.
    line = " ".join(html.escape(visible(text)).split())
    line = _REFERENCE.sub(lambda match: match[0] + _BREAK, line)
    return line.replace("|", "\\|").replace("[", "\\[")


def fenced(text: str) -> str:
    r"""Return ``text`` as a block of its own, fenced so that nothing in it can end the block.

    >>> print(fenced("a ``` b"))
    ````text
    a ``` b
    ````
    """
    shown = visible(text)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"
