"""The recording as files: packets for tshark and Wireshark, and the secrets that open them."""

from __future__ import annotations

from collections.abc import Iterator

from labctl.errors import CannotRun
from labctl.events import Event
from labs.telling import note
from labs.tls.visit import Visits
from labs.words import count


def saved(visits: Visits, pcap: str | None, keylog: str | None) -> Iterator[Event]:
    """Write what was asked for. Raises CannotRun: nothing-captured, file-not-written."""
    if pcap:
        from labctl.protocols.pcap import pcap_bytes

        frames = [segment for segment in visits.segments if segment.frame]
        if not frames:
            raise CannotRun(
                "nothing-captured",
                f"{pcap} was not written: nothing was captured",
                evidence=(("seen", "what this program itself wrote and read"),),
                fixes=("labctl doctor", "labctl tls --require captured"),
            )
        visits.internet.save_file(pcap, pcap_bytes(frames))
        yield note(f"{count(len(frames), 'segment')} were written to {pcap}.")
    if keylog:
        text = "".join(f"{line}\n" for line in visits.key_lines)
        visits.internet.save_file(keylog, text.encode("ascii"))
        yield note(f"The secrets of these visits were written to {keylog}; they open nothing else.")
    if pcap and keylog:
        yield note(f"Read both with tshark -r {pcap} -o tls.keylog_file:{keylog}")
