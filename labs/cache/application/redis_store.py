"""The same store over a real Redis. redis-py is an extra: `pip install 'labctl[redis]'`."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from labctl.errors import CannotRun, UsageError
from labs.cache.application.store import without_password

if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds that a Redis which does not answer is given. redis-py's own default waits for minutes.
PATIENCE_S = 2.0


def check_url(url: str) -> None:
    """Raises UsageError `redis-url` for what is no address of a Redis."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        readable = parts.scheme in ("redis", "rediss", "unix") and (parts.port or 1) > 0
        complete = bool(parts.path if parts.scheme == "unix" else parts.hostname)
    except ValueError:
        readable = complete = False
    if not readable or not complete or any(ord(c) < 0x21 for c in url):
        raise UsageError(
            "redis-url",
            f"{without_password(url)!r} is no address of a Redis: redis://HOST:PORT/DATABASE, rediss:// or unix:///PATH",
            fixes=("labctl cache --show aside --redis redis://127.0.0.1:6379/0",),
        )


class RedisStore:
    """A Redis, used under keys of our own that are deleted at the end. `Store`.

    Raises CannotRun `redis-not-installed` or `redis-not-reached` when it is made, and `redis-not-reached` later
    for a Redis that has gone away.
    """

    def __init__(self, url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        check_url(url)
        try:
            import redis
        except ImportError as error:
            raise CannotRun(
                "redis-not-installed",
                "redis-py, the client library of Redis, is not installed",
                evidence=(("tried", "import redis"), ("got", str(error))),
                fixes=("python -m pip install 'labctl[redis]'", "labctl cache --show aside"),
            ) from error
        self._failures: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._sleep = sleep
        self._url = url
        self._prefix = f"labctl:{secrets.token_hex(6)}:"
        self._used: set[str] = set()
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_connect_timeout=PATIENCE_S, socket_timeout=PATIENCE_S, retry=None
            )
        except (ValueError, TypeError) as error:
            raise UsageError(
                "redis-url", f"{without_password(url)!r} is no address of a Redis: {error}"
            ) from error
        version = str(self._do("info", "server").get("redis_version", ""))
        self.name = f"Redis {version}".strip()

    def get(self, key: str) -> bytes | None:
        value = self._do("get", self._own(key))
        return None if value is None else bytes(value)

    def set(
        self, key: str, value: bytes, *, ttl_s: float | None = None, only_if_absent: bool = False
    ) -> bool:
        px = None if ttl_s is None else max(1, round(ttl_s * 1000))
        return bool(self._do("set", self._own(key), value, px=px, nx=only_if_absent))

    def delete(self, key: str) -> bool:
        return bool(self._do("delete", self._own(key)))

    def ttl(self, key: str) -> float | None:
        left = int(self._do("pttl", self._own(key)))
        # -1: no end, -2: no such key.
        return None if left < 0 else left / 1000

    def lease(self, key: str) -> int:
        return 0

    def fill(self, key: str, value: bytes, *, ttl_s: float | None, lease: int) -> bool:
        return self.set(key, value, ttl_s=ttl_s)

    def wait(self, seconds: float) -> str:
        self._sleep(seconds)
        return f"Redis has a clock of its own: {seconds:g} s were waited."

    def close(self) -> None:
        try:
            if self._used:
                self._redis.delete(*self._used)
            self._redis.close()
            self._redis.connection_pool.disconnect()
        except self._failures:
            # It has gone away; its keys have a TTL.
            pass

    def _own(self, key: str) -> str:
        self._used.add(self._prefix + key)
        return self._prefix + key

    def _do(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._redis, command)(*arguments, **options)
        except self._failures as error:
            raise CannotRun(
                "redis-not-reached",
                _what_failed(error),
                evidence=(("asked", without_password(self._url)), ("got", _first_line(error))),
                fixes=("redis-server --port 6379", "labctl cache --show aside"),
            ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _what_failed(error: Exception) -> str:
    """Nobody there, somebody who is no Redis, or one that refuses: three ways to mend it."""
    import redis

    said = str(error)
    # A Redis with a password answers the greeting of redis-py with "HELLO must be called ... authenticated".
    if isinstance(error, redis.AuthenticationError) or "authenticat" in said.lower() or "NOAUTH" in said:
        return "the Redis that was named wants the right password: redis://:PASSWORD@HOST:PORT/0"
    if isinstance(error, redis.ResponseError):
        return "the Redis that was named refuses"
    if isinstance(error, redis.InvalidResponse) or "closed by server" in said.lower():
        return "what answers at that address does not speak as a Redis does"
    return "the Redis that was named does not answer"
