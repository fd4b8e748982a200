"""A program, or a shell, on the client's side of the box: it finds a machine with a small internet around it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping, Sequence

from labctl.sandbox import mounts
from labctl.sandbox.anchors import anchor_files, browser_policies
from labctl.sandbox.box_internet import BoxInternet

MARK = "LABCTL_SHELL"
_PROMPT = "(labctl) "
# What a terminal sends goes to the program, which shall behave as it does anywhere else.
_FROM_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_TO_DEFAULT = (*_FROM_THE_TERMINAL, signal.SIGPIPE, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)


def run_command(words: Sequence[str], internet: BoxInternet) -> int:
    """Run it to its end. Returns its exit code; 126 or 127 when it could not be started, as a shell says."""
    env = environment(os.environ)
    # The sites stand before the program runs, whatever it asks for first.
    internet.web()
    with contextlib.suppress(OSError):  # then programs say that they trust nobody here
        env |= trusting(mounts.trust(internet.certificates.root_pem))
    # The name servers are made while the program starts, and what the sites will need.
    ended = threading.Event()
    warming = threading.Thread(target=_warm_up, args=(internet, ended), name="warm up")
    warming.start()
    with contextlib.suppress(OSError):  # then validators say that they trust nobody here
        mounts.cover({**anchor_files(), **browser_policies(internet.certificates.root_pem)})
    if not words:
        words, more = shell(env)
        env |= more
    for number in _FROM_THE_TERMINAL:
        signal.signal(number, lambda *_: None)
    program = words[0] if "/" in words[0] else shutil.which(words[0])
    try:
        if program is None:
            raise FileNotFoundError(errno.ENOENT, "command not found")
        started = os.posix_spawn(program, list(words), env, setsigdef=_TO_DEFAULT)
    except OSError as error:
        sys.stderr.write(f"labctl: {words[0]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    code = _wait_for(started)
    ended.set()
    warming.join()
    return code


def _warm_up(internet: BoxInternet, ended: threading.Event) -> None:
    """What goes wrong here goes wrong again when the first question comes, and is told there."""
    with contextlib.suppress(Exception):
        internet.world()
        if not ended.is_set():
            internet.encrypting()
            internet.web().warm_up(ended=ended.is_set)


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment without what leads elsewhere: there is no proxy in the town."""
    kept = {name: value for name, value in env.items() if not name.lower().endswith("_proxy")}
    return {**kept, MARK: "1"}


def trusting(bundles: Sequence[str]) -> dict[str, str]:
    """Where programs find whom to trust: those that bring a list of their own, or that look in another place."""
    names = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO")
    return dict.fromkeys(names, bundles[0])


def shell(env: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The words that start the user's shell with a marked prompt, and what they need in the environment."""
    path = env.get("SHELL") or ""
    if not (path and os.access(path, os.X_OK)):
        path = shutil.which("bash") or "/bin/sh"
    name = os.path.basename(path)
    if name == "bash":
        # A file that only this process's descriptor leads to; bash reads it once.
        script = os.memfd_create("labctl-bashrc", 0)
        os.write(script, f'[ -f ~/.bashrc ] && . ~/.bashrc\nPS1="{_PROMPT}${{PS1:-\\$ }}"\n'.encode())
        os.lseek(script, 0, os.SEEK_SET)
        return [path, "--rcfile", f"/proc/self/fd/{script}", "-i"], {}
    if name == "fish":
        marked = "functions -c fish_prompt _labctl_prompt; "
        marked += f"function fish_prompt; echo -n '{_PROMPT}'; _labctl_prompt; end"
        return [path, "--init-command", marked, "-i"], {}
    return [path, "-i"], {"PS1": f"{_PROMPT}$ "}


def _wait_for(started: int) -> int:
    """Wait for this process, and take leave of orphans: we are process 1 here."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == started:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
