"""The other contract: an ASGI application, a driver for it, and what happens when the two are mixed up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from labs.wsgi.apps.hello import sample

Message = dict[str, Any]
BODY = b"Hello from ASGI\n"


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    await receive()
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


def as_wsgi(
    asgi: Callable[..., Any], tell: Callable[[str, Message], None] = lambda what, message: None
) -> Any:
    """An ASGI application as a WSGI application: what the adapter a2wsgi does, in its smallest form."""

    def adapter(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body: list[bytes] = []
        scope = scope_of(environ)
        tell("scope", scope)

        async def receive() -> Message:
            message = {"type": "http.request", "body": b"", "more_body": False}
            tell("receive", message)
            return message

        async def send(message: Message) -> None:
            tell("send", message)
            if message["type"] == "http.response.start":
                headers = [
                    (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
                ]
                start_response(f"{message['status']} OK", headers)
            else:
                body.append(message.get("body", b""))

        asyncio.run(asgi(scope, receive, send))
        return body

    return adapter


def scope_of(environ: dict[str, Any]) -> dict[str, Any]:
    """The scope of a request: what environ is in WSGI."""
    headers = [
        (k[5:].replace("_", "-").lower().encode(), v.encode())
        for k, v in environ.items()
        if k.startswith("HTTP_")
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": environ["SERVER_PROTOCOL"].removeprefix("HTTP/"),
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"].encode("latin-1").decode(),
        "query_string": environ["QUERY_STRING"].encode(),
        "headers": headers,
        "client": (environ.get("REMOTE_ADDR", ""), 0),
    }


def driven(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that drives the ASGI one, and answers with what went to and fro."""
    told: list[tuple[float, str, Message]] = []
    began = time.perf_counter()

    def tell(what: str, message: Message) -> None:
        told.append((round((time.perf_counter() - began) * 1000, 3), what, message))

    answered = as_wsgi(app, tell)(environ, lambda *arguments: None)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"messages": told, "body": b"".join(answered).decode()}, default=_plain).encode()]


def reversed_roles(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application called as an ASGI server would, and what comes of it."""

    async def nobody(*message: Any) -> Message:
        return {}

    try:
        sample(scope_of(environ), nobody, nobody)  # type: ignore[call-arg]
        said = "nothing"
    except TypeError as error:
        said = f"TypeError: {error}"
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [said.encode()]


def _plain(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)
