"""One question and its answer over HTTPS (DoH, RFC 8484), by hand over httpx.

dnspython's own DoH wants another HTTP client, and the protocol is a POST. HTTP/2 is offered when h2 is
installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from labctl.dns_transport.failures import Deadline, SocketAddress, failure_of
from labctl.dns_transport.stream import tls_reason
from labctl.internet import Reply

if TYPE_CHECKING:
    import ssl

    import httpx

MEDIA_TYPE = "application/dns-message"


class _NotAnAnswerError(Exception):
    """The HTTP exchange worked and is not an answer."""


def https(
    url: str,
    wire: bytes,
    *,
    timeout: float,
    clock: Callable[[], float],
    context: ssl.SSLContext | None = None,
    connect_to: SocketAddress | None = None,
) -> Reply:
    """POST the message to `url` and read one message. `timeout` in seconds covers all of it.

    `connect_to` is the socket address to open instead of resolving the URL's host (which asks the system's
    resolver, and that knows no deadline); host header and certificate name stay the URL's. The id on the wire
    is 0 (RFC 8484 section 4.1, for caches) and the question's in the reply. Anything but 200 with
    application/dns-message is the failure "http" with what came instead. Redirects are not followed and no
    proxy is used: the question goes where it was meant to go.
    """
    import ssl

    import httpcore
    import httpx

    sent_at = clock()
    context = context or ssl.create_default_context()
    deadline = Deadline(timeout)
    try:
        with (
            httpx.Client(
                transport=_transport(context, deadline, connect_to), trust_env=False, timeout=timeout
            ) as client,
            client.stream(
                "POST",
                url,
                content=b"\0\0" + wire[2:],
                # No compression: there is nothing to win, and a small body may not become a large one.
                headers={"content-type": MEDIA_TYPE, "accept": MEDIA_TYPE, "accept-encoding": "identity"},
            ) as response,
        ):
            answer = _message(response)
            detail = f"{response.http_version} {response.status_code}"
    except _NotAnAnswerError as error:
        return Reply(None, sent_at, clock(), "https", "http", str(error))
    except (httpcore.TimeoutException, TimeoutError):
        return Reply(None, sent_at, clock(), "https", "timeout")
    except (httpcore.NetworkError, OSError) as error:
        # httpcore wraps the socket's own error; the innermost one has the errno and OpenSSL's reason.
        cause = _innermost(error)
        if isinstance(cause, ssl.SSLError):
            return Reply(None, sent_at, clock(), "https", "tls", tls_reason(cause))
        return Reply(None, sent_at, clock(), "https", *failure_of(cause))
    except (
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
        httpx.HTTPError,
        httpx.InvalidURL,
        ValueError,
    ) as error:
        return Reply(None, sent_at, clock(), "https", "http", f"this is not HTTP as it should be: {error}")
    if answer[:2] == b"\0\0":
        answer = wire[:2] + answer[2:]
    return Reply(answer, sent_at, clock(), "https", detail=detail)


def _message(response: httpx.Response) -> bytes:
    """The body of a good response, at most 65535 bytes."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != 200:
        where = f", to {response.headers['location']}" if "location" in response.headers else ""
        raise _NotAnAnswerError(f"status {response.status_code} {response.reason_phrase}".rstrip() + where)
    if kind != MEDIA_TYPE:
        raise _NotAnAnswerError(f"content type {kind or '(none)'}, not {MEDIA_TYPE}")
    if (coding := response.headers.get("content-encoding", "identity")) != "identity":
        raise _NotAnAnswerError(f"content encoding {coding}, which was not asked for")
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > 65535:
            raise _NotAnAnswerError("the body is longer than a DNS message can be (65535 bytes)")
    return bytes(body)


def _innermost(error: BaseException) -> BaseException:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return error


def _transport(
    context: ssl.SSLContext, deadline: Deadline, connect_to: SocketAddress | None
) -> httpx.BaseTransport:
    """An httpx transport over httpcore with one deadline for everything and, if wanted, one fixed address.

    httpx's own time-outs are per read: a server that drips one byte a second would never meet them.
    """
    import importlib.util

    import httpcore
    import httpx

    class Bounded(httpcore.NetworkStream):
        def __init__(self, inner: httpcore.NetworkStream) -> None:
            self._inner = inner

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self._inner.read(max_bytes, deadline.left())

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._inner.write(buffer, deadline.left())

        def close(self) -> None:
            self._inner.close()

        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,
        ) -> httpcore.NetworkStream:
            return Bounded(self._inner.start_tls(ssl_context, server_hostname, deadline.left()))

        def get_extra_info(self, info: str) -> Any:
            return self._inner.get_extra_info(info)

    class Dialer(httpcore.NetworkBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> httpcore.NetworkStream:
            host, port = connect_to or (host, port)
            return Bounded(
                httpcore.SyncBackend().connect_tcp(host, port, deadline.left(), local_address, socket_options)
            )

    class Body(httpx.SyncByteStream):
        def __init__(self, response: httpcore.Response) -> None:
            self._response = response

        def __iter__(self) -> Iterator[bytes]:
            yield from self._response.iter_stream()

        def close(self) -> None:
            self._response.close()

    class Transport(httpx.BaseTransport):
        def __init__(self) -> None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=context,
                http2=importlib.util.find_spec("h2") is not None,
                network_backend=Dialer(),
            )

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
            return httpx.Response(
                response.status,
                headers=response.headers,
                stream=Body(response),
                extensions=response.extensions,
            )

        def close(self) -> None:
            self._pool.close()

    return Transport()
