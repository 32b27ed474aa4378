"""Escaping of text that others wrote, for HTML and for Plotly."""

import html
import re

from director_ai.reports.visible_text import visible

__all__ = ["escape_html", "escape_label", "file_name", "visible"]


def escape_html(text: str) -> str:
    """Return ``text``, made visible, for use in HTML or in a quoted attribute.

    >>> escape_html('<img src="x">')
    '&lt;img src=&quot;x&quot;&gt;'
    """
    return html.escape(visible(text), quote=True)


def escape_label(text: str) -> str:
    """Return ``text``, made visible, for use in a Plotly label, tick or hover text.

    Plotly reads a little HTML but not ``&quot;``, which it would show as such.

    >>> escape_label('<a href="x">')
    '&lt;a href="x"&gt;'
    """
    return html.escape(visible(text), quote=False)


def file_name(text: str) -> str:
    """Return ``text`` reduced to characters that any file system takes, at most 60.

    >>> file_name("../a b"), file_name("…")
    ('a-b', 'unnamed')
    """
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:60] or "unnamed"
