"""``director-ai serve`` and ``director-ai demo``: the app in a browser."""

import ctypes
import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit
from streamlit import net_util
from streamlit.config import get_config_files
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import bootstrap
from streamlit.web import cli as streamlit_cli
from streamlit.web.server.starlette import starlette_server
from streamlit.web.server.starlette.starlette_app import create_starlette_app
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from director_ai.access.login import Login
from director_ai.access.response_headers import SecuredResponses, content_security_policy
from director_ai.access.secrets_toml import read_secrets
from director_ai.access.trusted_hosts import TrustedHosts
from director_ai.cli.exit_status import CommandError, Status
from director_ai.cli.open_store import STORE_VARIABLE, address_of, changing
from director_ai.cli.options.policy import check_scorer, policy_file
from director_ai.cli.options.server import DEFAULT_HOST
from director_ai.cli.output import counted, note, working
from director_ai.cli.ready_message import announcement
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.errors import InvalidLoginError
from director_ai.monitoring.month import N_DAYS, fill_month
from director_ai.reports.policy_formats import POLICY_VARIABLE, as_json, parse_policy
from director_ai.sources.chat.loopback import is_loopback
from director_ai.sources.sample_sessions import app_root
from director_ai.storage.engine.clock import now_us
from director_ai.storage.engine.database import file_of
from director_ai.storage.engine.errors import as_store_error
from director_ai.storage.store import Store

UNLABELLED_DAYS = 2
"""Days at the end of the generated month whose audits wait for labels."""

LOGIN_VARIABLE = "DIRECTOR_LOGIN"
"""Environment variable that makes the app demand a login."""

SECRETS_VARIABLE = "STREAMLIT_SECRETS_FILES"
"""Environment variable of Streamlit that names other secrets files than its usual ones."""

_SEAM: Final = (
    (PagesManager, "uses_pages_directory"),
    (net_util, "get_external_ip"),
    (starlette_server, "create_starlette_app"),
    (bootstrap, "_print_url"),
)
"""Names of Streamlit that are replaced below. None of them is public: another version may lack
one, and replacing it would change nothing without a word."""

_M_ARENA_MAX: Final = -8
"""Parameter of glibc's mallopt: how many stocks of free memory there are."""

_M_MMAP_THRESHOLD: Final = -3
_MAPPED_BYTES: Final = 2**19
"""Another: from which size on memory is the system's again as soon as it is free."""

for _owner, _name in _SEAM:
    if not hasattr(_owner, _name):
        raise ImportError(
            f"streamlit must be of version 1.67, got {streamlit.__version__}, whose "
            f"{_owner.__name__} has no {_name}; pip install 'streamlit~=1.67.0'"
        )


def serve(args: Namespace) -> int:
    """Open the app on the args store, which is made if it is not there."""
    login = _login()
    if login is None and not is_loopback(args.host):
        raise CommandError(
            f"host must be {DEFAULT_HOST} or localhost as long as there is no login, got "
            f"{args.host!r}, which other machines can reach; describe one in the sections auth "
            "and director.roles of .streamlit/secrets.toml, as the README shows",
            Status.REFUSED,
        )
    # An error of the store is printed here, where someone reads it.
    with changing(args, may_create=True) as store:
        note(f"{store.name} holds {counted(store.count(), 'session')}.")
    limits = policy_file(args)
    if limits is not None:
        if not args.any_scorer:
            own = CoherenceScorer().scorer_identity
            check_scorer(limits, args.policy, own, "--any-scorer takes them all the same")
        os.environ[POLICY_VARIABLE] = as_json(limits)
    elif os.environ.get(POLICY_VARIABLE):
        # An error of it is printed here, where someone reads it.
        parse_policy(os.environ[POLICY_VARIABLE], "json", name=POLICY_VARIABLE)
    address = address_of(args)[0]
    file = file_of(address)
    os.environ[STORE_VARIABLE] = address if file is None else str(file.expanduser().absolute())
    return _start(args, args.host, login)


