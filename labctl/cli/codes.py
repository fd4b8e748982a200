"""Every error code, explained: what it means, and what to do. A test compares this table with the source."""

from __future__ import annotations

ERRORS: dict[str, str] = {
    "address-invalid": (
        "What was given looks like an address and is none. An address is turned into its reverse "
        "name, under in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596 section 2.5)."
    ),
    "answers-malformed": (
        "The file given to --answers is TOML: the id of a question (it is printed under each one) = "
        "the letter of an option as this --seed shows it, its text or its value, or skip, no-idea, key. "
        "Ids of other labs are ignored, so that one file serves a course."
    ),
    "app-exits": (
        "An application that is imported must not end its process: sys.exit and os._exit belong under "
        '`if __name__ == "__main__":`. In a request they end the worker and every other request in it; a '
        "signal says that code in C crashed, or that somebody killed it. The line is shown where it is known."
    ),
    "app-hangs": (
        "Importing the module did not come to its end in time. Often it starts the server itself "
        "(app.run()), or waits for a database. The line where it stood is shown; --boot-timeout gives "
        "it longer."
    ),
    "app-invalid": (
        "An application is named like for gunicorn and flask: MODULE:NAME, MODULE alone, "
        "path/to/file.py:NAME, or MODULE:create_app() with plain values in the parentheses."
    ),
    "app-is-asgi": (
        "ASGI is the asynchronous interface of FastAPI and Starlette: a coroutine function of scope, "
        "receive and send. WSGI servers call an application with environ and start_response, and such "
        "a call fails."
    ),
    "app-not-callable": (
        "A WSGI application is anything that can be called with two arguments, environ and "
        "start_response (PEP 3333): a function, a class, or an object such as Flask(__name__)."
    ),
    "app-not-flask": (
        "labctl flask --routes reads an application's url_map, and this object has none: it is another framework's, "
        "or something that stands before a Flask. labctl wsgi traces any WSGI application."
    ),
    "app-not-found": (
        "The module or the name in it is not there. Modules are looked for in the current folder, or "
        "in the folder of a file that is named by its path; what is there instead is shown."
    ),
    "app-not-reached": (
        "A proxy answered the request itself, or the app's server did, and your app never saw it. A path that is odd "
        "(an encoded slash, one that climbs above the root) is often the reason."
    ),
    "app-raises": (
        "Importing the module raised an exception. Its last lines in your own files are shown. A "
        "module that is missing may be there in another interpreter: --python PATH chooses it."
    ),
    "bad-unknown": "labctl tls --bad NAME visits a host of the sandbox that is wrong in one way; the names are listed.",
    "bind-invalid": ("A server listens on IP:PORT, [IPv6]:PORT, or unix:/path; port 0 is any free one."),
    "box-ended": (
        "The process of the private network ended before the lab did: it was killed, or the machine ran "
        "out of memory. Nothing of it is left behind."
    ),
    "cannot-bind": (
        "The operating system refused a local address for the sandbox's servers. labctl doctor says "
        "which addresses work here."
    ),
    "cannot-read": (
        "A file that was named on the command line could not be read. The operating system's reason is shown."
    ),
    "cannot-write": (
        "A file could not be written. The run itself was shown and is complete; only the file is "
        "missing. Files are written beside their place and moved there at the end, so a file is whole"
        " or not there."
    ),
    "capability-value": (
        "LABCTL_CAPABILITY_<NAME> forces what labctl doctor finds out, for tests and classrooms: yes or no."
    ),
    "captured-required": (
        "--require captured accepts only segments that were really captured. Neither a private network "
        "nor a packet socket is to be had here; the failing steps are shown. labctl doctor says what "
        "would help."
    ),
    "config-ambiguous": (
        "The file given to --config holds no line by which nginx or Apache would be known. --with "
        "nginx or --with apache says whose it is."
    ),
    "config-malformed": (
        "The file given to --config is none that its server would take: no text, a brace or "
        "section that is not closed, an unknown pattern. The line is named."
    ),
    "config-not-file": (
        "--config reads one file: the main configuration, or a part of it. What that includes is "
        "read from there."
    ),
    "config-unreadable": (
        "The file given to --config could not be read. The operating system's reason is shown."
    ),
    "database-unreachable": (
        "The database of `labctl jobs` did not answer, or refused the user, the password or the name. What it "
        "said is shown. --engine takes a URL such as postgres://USER:PASSWORD@HOST:PORT/NAME."
    ),
    "days-out-of-range": "--days takes a whole number of days, 0 to 36500: for so many more the chain has to be good.",
    "edge-listen-invalid": "An edge listens on ADDRESS:PORT, [IPv6]:PORT or a port alone; port 0 takes a free one.",
    "edge-profile-unknown": (
        "An edge has one of two sets of rules, which are never mixed: rfc9111 follows the RFCs, cloudflare "
        "the documented defaults of that vendor."
    ),
    "edge-size-invalid": "A size is a number of bytes, or a number with k, M or G: 64M is 67,108,864 bytes.",
    "edge-upstream-path": (
        "An edge forwards all paths of one server, so that its upstream is a scheme, a host and a port."
    ),
    "engine-invalid": (
        "What keeps the jobs is a file, sqlite or sqlite:///PATH, or a PostgreSQL database: "
        "postgres://USER:PASSWORD@HOST:PORT/NAME. Special characters in a password are percent-encoded."
    ),
    "explanation-malformed": (
        "A lab's explain.md has a condition in brackets that is not known. labctl/explanation.py "
        "describes the format."
    ),
    "fault-unknown": (
        "--break takes the name of a fault: one way in which the sandbox can be made false, so that a"
        " claim of the lab comes out refuted. labctl explain faults lists them."
    ),
    "file-not-written": (
        "A file that the lab was asked to write could not be written. The operating system's reason is shown."
    ),
    "header-invalid": (
        "A field of a request is `Name: value`. A name has letters, digits and some signs; a value has no CR, "
        "LF or NUL, because what follows them would be another field (RFC 9110 section 5)."
    ),
    "header-unreadable": (
        "--header takes NAME: VALUE, or the value of a Cache-Control alone: one line, in the characters of ISO 8859-1 "
        "(RFC 9110 section 5.5). A line break would be the beginning of another field."
    ),
    "host-name-needed": (
        "A service that other machines reach answers to known names only, so that a page of another site "
        "cannot use it by a name of its own (DNS rebinding). --host-name NAME says which; it may stand "
        "several times."
    ),
    "internal": (
        "A mistake of labctl, not yours. The traceback is in the log file; --debug shows it. Please "
        "report it."
    ),
    "jobs-bounds": (
        "--drop-after takes the id of one of the events that the lab's job has before its end. The first id is 0."
    ),
    "jobs-file-broken": (
        "The Python file given to --jobs did not import, or holds nothing that can be a job. What went wrong is shown."
    ),
    "jobs-file-missing": (
        "--jobs names a Python file with functions that become kinds of jobs. docs/jobs.md shows one."
    ),
    "jobs-folder-in-use": (
        "A folder of `labctl jobs serve` holds the locks, tokens and the SQLite file of one service at a "
        "time. The one that has it is shown; --folder PATH takes another."
    ),
    "jobs-input-invalid": (
        "What a job gets is one JSON object, as the last argument of labctl jobs submit, or on stdin for -."
    ),
    "jobs-input-refused": (
        "The service understood the request and does not take it: an unknown kind of job, a value out of "
        "range, or an Idempotency-Key that was used for another job. Its own words are shown."
    ),
    "jobs-need-fork": (
        "The web server of `labctl jobs` is gunicorn, which needs fork(2), and Windows has none. In WSL it "
        "works."
    ),
    "jobs-no-answer": (
        "Nobody answers at the URL of the jobs service: it is not running, or listens elsewhere. labctl port "
        "says who has a port."
    ),
    "jobs-no-service": (
        "Without --url the commands of labctl jobs use the service that runs on this machine, whose address "
        "stands in its folder. None runs there now."
    ),
    "jobs-no-such-job": (
        "The job is not there, has expired, or is another user's: the service gives the same answer to all "
        "three, so that nobody learns which ids exist. labctl jobs list shows yours."
    ),
    "jobs-no-token": (
        "Every request to a jobs service carries a token. It is taken from --token-file, from "
        "LABCTL_JOBS_TOKEN, or from tokens.json in the folder of the service that runs here."
    ),
    "jobs-not-started": (
        "A process of the service ended again and again, or was not ready in time. The last thing it said is "
        "shown."
    ),
    "jobs-not-you": (
        "The service does not know the token. The tokens of a service stand in tokens.json in its folder."
    ),
    "jobs-refused": (
        "The service said no: too many jobs of yours (429), too many in all (503), or its database is away or "
        "full. Retry-After says when to ask again."
    ),
    "lab-does-not-import": (
        "A lab is a Python module, and importing it failed. For a lab of another package this is an "
        "error of that package, or of what it needs; all other labs work."
    ),
    "lab-malformed": (
        "A lab must be a labctl.lab.Lab, its parameters annotated with a help sentence, and none of "
        "them may have the name of a common option."
    ),
    "loopback-address-missing": (
        "labctl sandbox up gives each name server a loopback address of its own (127.53.0.x). Linux "
        "has them all; macOS has only 127.0.0.1 until others are added. Labs do without: they share "
        "one address."
    ),
    "method-invalid": (
        "A method is one word of letters, digits and some signs, and has a case (RFC 9110 section 9.1)."
    ),
    "name-bad-characters": (
        "A name to look up may hold any octet (RFC 2181 section 11), but this one holds characters "
        "that were most likely not meant. Write unusual octets as \\DDD."
    ),
    "name-empty-label": (
        "Labels are what stands between the dots of a name; only the root's label is empty (RFC 1035 "
        "section 3.1). Two dots in a row leave nothing between them."
    ),
    "name-has-port": (
        "DNS names have no ports. A port belongs to the server that is asked (--server ADDRESS:PORT) "
        "or to a URL."
    ),
    "name-idna": (
        "A name in another script travels as an A-label that begins with xn--. This one cannot be "
        "turned into one (RFC 5891)."
    ),
    "name-invalid": (
        "--name begins the ids of this machine's workers. Two machines with one name would take each other's "
        "jobs for their own: it must be unique among them."
    ),
    "name-is-mail": (
        "A mail address holds a name after its @: mail for it goes to the servers in that name's MX records."
    ),
    "name-is-network": (
        "A network is a range of addresses; names belong to single addresses, and to zones under "
        "in-addr.arpa and ip6.arpa."
    ),
    "name-is-server": "The server to ask is given with --server ADDRESS; @ADDRESS is how dig writes it.",
    "name-is-url": (
        "A URL holds more than a name. DNS is asked for its host only; scheme, port and path come later."
    ),
    "name-label-too-long": (
        "A label has at most 63 octets (RFC 1035 section 2.3.4): its length is written in six bits."
    ),
    "name-too-long": (
        "A name has at most 255 octets on the wire, with the length octet of each label and the "
        "root's zero (RFC 1035 section 2.3.4)."
    ),
    "name-not-found": (
        "The name of the target has no address, as far as the resolver knows. labctl dns NAME shows why."
    ),
    "needs-addresses": (
        "Hops are told apart by their addresses, 127.0.48.200 and the like, and this machine has 127.0.0.1 alone on "
        "its loopback (macOS does). Linux has all of 127.0.0.0/8."
    ),
    "needs-box": (
        "Losing, delaying or capturing segments, and turning a kernel's settings, needs the private "
        "network (the box). labctl doctor says why there is none here."
    ),
    "needs-input": (
        "A quiz or a prediction needs somebody who answers: a terminal, or --answers FILE. With --no-input all "
        "questions are skipped."
    ),
    "needs-posix": (
        "The servers inherit a socket and a pipe from labctl, as Unix has it. Under Windows, the Windows "
        "Subsystem for Linux runs labctl with everything."
    ),
    "needs-sandbox": (
        "This demonstration deploys, purges and lets days pass: that is only possible in the sandbox."
    ),
    "nothing-captured": (
        "--pcap writes real packets, and this run saw none: it was told from what the kernel counts, or it made "
        "no connection. No file was written. labctl doctor says what capturing needs."
    ),
    "no-box": (
        "The box is a private network made of Linux's namespaces, with and without root. The step that "
        "the kernel refused is shown with its errno; labctl doctor says more."
    ),
    "no-capture": (
        "Taking frames off an interface needs CAP_NET_RAW, or the box, which an ordinary user may make. labctl "
        "doctor says what is to be had here."
    ),
    "no-network": (
        "What lives on the real internet only is never replaced by the sandbox, and --live never falls "
        "back to it. Names do not resolve from here, so there is nothing to show."
    ),
    "no-resolver": (
        "No recursive resolver is configured on this machine, and this needs one. Name one with --server."
    ),
    "no-sysctl": ("This kernel has no setting of that name: it is older or newer, or was built without it."),
    "option-needs-server": (
        "This option says how to speak with one server. Walking from the root, servers are asked by "
        "UDP, and by TCP when they say so."
    ),
    "options-contradict": "Two options say opposite things.",
    "output-not-written": (
        "Standard output could not take what was printed, usually because a disk is full."
    ),
    "path-invalid": (
        "A path begins with / and is written in ASCII; other characters stand there as percent-encoded bytes."
    ),
    "port-in-use": (
        "Another socket already has this address and port, and the kernel lets only one have it. "
        "labctl port PORT says who has it, and why bind() fails."
    ),
    "port-not-allowed": "Ports below 1024 are for the administrator on most systems. Take a higher one.",
    "port-out-of-range": (
        "A URL's port is 1 to 65535 (RFC 9110 section 4.2). Without one, http means 80 and https 443."
    ),
    "postgres-missing": (
        "A real PostgreSQL was asked for, and its programs postgres and initdb are not installed, or may not "
        "be run here."
    ),
    "postgres-not-started": ("initdb or postgres ended with an error. Their last lines are shown."),
    "proxy-not-started": (
        "The nginx or Apache of this machine was started with a configuration of labctl's in a temporary "
        "folder, and ended at once. Its own last words are shown. Without --with, labctl proxy takes its own proxy."
    ),
    "python-invalid": (
        "--python takes the path of an interpreter, the folder of a virtual environment, or a command "
        "such as python3.12."
    ),
    "python-too-old": (
        "The application runs in the interpreter that was named, together with the part of labctl "
        "that serves it, and that part needs a newer Python."
    ),
    "python-unusable": (
        "The program that was named with --python does not behave like a Python interpreter, or "
        "cannot be started."
    ),
    "query-budget": (
        "The real internet is touched gently: one run may ask only so many questions. What was seen "
        "so far is shown."
    ),
    "quiz-malformed": "A lab's quiz.toml is not what it should be. labctl/quiz.py describes the format.",
    "redis-not-installed": (
        "--redis needs redis-py, which is an extra of labctl. Without --redis the same demonstrations run with a store "
        "in this process."
    ),
    "redis-not-reached": (
        "The Redis that was named refused the connection, did not answer within 2 s, or gave an error. Nothing of it "
        "was changed, except keys that begin with labctl: and are deleted at the end."
    ),
    "redis-url": (
        "A Redis is given as redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:///PATH for a socket "
        "of this machine."
    ),
    "repeat-out-of-range": "--repeat is how many visits are made: 1 to 20, so that nobody is bothered.",
    "request-invalid": (
        "A request is METHOD /PATH?QUERY, such as GET /basket/7; without a method it is GET, or POST with -d."
    ),
    "rtt-out-of-range": "--rtt is the sandbox's distance in milliseconds, there and back: 0 to 5000.",
    "schema-unknown": "labctl schema takes the name of a document: labctl/result/1, or result for short.",
    "server-address": "A server is given as ADDRESS, ADDRESS:PORT, or [IPv6]:PORT.",
    "server-ended": (
        "The server ended before it took a request, and not because of the application. What it "
        "printed last is shown."
    ),
    "server-hangs": (
        "The application was imported, and its server did not become ready in time. What it printed "
        "last is shown."
    ),
    "server-missing": (
        "The server must be installed in the interpreter that runs the application. pip installs it "
        "there; --python chooses another interpreter."
    ),
    "server-not-found": "The name of the server could not be turned into an address.",
    "server-port": "Ports are 1 to 65535.",
    "shell-nested": (
        "A labctl shell inside of a labctl shell would be the same sandbox again. Leave this one first."
    ),
    "slo-invalid": (
        "--slo takes limits by phase in milliseconds (500, 500ms) or seconds (0.5s), with commas between: "
        "total=500,wait=0.2s. The phases are total, dns, connect, tls, setup, request, wait, first-byte, response and "
        "again (the second visit); the others are those of the first visit. An error page, status 400 and above, fails "
        "the run too, unless status=404 wants it or status=any allows it."
    ),
    "store-malformed": (
        "The store gave back something else than was put there: somebody else writes under the same keys."
    ),
    "target-missing": (
        "--live needs a target: a connection to the real internet goes to somebody, and only to whom you name."
    ),
    "target-port": "Ports are 1 to 65535 (RFC 9293 section 3.1); 0 asks the system for a free one and reaches nobody.",
    "target-unreachable": (
        "A demonstration needs its own sites of the sandbox, and one of them did not answer."
    ),
    "target-unreadable": (
        "A target is HOST, HOST:PORT, [IPv6]:PORT, or a URL whose scheme says the port, such as http or https."
    ),
    "target-without-tls": (
        "The scheme of this URL speaks without TLS, so there is no handshake to see. Name the host, with a port where"
        " it is not 443, or an https URL."
    ),
    "type-unknown": (
        "Record types have names (A, AAAA, MX, TXT, ...) and numbers (TYPE65). This is neither."
    ),
    "url-invalid": (
        "A URL is scheme://host[:port]/path?query. Blanks, control characters, backslashes and a user before an @ "
        "are refused, because clients do not agree on what they mean (RFC 3986)."
    ),
    "url-scheme-unknown": "Only http and https are fetched here (RFC 9110 section 4.2).",
    "usage": "The command line cannot be understood. --help after any command says what it takes.",
    "user-invalid": (
        "The name of a user of a jobs service is short and plain, since it stands in files and sessions: letters, "
        "digits, dots, hyphens, underscores and @."
    ),
    "user-unknown": (
        "Users of a jobs service are named when it is started (--user NAME), and each has a token."
    ),
    "view-hangs": (
        "A request had no answer when its time was over (--timeout). Where its thread was then is shown, and the "
        "process was ended. A view that waits for another service wants a timeout of its own."
    ),
    "violation-unknown": (
        "labctl wsgi --violate NAME serves an application that breaks the contract in one way; --violate all "
        "has the names."
    ),
    "workers-bounds": (
        "labctl workers starts what is asked for on this machine, so that there are bounds: 60 workers, 60 threads "
        "in each, 120 requests at the same time, 200 in all, and a minute of work."
    ),
}
