"""A small OpenID Connect provider: discovery, a page to choose who one is, signed tokens."""

import hashlib
import html
import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "director"


@dataclass(slots=True)
class Provider:
    """A provider that runs, and the people it knows.

    Attributes
    ----------
    people
        By the name on their button, the claims they bear.
    client_secret
        What the server must prove to know.
    """

    people: Mapping[str, Mapping[str, Any]]
    client_secret: str
    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    given: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    """Codes not yet exchanged: for whom, and with what the browser came."""

    @property
    def metadata_url(self) -> str:
        return f"{self.url}/.well-known/openid-configuration"

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def choose(self, query: Mapping[str, str]) -> str:
        """Return a page with a link for everyone who might be coming in."""
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        links = []
        for name in self.people:
            code = secrets.token_urlsafe(16)
            self.given[code] = name, query
            back = f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"
            links.append(f'<p><a href="{html.escape(back)}">{html.escape(name)}</a></p>')
        return f"<!doctype html><title>Who are you?</title>{''.join(links)}"

    def exchange(self, form: Mapping[str, str], authorization: str) -> dict[str, Any]:
        """Return the tokens of a code, once."""
        basic = b64decode(authorization.removeprefix("Basic ")).decode()
        assert basic == f"{CLIENT_ID}:{self.client_secret}"
        name, query = self.given.pop(form["code"])
        verifier = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert urlsafe_b64encode(verifier).decode().rstrip("=") == query["code_challenge"]
        assert form["redirect_uri"] == query["redirect_uri"]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": query["nonce"],
            "sub": name,
            **self.people[name],
        }
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self.key)
        return {
            "access_token": secrets.token_urlsafe(16),
            "id_token": token,
            "token_type": "Bearer",
            "expires_in": 300,
        }


@contextmanager
def running(people: Mapping[str, Mapping[str, Any]], client_secret: str) -> Iterator[Provider]:
    """Run a provider on this machine until the block ends."""
    provider = Provider(people, client_secret)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self.answer(json.dumps(provider.metadata()))
            elif parts.path == "/jwks":
                self.answer(json.dumps({"keys": [provider.key.as_dict(private=False)]}))
            elif parts.path == "/authorize":
                self.answer(provider.choose(query), "text/html; charset=utf-8")
            elif parts.path == "/end":
                self.send_response(302)
                self.send_header("Location", query["post_logout_redirect_uri"])
                self.end_headers()
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[-1] for name, values in parse_qs(body).items()}
            self.answer(json.dumps(provider.exchange(form, self.headers["Authorization"])))

        def answer(self, text: str, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        provider.url = f"http://127.0.0.1:{listener.server_address[1]}"
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield provider
        listener.shutdown()
