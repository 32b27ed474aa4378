"""Socket of one sync stream, whose reader can be woken from another thread.

By hand: the async stream driven on a loop of its own thread (``anyio``'s blocking portal) cannot
end while a name is being resolved, since asyncio joins its resolver's threads.
"""

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import httpcore

from director_ai.errors import SourceAbortedError, SourceError, SourceLostError
from director_ai.sources.chat.deadline import Deadline
from director_ai.sources.chat.source import ABORTED

T = TypeVar("T")
_Addresses = list[tuple[int, Any]]


class AbortableSocket(httpcore.NetworkBackend):
    """Connects, and waits no longer than the stream's deadline.

    Closing a response does not wake the thread that reads it; shutting its socket down does. The
    socket is therefore kept from the moment it exists, before it is connected.

    Parameters
    ----------
    deadline
        The limits of the stream.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        # Reentrant, as is the queue's put: a signal handler may abort amid any method, on the
        # very thread that runs it.
        self._holding = threading.RLock()
        self._socket: socket.socket | None = None
        self._wakes: queue.SimpleQueue[_Addresses | OSError | None] = queue.SimpleQueue()
        self._is_aborted = False

    def abort(self) -> None:
        """Wake whoever waits, from any thread; every later wait fails at once."""
        self._is_aborted = True
        self._wakes.put(None)
        with self._holding, contextlib.suppress(OSError):
            if self._socket is not None:
                # Not SSLSocket's own, which takes the TLS away from under a reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; only once nobody waits on it."""
        with self._holding:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    def sleep(self, seconds: float) -> None:
        """Wait; errors as in :meth:`wait`."""
        self._wake_or_none(seconds)
        self._check()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the deadline knows
        local_address: str | None = None,  # noqa: ARG002  # any will do
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  # none are set
    ) -> "SocketStream":
        """Return a connected stream; of several addresses the first that answers."""
        failure: object = "no address"
        for family, address in self._addresses(host, port):
            try:
                own = socket.socket(family, socket.SOCK_STREAM)
            except OSError as error:
                # A system may have no sockets of IPv6, and names with addresses of it.
                failure = error.strerror or error
                continue
            self._hold(own)
            try:
                self.wait(partial(own.connect, address))
            except SourceLostError as error:
                failure = error
                continue
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return SocketStream(self, own)
        raise SourceLostError(f"no connection to {host}:{port}: {failure}")

    def start_tls(self, context: ssl.SSLContext, name: str | None) -> "SocketStream":
        """Return the stream once more, encrypted."""
        assert self._socket is not None
        with self._holding:
            # The socket's number goes over to the new object, which must be the one to shut down.
            secure = context.wrap_socket(
                self._socket, server_hostname=name, do_handshake_on_connect=False
            )
            self._socket = secure
        try:
            self.wait(secure.do_handshake)
        except SourceLostError as error:
            raise SourceLostError(f"no secure connection to {name}: {error}") from None
        return SocketStream(self, secure)

    def wait(self, work: Callable[[], T]) -> T:
        """Return what ``work`` on the socket returns.

        Raises
        ------
        SourceAbortedError
            If the stream was aborted, before or meanwhile.
        SourceTimeoutError
            If a limit passed.
        SourceLostError
            If the socket failed.
        """
        own = self._socket
        assert own is not None
        left = self._check()
        failure: SourceError
        try:
            own.settimeout(left)
            result = work()
        except TimeoutError:
            failure = self._deadline.error
        except OSError as error:
            failure = SourceLostError(error.strerror or str(error))
        else:
            self._check_aborted()
            return result
        self._check_aborted()
        raise failure

    def _check(self) -> float:
        """Return the seconds left, more than 0."""
        self._check_aborted()
        left = self._deadline.left
        if left <= 0.0:
            raise self._deadline.error
        return left

    def _check_aborted(self) -> None:
        if self._is_aborted:
            raise SourceAbortedError(ABORTED)

    def _hold(self, own: socket.socket) -> None:
        self.close()
        with self._holding:
            self._socket = own

    def _wake_or_none(self, seconds: float) -> "_Addresses | OSError | None":
        with contextlib.suppress(queue.Empty):
            return self._wakes.get(timeout=max(0.0, seconds))
        return None

    def _addresses(self, host: str, port: int) -> "_Addresses":
        """Resolve a name on a thread that can be left behind: the resolver cannot be woken."""

        def resolve() -> None:
            try:
                answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                self._wakes.put([(family, address) for family, _, _, _, address in answers])
            except OSError as error:
                self._wakes.put(error)

        left = self._check()
        threading.Thread(target=resolve, name="director-resolver", daemon=True).start()
        answer = self._wake_or_none(left)
        self._check()
        answer = answer if answer is not None else OSError("the name was not resolved")
        if isinstance(answer, OSError):
            raise SourceLostError(f"no address of {host}: {answer.strerror or answer}")
        return answer


class SocketStream(httpcore.NetworkStream):
    """Network stream of the HTTP protocol over an abortable socket.

    Parameters
    ----------
    abortable
        Whose socket it is.
    own
        The socket.
    """

    def __init__(self, abortable: AbortableSocket, own: socket.socket) -> None:
        self._abortable = abortable
        self._socket = own

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  # as above
        """Return what has come; ``b""`` at the end. Errors as in :meth:`AbortableSocket.wait`."""
        try:
            return self._abortable.wait(partial(self._socket.recv, max_bytes))
        except SourceLostError as error:
            raise SourceLostError(f"the connection broke: {error}") from None

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # as above
        """Send all of ``buffer``; errors as in :meth:`AbortableSocket.wait`."""
        try:
            while buffer:
                sent = self._abortable.wait(partial(self._socket.send, buffer))
                buffer = buffer[sent:]
        except SourceLostError as error:
            # A server may refuse before it has read all; what it says is read then.
            raise httpcore.WriteError(str(error)) from None

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  # as above
    ) -> "SocketStream":
        """Return the stream once more, encrypted."""
        return self._abortable.start_tls(ssl_context, server_hostname)

    def close(self) -> None:
        """Close the socket."""
        self._abortable.close()

    def get_extra_info(self, info: str) -> Any:
        """Return the socket if asked for ``"socket"``, else ``None``."""
        return self._socket if info == "socket" else None
