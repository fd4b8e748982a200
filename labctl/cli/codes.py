"""Every error code, explained: what it means, and what to do. A test compares this table with the source."""

from __future__ import annotations

ERRORS: dict[str, str] = {
    "answers-malformed": (
        "The file given to --answers is TOML: the id of a question (it is printed under each one) = the "
        "id, text or value of an option, or skip, no-idea, key. Ids of other labs are ignored, so that "
        "one file serves a course."
    ),
    "cannot-read": (
        "A file that was named on the command line could not be read. The operating system's reason is shown."
    ),
    "cannot-write": (
        "A file could not be written. The run itself was shown and is complete; only the file is missing."
        " Files are written beside their place and moved there at the end, so a file is whole or not "
        "there."
    ),
    "explanation-malformed": (
        "A lab's explain.md has a condition in brackets that is not known. labctl/explanation.py "
        "describes the format."
    ),
    "fault-unknown": (
        "--break takes the name of a fault: one way in which the sandbox can be made false, so that a "
        "claim of the lab comes out refuted. labctl explain lists them."
    ),
    "internal": (
        "A mistake of labctl, not yours. The traceback is in the log file; --debug shows it. Please "
        "report it."
    ),
    "lab-does-not-import": (
        "A lab is a Python module, and importing it failed. For a lab of another package this is an error"
        " of that package, or of what it needs; all other labs work."
    ),
    "lab-malformed": (
        "A lab must be a labctl.lab.Lab, its parameters annotated with a help sentence, and none of them "
        "may have the name of a common option."
    ),
    "needs-input": (
        "The quiz needs somebody who answers: a terminal, or --answers FILE. With --no-input all "
        "questions are skipped."
    ),
    "no-network": (
        "--live never falls back to the sandbox. Names do not resolve from here, so there is nothing to show."
    ),
    "options-contradict": ("Two options say opposite things."),
    "output-not-written": (
        "Standard output could not take what was printed, usually because a disk is full."
    ),
    "port-in-use": ("Another socket already has this address and port. The kernel lets only one have it."),
    "quiz-malformed": ("A lab's quiz.toml is not what it should be. labctl/quiz.py describes the format."),
    "schema-unknown": ("labctl schema takes the name of a document: labctl/result/1, or result for short."),
    "usage": ("The command line cannot be understood. --help after any command says what it takes."),
}