def _share_memory() -> None:
    """Have the threads of the server share their free memory, where glibc gives each its own.

    Each script runs in a thread of its own; what one has freed would not be had by the next. The
    arrays of a large store would be kept, once freed, between what is still in use.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


def demo(args: Namespace) -> int:
    """Open the app on the samples, or a generated month, in a store that goes when it ends."""
    os.environ.pop(STORE_VARIABLE, None)
    os.environ.pop(POLICY_VARIABLE, None)
    if not args.month:
        return _start(args, DEFAULT_HOST, _login())
    with tempfile.TemporaryDirectory(prefix="director-month-") as folder:
        file = Path(folder) / "month.db"
        with (
            Store(file) as store,
            as_store_error(store.name),
            working("Generating a month of production"),
        ):
            fill_month(store, now_us=now_us(), labelled_days=N_DAYS - UNLABELLED_DAYS)
        os.environ[STORE_VARIABLE] = str(file)
        return _start(args, DEFAULT_HOST, _login())


def _login() -> Login | None:
    # Streamlit itself looks there only once it runs.
    files = os.environ.get(SECRETS_VARIABLE, "").split() or get_config_files("secrets.toml")
    try:
        return Login.from_secrets(read_secrets(files))
    except InvalidLoginError as error:
        raise CommandError(f"{error} (in the secrets of this server)", Status.REFUSED) from None


def _start(args: Namespace, host: str, login: Login | None) -> int:
    _share_memory()
    if login is None:
        os.environ.pop(LOGIN_VARIABLE, None)
    else:
        os.environ[LOGIN_VARIABLE] = "required"
        note(f"People sign in at {login.url.replace('{port}', str(args.port))}.")
    # Beside a folder named pages, Streamlit takes the first address of a fresh server for an
    # unknown page and says so in a dialog, until st.navigation has run once.
    PagesManager.uses_pages_directory = False
    # Whenever a page elsewhere tries to reach the app, Streamlit would ask a server on the
    # internet for this machine's address, to compare.
    net_util.get_external_ip = _unknown
    # By itself Streamlit checks the Host header of its websocket only.
    starlette_server.create_starlette_app = _guarded(login)  # type: ignore[attr-defined, assignment]
    if args.json:
        store = os.environ.get(STORE_VARIABLE)
        bootstrap._print_url = announcement(host, args.port, store)  # type: ignore[assignment]
    sys.argv = [
        "streamlit",
        "run",
        str(app_root() / "app.py"),
        f"--server.port={args.port}",
        f"--server.address={host}",
        f"--server.headless={'true' if args.no_browser else 'false'}",
        "--server.fileWatcherType=none",
        "--browser.gatherUsageStats=false",
        *(["--logger.hideWelcomeMessage=true"] if args.json else []),
        *_hosts(host, login),
        # Details of an error are for the log; the page says only that there was one.
        *([] if login is None else ["--client.showErrorDetails=none"]),
    ]
    return int(streamlit_cli.main(standalone_mode=False) or 0)


def _hosts(host: str, login: Login | None) -> Iterator[str]:
    """Yield, as options, the names by which browsers may know this server.

    A page elsewhere could otherwise reach it through a name that it resolves to us.
    """
    names = {"localhost", DEFAULT_HOST, *([] if host in ("0.0.0.0", "::") else [host])}  # noqa: S104
    for name in sorted(names if login is None else {*names, login.host}):
        yield f"--server.allowedHosts={name}"


def _guarded(login: Login | None) -> Callable[[Any], Any]:
    """Return the stand-in for the function that makes Streamlit's web application."""
    url = urlsplit("" if login is None else login.url)
    is_https = url.scheme == "https"
    index_page = Path(streamlit.__file__).parent / "static" / "index.html"
    policy = content_security_policy(
        index_page.read_text(encoding="utf-8"), f"wss://{url.netloc}" if is_https else ""
    )

    def application(runtime: Any) -> Any:
        trusted = TrustedHosts(create_starlette_app(runtime), is_host_allowed)
        return SecuredResponses(trusted, policy, has_secure_cookies=is_https)

    return application


def _unknown() -> None:
    """Stand in for the question what this machine's address on the internet is."""
