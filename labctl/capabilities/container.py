"""Whether this is a container, and the flags with which it would have to be started."""

from __future__ import annotations

from pathlib import Path

# Docker and Podman each leave a file of their own in the root directory.
_MARKS = (("docker", ".dockerenv"), ("podman", "run/.containerenv"))
# What their default filters refuse, and what lifts it (docs.docker.com: Seccomp, AppArmor).
NAMESPACES = "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
CAPTURE = "--cap-add NET_RAW"


def runtime(root: Path = Path("/")) -> str:
    """`docker`, `podman`, or "" for none that is known."""
    return next((name for name, mark in _MARKS if (root / mark).exists()), "")


def run_with(name: str, flags: str) -> str:
    """The command that starts such a container with the flags."""
    return f"{name} run {flags} IMAGE"
