"""A TLS connection read from its recording: records in order, what is readable in them, and what only keys open.

Reads TLS 1.2 and 1.3. What an onlooker can read is decided by the protocol's own rules, not by whether we happen to
have keys; with keys (tls_opening.py) the inside of what is encrypted is told as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from labctl.protocols.tls_messages import (
    CLIENT_KEY_EXCHANGE,
    FINISHED,
    Certificates,
    ClientHello,
    Message,
    MessageReader,
    ServerHello,
    read_alert,
    read_message,
)
from labctl.protocols.tls_names import handshake_name
from labctl.protocols.tls_records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    Record,
    RecordReader,
)

TLS13 = 0x0304


class Keys(Protocol):
    """What opens records. One for a connection; records are given in order."""

    def open(self, sent: bool, record: Record) -> tuple[int, bytes] | None:
        """The type and content inside, or None when it does not open."""

    def next_keys(self, sent: bool) -> None:
        """This direction goes on with its next keys (TLS 1.3: after its Finished)."""


Locksmith = Callable[[ClientHello, ServerHello], "Keys | None"]


class Row(NamedTuple):
    """One record. `sent` by the client; `clear`: an onlooker reads it; `opened`: we do, being clear or by keys.

    `messages` are handshake messages that end in it, (number, message); `content` application bytes; `alert` is
    (fatal, name). `flight` counts from 1 and grows when the other side speaks.
    """

    at: float
    sent: bool
    record: Record
    clear: bool
    opened: bool
    messages: tuple[tuple[int, Message], ...] = ()
    content: bytes = b""
    alert: tuple[bool, str] | None = None
    flight: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """`ServerHello`, `HelloRetryRequest`, ..."""
        return tuple(
            "HelloRetryRequest" if isinstance(m, ServerHello) and m.retry else handshake_name(kind)
            for kind, m in self.messages
        )


class TlsConversation:
    """`chunks` are (moment, sent by the client, bytes) in the order in which they crossed."""

    def __init__(
        self, chunks: Iterable[tuple[float, bool, bytes]], locksmith: Locksmith | None = None
    ) -> None:
        self.rows: list[Row] = []
        self.hello: ClientHello | None = None
        self.answer: ServerHello | None = None
        # Handshake messages with their headers up to ClientKeyExchange: what an extended main secret hashes.
        self.transcript = b""
        # The body of ClientKeyExchange in TLS 1.2.
        self.client_key_exchange = b""
        self.sent_bytes = self.received_bytes = 0
        self._locksmith = locksmith
        self._keys: Keys | None = None
        self._records = {True: RecordReader(), False: RecordReader()}
        self._messages = {True: MessageReader(), False: MessageReader()}
        self._ciphered = {True: False, False: False}
        for at, sent, data in chunks:
            if sent:
                self.sent_bytes += len(data)
            else:
                self.received_bytes += len(data)
            for record in self._records[sent].feed(data, at):
                self._take(sent, record)

    @property
    def trouble(self) -> str:
        """What keeps the recording from being whole records, or ""."""
        return self._records[True].trouble or self._records[False].trouble

    @property
    def tls13(self) -> bool:
        """Whether the server chose TLS 1.3."""
        return self.answer is not None and self.answer.version == TLS13

    @property
    def hellos(self) -> int:
        """How many ClientHellos there were: two after a HelloRetryRequest."""
        return sum(isinstance(m, ClientHello) for row in self.rows for _, m in row.messages)

    @property
    def handshake_rows(self) -> int:
        """How many rows there are before the client may send its request.

        TLS 1.3: up to the server's Finished, behind which the client's first encrypted record follows. TLS 1.2: until
        each side has sent its Finished, which is its first record behind ChangeCipherSpec.
        """
        finished: set[bool] = set()
        for i, row in enumerate(self.rows):
            if row.sent and row.record.type == APPLICATION_DATA:
                return i
            if not self.tls13 and not row.clear and row.record.type == HANDSHAKE:
                finished.add(row.sent)
                if len(finished) == 2:
                    return i + 1
        return len(self.rows)

    @property
    def round_trips(self) -> int:
        """How often the client had to wait for the server before its request could go: flights of the server."""
        before = self.rows[: self.handshake_rows]
        return len({row.flight for row in before if not row.sent})

    def messages(self, kind: type[Message]) -> list[Message]:
        """All messages of one kind, in order."""
        return [m for row in self.rows for _, m in row.messages if isinstance(m, kind)]

    @property
    def certificates(self) -> tuple[Certificates | None, bool]:
        """The server's Certificate message as far as we can read it, and whether an onlooker reads it too."""
        for row in self.rows:
            for _, message in row.messages:
                if isinstance(message, Certificates) and not row.sent:
                    return message, row.clear
        return None, False

    def _take(self, sent: bool, record: Record) -> None:
        flight = self.rows[-1].flight + (self.rows[-1].sent != sent) if self.rows else 1
        hidden = self._hidden(sent, record)
        inner: tuple[int, bytes] | None = (record.type, record.fragment)
        if hidden:
            inner = self._keys.open(sent, record) if self._keys is not None else None
        row = Row(record.at, sent, record, not hidden, inner is not None, flight=flight)
        if inner is not None:
            row = self._read(row, *inner)
        self.rows.append(row)
        if record.type == CHANGE_CIPHER_SPEC and not self.tls13:
            self._ciphered[sent] = True

    def _hidden(self, sent: bool, record: Record) -> bool:
        if record.type == APPLICATION_DATA:
            return True
        # TLS 1.2: everything behind ChangeCipherSpec, under its own type.
        return self._ciphered[sent] and not self.tls13 and record.type != CHANGE_CIPHER_SPEC

    def _read(self, row: Row, kind: int, content: bytes) -> Row:
        if kind == ALERT:
            return row._replace(alert=read_alert(content))
        if kind == APPLICATION_DATA:
            return row._replace(content=content)
        if kind != HANDSHAKE:
            return row
        found = []
        for number, body in self._messages[row.sent].feed(content):
            message = self._in_context(read_message(number, body, tls13=self.tls13))
            found.append((number, message))
            self._note(row, number, body, message)
        return row._replace(messages=tuple(found))

    def _in_context(self, message: Message) -> Message:
        """Below TLS 1.3 a server resumes by giving back the client's session id (RFC 5246 7.3, RFC 5077 3.4)."""
        if isinstance(message, ServerHello) and message.version != TLS13 and self.hello is not None:
            return message._replace(
                resumes=bool(message.session_id) and message.session_id == self.hello.session_id
            )
        return message

    def _note(self, row: Row, number: int, body: bytes, message: Message) -> None:
        if isinstance(message, ClientHello):
            self.hello = message
        elif isinstance(message, ServerHello):
            self.answer = message
            if not message.retry and self.hello is not None and self._locksmith is not None:
                self._keys = self._locksmith(self.hello, message)
        if row.clear and not self.client_key_exchange:
            self.transcript += bytes((number,)) + len(body).to_bytes(3, "big") + body
        if number == CLIENT_KEY_EXCHANGE:
            self.client_key_exchange = body
        if number == FINISHED and self.tls13 and self._keys is not None:
            self._keys.next_keys(row.sent)
