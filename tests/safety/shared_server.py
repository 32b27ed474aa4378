"""A server with a login, a store to show, and the provider where people say who they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, expect

from director_ai.storage.store import Store
from tests.browser.conftest import Server, settled
from tests.safety.identity_provider import CLIENT_ID, Provider
from tests.sources.fault_server import DONE, OK, FaultServer, chunk, sse

PAGES = ("/", "/sessions", "/monitor", "/review", "/tune", "/data", "/session")
ID = "kept"
WHAT_IS_KEPT = "only-for-those-who-are-let-in"

CLIENT_SECRET = "canary-of-the-client"
COOKIE_SECRET = "canary-of-the-cookies-" * 2
KEY_IN_SECRETS = "sk-canary-in-the-secrets"
KEY_IN_ENVIRONMENT = "sk-canary-in-the-environment"
CANARIES = (CLIENT_SECRET, COOKIE_SECRET, KEY_IN_SECRETS, KEY_IN_ENVIRONMENT)
"""Nobody may ever find one of them anywhere."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A server with a login."""

    server: Server
    store: Store
    secrets: Path
    provider: Provider
    model: FaultServer

    def write_secrets(self, *, viewers: list[str] = ["*@b.org"]) -> None:
        """Write what the server is told in confidence once more."""
        write_secrets(self.secrets, self.provider, self.model, viewers=viewers)


def indiscreet_model() -> FaultServer:
    """Return a model that is asked with a key and gives it as its name."""
    chunks = [chunk(text) for text in (" My", " key", " is hidden", ".")]
    end = chunk(None, "stop") | {"model": KEY_IN_ENVIRONMENT}
    return FaultServer({"told": [[OK, *map(sse, [*chunks, end]), DONE]]})


def write_secrets(
    file: Path, provider: Provider, model: FaultServer, *, viewers: list[str] = ["*@b.org"]
) -> Path:
    """Write the secrets of a server that leaves it to ``provider`` to know people."""
    # Written aside: the server must not read half a file.
    fresh = file.with_suffix(".new")
    fresh.write_text(
        f'KEY_IN_SECRETS = "{KEY_IN_SECRETS}"\n'
        "[auth]\n"
        'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        f'cookie_secret = "{COOKIE_SECRET}"\n'
        f'client_id = "{CLIENT_ID}"\n'
        f'client_secret = "{CLIENT_SECRET}"\n'
        f'server_metadata_url = "{provider.metadata_url}"\n'
        "[director.roles]\n"
        'operators = ["ann@a.org"]\n'
        f"viewers = {viewers}\n"
        "[director.endpoints.one]\n"
        'base_url = "http://127.0.0.1:9/v1"\n'
        'model = "tiny"\n'
        'key_env = "KEY_IN_SECRETS"\n'
        "[director.endpoints.other]\n"
        f'base_url = "{model.url("told")}"\n'
        'model = "tiny"\n'
        'key_env = "KEY_IN_ENVIRONMENT"\n'
    )
    fresh.replace(file)
    return file


def person(address: str, **claims: object) -> Mapping[str, object]:
    return {"email": address, "email_verified": True, **claims}


def sign_in(page: Page, server: Server, name: str) -> None:
    """Sign in through the provider, from whatever page asks for it."""
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(re.escape(server.url)))
    known = page.get_by_role("button", name=re.compile("Account|Sign out"))
    expect(known.first).to_be_visible()
    settled(page)
