"""Keys of Streamlit's caches of text of others."""


def text_bytes(text: str) -> bytes:
    r"""Return text as the bytes by which a cache keyed by it tells it from others.

    Streamlit's own are UTF-8, which refuses half of a character; an id may have been cut there.

    >>> text_bytes("a"), text_bytes("\ud83d")
    (b'a', b'\xed\xa0\xbd')
    """
    return text.encode("utf-8", "surrogatepass")
