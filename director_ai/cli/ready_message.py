"""Ready message of ``serve`` and ``demo``: one line of JSON once the app answers."""

import json
import os
from collections.abc import Callable
from typing import Final

from director_ai.cli.options.server import DEFAULT_HOST

_ALL_ADDRESSES: Final = {"0.0.0.0": DEFAULT_HOST, "::": "::1"}  # noqa: S104  # printed, not bound


def announcement(host: str, port: int, store: str | None) -> Callable[[bool], None]:
    """Return the function that replaces Streamlit's welcome message.

    Parameters
    ----------
    host, port
        Address and port of the server.
    store
        File or URL of the store; ``None`` for the samples.

    Examples
    --------
    >>> announcement("0.0.0.0", 8600, None)(False)
    {"url": "http://127.0.0.1:8600", "store": null, "pid": ...}
    """
    # A server that listens everywhere is reached by the address of this machine to itself.
    reached = _ALL_ADDRESSES.get(host, host)
    name = f"[{reached}]" if ":" in reached else reached

    def announce(_is_hello: bool) -> None:
        values = {"url": f"http://{name}:{port}", "store": store, "pid": os.getpid()}
        print(json.dumps(values), flush=True)

    return announce
