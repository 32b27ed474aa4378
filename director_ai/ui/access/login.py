"""Login: the visitor, their role, and the door in front of every page."""

import logging
import os
from typing import Any, NamedTuple

import streamlit as st

from director_ai.access.login import Login
from director_ai.access.secrets_toml import refuse_unread
from director_ai.errors import InvalidLoginError
from director_ai.sources.chat.loopback import is_loopback
from director_ai.storage.roles import Role
from director_ai.ui.components.status_banner import notice, status

LOGIN_VARIABLE = "DIRECTOR_LOGIN"
"""Set once this server has a login: settings that vanish must not open the door."""

logger = logging.getLogger(__name__)


class Visitor(NamedTuple):
    """Whoever a page is drawn for.

    Attributes
    ----------
    name
        The address they signed in with; ``""`` where nobody signs in.
    role
        Their role; ``None`` if they may do nothing.
    """

    name: str
    role: Role | None


def secrets() -> dict[str, Any]:
    """Return the secrets of the server; empty if there are none.

    Raises
    ------
    InvalidLoginError
        If a file of secrets is there and cannot be read.
    """
    if st.secrets.load_if_toml_exists():
        return st.secrets.to_dict()
    refuse_unread(st.get_option("secrets.files"))
    return {}


def login() -> Login | None:
    """Return the server's login, or ``None`` if it has none.

    Raises
    ------
    InvalidLoginError
        If it has one that cannot work.
    """
    configured = Login.from_secrets(secrets())
    if configured is not None:
        os.environ[LOGIN_VARIABLE] = "required"
    elif os.environ.get(LOGIN_VARIABLE):
        raise InvalidLoginError("the login this server began with must not vanish; restart it")
    return configured


def is_shared() -> bool:
    """Return whether others than this machine's user may be looking.

    So they may where the server can be reached from other machines, or has a login.
    """
    try:
        return _is_reachable() or login() is not None
    except InvalidLoginError:
        return True


def visitor() -> Visitor:
    """Return who this page is drawn for."""
    try:
        current = login()
    except InvalidLoginError:
        return Visitor("", None)
    if current is None:
        return Visitor("", None if _is_reachable() else "operator")
    claims = st.user.to_dict()
    if claims.get("is_logged_in") is not True:
        return Visitor("", None)
    # Without an address a name is all there is to say who was refused.
    name = claims.get("email") or claims.get("name") or claims.get("sub") or "somebody"
    return Visitor(str(name), current.roles.role_of(claims))


def admit() -> bool:
    """Return whether the visitor may see the pages; if not, say what to do instead."""
    guest = visitor()
    if guest.role is not None:
        return True
    try:
        current = login()
    except InvalidLoginError as error:
        logger.warning("nobody is let in: %s", error)
        status("Nobody can sign in.", "The login of this server is not set up; its log says why.")
        return False
    if current is None:
        status(
            "This server is closed.",
            "Other machines can reach it, and it has no login. The README tells how to add one.",
        )
    elif guest.name:
        status("You have no access.", f"{guest.name} is signed in, but on no list of this server.")
        _sign_out()
    else:
        status("Please sign in.", "Director shows its sessions to those it knows.")
        for provider in current.providers or ("",):
            st.button(
                f"Sign in with {provider}" if provider else "Sign in",
                key=f"sign_in_{provider}",
                type="primary",
                icon=":material/login:",
                on_click=st.login,
                args=(provider or None,),
            )
    return False


def recheck_access() -> None:
    """Draw the whole page anew if the visitor may not see it any more.

    To be called first by whatever is drawn by itself, again and again: it runs without the page
    around it, and so without its door.
    """
    if visitor().role is None:
        st.rerun()


def account() -> None:
    """Draw who is signed in, in the corner of the page; nothing where nobody signs in."""
    guest = visitor()
    if not guest.name:
        return
    with st.container(key="account", horizontal=True, vertical_alignment="center"):
        if guest.role == "viewer":
            notice("You are a viewer here: nothing can be changed.")
        with st.popover("Account", icon=":material/account_circle:", key="account_menu"):
            notice(f"{guest.name}, {guest.role}")
            _sign_out()


def _is_reachable() -> bool:
    """Return whether other machines can reach this server."""
    return not is_loopback(st.get_option("server.address"))


def _sign_out() -> None:
    st.button("Sign out", key="sign_out", icon=":material/logout:", on_click=st.logout)
