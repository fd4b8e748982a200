"""The way in, and the last net: what happens becomes a sentence and an exit code (DESIGN.md section 9)."""

import sys


def main() -> int:
    """Run the command line of this process. Returns the exit code."""
    if sys.stdout is None:  # closed before we began (`>&-`): there is nobody to talk to
        import os

        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader has seen enough (`| head -1`): that is no failure.
        code = 0
    except Exception as error:
        from labctl.cli.failures import report

        code = report(error, sys.argv[1:])
    _let_go_of_output()
    return code


def _run(arguments: list[str]) -> int:
    # Answered before anything else is imported: this is what scripts and editors ask most often.
    if arguments and arguments[0] in ("--version", "-V"):
        from labctl import __version__

        sys.stdout.write(f"labctl {__version__}\n")
        return 0
    from labctl.cli import run

    return run(arguments)


def _let_go_of_output() -> None:
    """A stream that cannot take its last bytes must not make the interpreter complain while it ends."""
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: closed before we began (`>&-`)
        try:
            stream.flush()
        except (OSError, ValueError):
            import contextlib
            import os

            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
