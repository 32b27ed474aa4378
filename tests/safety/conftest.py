"""The browser tests' server and Chromium, and a trap for whatever leaves this machine."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from director_ai.storage.store import Store
from tests.storage.records import record

if TYPE_CHECKING:
    from tests.safety.shared_server import Shared

pytest.importorskip("playwright.sync_api")

from tests.browser.conftest import (  # noqa: E402  (after importorskip)
    chromium,  # noqa: F401  (a fixture)
    serve,  # noqa: F401  (a fixture)
    servers,
)


@dataclass(slots=True)
class Trap:
    """A server, and a proxy, that nothing may ever ask for anything."""

    url: str = ""
    asked: list[str] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """Return the environment in which a process asks the trap for other machines."""
        return {
            "http_proxy": self.url,
            "https_proxy": self.url,
            "no_proxy": "127.0.0.1,localhost",
        }


@pytest.fixture(scope="session")
def trap() -> Iterator[Trap]:
    found = Trap()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(f"{self.command} {self.path}")
            self.send_response(204)
            self.end_headers()

        do_POST = do_CONNECT = do_OPTIONS = do_HEAD = do_GET

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        found.url = f"http://127.0.0.1:{listener.server_address[1]}"
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield found
        listener.shutdown()


@pytest.fixture(scope="session")
def shared(
    trap: Trap,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator["Shared"]:
    """A server with a login; the people are an operator, a viewer and one who is neither."""
    pytest.importorskip("authlib", reason="NO LOGIN WAS TRIED: pip install '.[login]'")
    from tests.safety import shared_server as of
    from tests.safety.identity_provider import running

    folder = tmp_path_factory.mktemp("shared")
    mallory = f"<img src=x onerror=window.pwned=1>![]({trap.url}/m)@evil.org"
    people = {
        "Ann": of.person("ann@a.org"),
        "Vi": of.person("vi@b.org"),
        "Mallory": of.person(mallory, name=mallory),
    }
    with (
        servers(tmp_path_factory) as start,
        running(people, of.CLIENT_SECRET) as provider,
        of.indiscreet_model() as model,
        Store(folder / "sessions.db") as store,
    ):
        kept = of.WHAT_IS_KEPT
        store.add([record(of.ID, prompt=kept, tags=(kept,))])
        secrets = of.write_secrets(folder / "secrets.toml", provider, model)
        env = {
            **trap.env,
            "DIRECTOR_STORE": store.name,
            "STREAMLIT_SECRETS_FILES": str(secrets),
            "KEY_IN_ENVIRONMENT": of.KEY_IN_ENVIRONMENT,
        }
        yield of.Shared(start(env=env), store, secrets, provider, model)
