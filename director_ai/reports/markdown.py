"""Markdown escaping: text of others that must not be taken for markup."""

import html
import re

from director_ai.reports.visible_text import visible


def escape_markdown(text: str) -> str:
    r"""Return ``text`` for a line or a table's cell: no tag, no link, no picture, no line break.

    >>> escape_markdown("a|b ![](http://x) <b>\nc")
    'a\\|b !\\[](http://x) &lt;b&gt; c'
    """
    # A bar would end a table's cell; everything else that marks up goes as HTML would.
    line = " ".join(html.escape(visible(text)).split())
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
