"""What the kernel tells an ordinary process about its own connections, without any privilege.

Real bytes (the SYN that reached our own server), real counters (TCP_INFO), tables (/proc/net/tcp) and times (the
error queue). Never the bytes of a SYN-ACK, an ACK or a FIN: rows about those are inferred, and say so.
"""
