"""A connection written by hand: raw packets from an address that no kernel owns, to a real kernel's server."""

from __future__ import annotations

import random
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from labctl.errors import CannotRun
from labctl.events import Event, Row, Rows
from labctl.protocols.tcp_ladder import Conversation
from labctl.protocols.tcp_options import Option, mss
from labctl.protocols.tcp_segments import Segment, read_frame, read_packet
from labctl.protocols.tcp_writing import write_packet
from labs.tcp import judging, ladder
from labs.tcp.programs import request, web
from labs.tcp.stage import Stage
from labs.tcp.target import OURS
from labs.tcp.telling import explained
from labs.telling import note, opening, result
from labs.words import count

_ETH_P_IP = 0x0800
NOBODY = "10.53.0.66"
PORT = 45678
PATIENCE = 2.0


class ByHand:
    """As much of a TCP as one request needs: numbers, acknowledgements, and no repetition."""

    def __init__(self, mouth: socket.socket, ear: socket.socket, target: tuple[str, int], seed: int) -> None:
        self._mouth, self._ear, self._target = mouth, ear, target
        self.next = random.Random(seed).getrandbits(32)
        self.expected = 0
        self.written: list[bytes] = []

    def say(self, flags: str, payload: bytes = b"", options: tuple[Option, ...] = ()) -> None:
        """Write one segment and send it; SYN, FIN and each byte use up a number."""
        packet = write_packet(
            (NOBODY, PORT),
            self._target,
            seq=self.next,
            ack=self.expected if "A" in flags else 0,
            flags=flags,
            payload=payload,
            options=options,
        )
        self.written.append(packet)
        self._mouth.sendto(packet, (self._target[0], 0))
        self.next = (self.next + len(payload) + ("S" in flags) + ("F" in flags)) & 0xFFFFFFFF

    def hear(self) -> Segment:
        """The next segment from the server. Raises TimeoutError."""
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0 and select.select([self._ear], [], [], left)[0]:
            segment = read_frame(self._ear.recv(65535), 0)
            ours = isinstance(segment, Segment) and (segment.target, segment.target_port) == (NOBODY, PORT)
            if ours and isinstance(segment, Segment):
                return segment
        raise TimeoutError("the server said nothing")

    def open(self) -> None:
        self.say("S", options=(mss(1460),))
        answer = self.hear()
        self.expected = answer.end
        self.say("A")

    def ask(self, question: bytes) -> bytes:
        """Send it, and acknowledge what comes until it has the whole reply."""
        self.say("PA", question)
        read = b""
        while b"\r\n\r\n" not in read:
            segment = self.hear()
            if segment.length and segment.seq == self.expected:
                read += segment.payload
                self.expected = segment.end
                self.say("A")
        return read

    def close(self) -> None:
        self.say("FA")
        while "F" not in (segment := self.hear()).flags:
            pass
        self.expected = segment.end
        self.say("A")


def show(stage: Stage) -> Iterator[Event]:
    if not stage.boxed:
        raise CannotRun(
            "needs-box", "an address that no kernel owns needs the box: packets to it must come back"
        )
    yield opening("a connection written by hand", "raw packets, no kernel on our side")
    with ExitStack() as opened:
        listening = opened.enter_context(stage.listener(80))
        opened.enter_context(_reachable(stage))
        network = stage.network
        ear = opened.enter_context(
            network.client_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        )
        mouth = opened.enter_context(
            network.client_socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        )
        opened.enter_context(stage.serving(web(stage), listening))
        hand = ByHand(mouth, ear, (network.server_address, 80), seed=stage.seed)
        hand.open()
        reply = hand.ask(request(OURS.host))
        hand.close()
    conversation = Conversation(stage.crossed(port=80))
    yield note(
        f"The source is {NOBODY}. No machine has this address; the packets were put together byte by byte and "
        f"sent through a raw socket, and the answers were picked off the wire. The server is an ordinary one."
    )
    yield _header(hand.written[0], stage.seed)
    names = ("by hand", "kernel")
    yield from ladder.exchanges(conversation, names=names, phases={"data": "GET / and its reply"})
    yield from explained(conversation, "ack=")
    yield from judging.opened(conversation)
    yield from judging.counted(conversation)
    yield from judging.closed(conversation)
    status = reply.split(b"\r\n")[0].decode("latin-1")
    yield result(
        f"{status}: {count(len(hand.written), 'packet')} written by hand were enough for a real server."
    )


@contextmanager
def _reachable(stage: Stage) -> Iterator[None]:
    """Answers to the address find their way to the client's link, where nobody but us takes them."""
    from labctl.sandbox.layout import CLIENT_LINK, SERVER_LINK
    from labctl.sandbox.netlink import Netlink

    with stage.network.on_client(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as asking:
        asking.bind((CLIENT_LINK, 0))
        hardware = asking.getsockname()[4]
    with stage.network.on_server(), Netlink() as link:
        link.neighbour(SERVER_LINK, NOBODY, hardware)
        link.route(NOBODY, 32, SERVER_LINK)
    yield


def _header(packet: bytes, seed: int) -> Rows:
    """The SYN's TCP header, field by field (RFC 9293 section 3.1)."""
    segment = read_packet(packet, 0)
    assert isinstance(segment, Segment)
    tcp = packet[(packet[0] & 15) * 4 :]
    fields = (
        (tcp[0:2], "source port", str(segment.source_port)),
        (tcp[2:4], "destination port", str(segment.target_port)),
        (tcp[4:8], "sequence number", f"{segment.seq}, chosen by us from seed {seed}"),
        (tcp[8:12], "acknowledgement number", "0: nothing to acknowledge yet"),
        (tcp[12:14], "length and flags", f"{(tcp[12] >> 4) * 4} bytes, {segment.flag_words}"),
        (tcp[14:16], "window", f"{segment.window} bytes"),
        (tcp[16:18], "checksum", "good" if segment.checksum_ok else "bad"),
        (tcp[18:20], "urgent pointer", "0"),
        (tcp[20:24], "option MSS", f"{segment.mss} bytes"),
    )
    return Rows(
        text="The TCP header of the SYN, as we wrote it.",
        id="header",
        title="The TCP header of our SYN",
        columns=("bytes", "field", "says"),
        rows=tuple(
            Row(
                text=f"{raw.hex(' ')}: {name}: {says}.",
                cells=(raw.hex(" "), name, says),
                hues=("accent", "", "mute"),
            )
            for raw, name, says in fields
        ),
    )
