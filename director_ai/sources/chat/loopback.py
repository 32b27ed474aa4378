"""Addresses that only this machine can reach."""

from ipaddress import ip_address


def is_loopback(host: str | None) -> bool:
    """Return whether only this machine can reach what listens on an address.

    Of names only ``localhost`` is one: any other may come to mean another machine.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("[::1]")
    (True, True, True)
    >>> is_loopback("0.0.0.0"), is_loopback("localhost.example.org"), is_loopback(None)
    (False, False, False)
    """
    if host is None:
        # Streamlit without an address listens on all of them.
        return False
    name = host.removeprefix("[").removesuffix("]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
