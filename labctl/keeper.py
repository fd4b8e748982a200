"""The program that keeps another one: run by `children.keep` with `python -I -S -c`, never imported by us.

It starts a program and ends it, with all that the program ever forked, when the pipe from its parent comes to an end.
On Linux it is a subreaper (prctl(2)): whatever a double fork or setsid leaves behind becomes its own child, so that
killing children until there are none kills everything. Elsewhere it kills the program's process group.

Few imports, because it starts with every server. The name of the project does not occur in it, nor in its command
line: somebody who kills us by name must not hit who cleans up.

argv: LIFE STATUS PARENT_FDS.. : descriptors. LIFE gives "COUNT NUL word NUL word NUL ..." and then nothing, until its
end. STATUS takes "pid N\\n" or "error ERRNO\\n". The other descriptors are for the program alone. The exit status is
the program's: it dies of the signal that the program died of.
"""

from __future__ import annotations

import os
import select
import signal
import sys

LINUX = sys.platform.startswith("linux")
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def prctl() -> object:
    """The function of the C library, after this process became a subreaper; None elsewhere."""
    if not LINUX:
        return None
    import ctypes

    call = ctypes.CDLL(None, use_errno=True).prctl
    call(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return call


def words(life: int) -> list[str]:
    """The program's command line, from the pipe. Ends this process when the parent is gone before."""
    data = b""
    while data.count(b"\0") < 1 or data.count(b"\0") <= int(data.partition(b"\0")[0]):
        more = os.read(life, 65536)
        if not more:
            os._exit(1)
        data += more
    return [os.fsdecode(word) for word in data.split(b"\0")[1:-1]]


def spawn(arguments: list[str], status: int, call: object) -> int:
    """Start the program in a process group of its own. Its pid; ends this process when it cannot be started."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            if callable(call):
                # Only when we are killed ourselves. TERM, so that a master can still end its workers.
                call(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
            os.execvp(arguments[0], arguments)  # noqa: S606  # whoever calls us chose the program
        except OSError as problem:
            os.write(tell, str(problem.errno or 1).encode())
        finally:
            os._exit(127)
    os.close(tell)
    problem_number = os.read(told, 16)
    os.close(told)
    if problem_number:
        os.write(status, b"error " + problem_number + b"\n")
        os._exit(127)
    return pid


def children() -> list[int]:
    """Processes whose parent is this one, dead ones that nobody waited for included."""
    try:
        with open("/proc/thread-self/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        pass  # a kernel without CONFIG_PROC_CHILDREN
    me = os.getpid()
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    stat = file.read()
            except OSError:
                continue
            if int(stat.rpartition(b")")[2].split()[1]) == me:
                found.append(int(name))
    return found


def end_all(program: int) -> None:
    """Kill and reap until nothing is left."""
    if not LINUX:
        send(-program, signal.SIGKILL)
    while True:
        for pid in children() if LINUX else ():
            send(pid, signal.SIGKILL)
        try:
            # The children of those who end become ours: look again when some have.
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def send(pid: int, number: int) -> None:
    """A signal; to a whole group for a negative number. Nobody may be there any more."""
    try:  # noqa: SIM105  # contextlib would be one more module to import
        os.kill(pid, number)
    except OSError:
        pass


def keep(program: int, life: int, wake: int) -> int:
    """Wait for the end of the program or of the parent. The wait status of the program."""
    poll = select.poll()
    poll.register(life, select.POLLIN | select.POLLHUP)
    poll.register(wake, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == life:
                # The program is not reaped yet, so its number is nobody else's.
                send(-program, signal.SIGKILL)
                send(program, signal.SIGKILL)  # it may have left its group
                _, ended = os.waitpid(program, 0)
                return ended
            os.read(wake, 512)
            while True:
                try:
                    pid, ended = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    return 0
                if pid == program:
                    return ended
                if pid == 0:
                    break


def leave(ended: int) -> None:
    """End as the program did."""
    if os.WIFSIGNALED(ended):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        number = os.WTERMSIG(ended)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(ended) if os.WIFEXITED(ended) else 1)


def main(life: int, status: int, theirs: list[int]) -> None:
    """Keep one program. Does not return."""
    for descriptor in (life, status):
        os.set_inheritable(descriptor, False)
    call = prctl()
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    program = 0

    def forward(number: int, frame: object) -> None:
        if program:
            send(program, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    program = spawn(words(life), status, call)
    os.write(status, b"pid %d\n" % program)  # not before signals can be passed on
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    for descriptor in (nothing, status, *theirs):
        os.close(descriptor)
    ended = keep(program, life, wake)
    end_all(program)
    leave(ended)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [int(word) for word in sys.argv[3:]])
