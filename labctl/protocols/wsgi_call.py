"""Calling a WSGI application once, as PEP 3333 wants it: the call, the body, and close() whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.protocols.wsgi_contract import Application, ContractBroken, Environ, breach, shown
from labctl.protocols.wsgi_response import Pieces, WsgiResponse


def call(
    app: Application, environ: Environ, response: WsgiResponse, transmit: Callable[[Pieces], object]
) -> BaseException | None:
    """Run `app` to its end and send what it says. Returns what was raised, ContractBroken too; then call `fail`.

    What `transmit` raises is returned as well: the one that sends knows whether it was its own.
    """
    result: Any = None
    raised: BaseException | None = None
    try:
        result = app(environ, response.start_response)
        if isinstance(result, (list, tuple)):
            transmit(response.whole(result))
        else:
            _refuse_others(result, response)
            alone = _count(result) == 1
            for item in result:
                if pieces := response.item(item, alone=alone):
                    transmit(pieces)
                if response.full:
                    break
            if pieces := response.end():
                transmit(pieces)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit of a view too: it ends the request, not the server
        raised = error
    finally:
        response.ended = True
        if (close := getattr(result, "close", None)) is not None:
            try:
                close()
            except BaseException as error:
                response.broken.append(breach("close-raised", f"It raised {shown(error)}."))
    return raised


def _count(result: Any) -> int:
    """How many items there will be, -1 when that is not known: a length of one says how long the body is."""
    try:
        return len(result)
    except TypeError:
        return -1


def _refuse_others(result: object, response: WsgiResponse) -> None:
    """Raises ContractBroken for what is no iterable of bytes."""
    if isinstance(result, str):
        name = "iterable-str"
    elif isinstance(result, bytes):
        name = "iterable-bytes"
    elif not hasattr(result, "__iter__") and not hasattr(result, "__getitem__"):
        name = "iterable-missing"
    else:
        return
    found = breach(name, f"It returned {shown(result)}.")
    response.broken.append(found)
    raise ContractBroken(found)
