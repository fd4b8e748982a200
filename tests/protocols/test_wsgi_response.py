"""A WSGI response: its framing, when its head goes out, and each way to break the contract by its name."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.protocols.http1 import BodyReader, read_response_head, response_framing
from labctl.protocols.wsgi_call import call
from labctl.protocols.wsgi_contract import VIOLATIONS, ContractBroken
from labctl.protocols.wsgi_response import WsgiResponse

PLAIN = [("Content-Type", "text/plain")]


class Ran:
    """What an application made of one request: the sends, the response, what was raised, and what the client reads."""

    def __init__(self, app, method="GET", version="1.1", keeps=True):
        self.sends = []
        self.response = WsgiResponse(method, version, keeps=keeps, transmit=self.transmit, date=b"now")
        self.raised = call(app, {}, self.response, self.transmit)
        self.broken = [each.name for each in self.response.broken]
        self.pieces = self.response.fail("500 Internal Server Error", "It failed.") if self.raised else []
        if self.pieces:
            self.transmit(self.pieces)
        self.raw = b"".join(self.sends)
        self.method = method

    def transmit(self, pieces):
        assert all(pieces)
        self.sends.append(b"".join(pieces))

    @property
    def head(self):
        return read_response_head(self.raw)[0]

    def body(self):
        """As a client reads it; (content, whether it came to its end)."""
        head, at = read_response_head(self.raw)
        reader = BodyReader(response_framing(self.method, head))
        content = reader.feed(self.raw[at:])
        assert not reader.excess
        return content, reader.done or reader.framing.kind == "close"

    def field(self, name):
        return [value for key, value in self.head.fields if key.lower() == name.lower()]


def answer(status="200 OK", headers=PLAIN, body=(b"hello",)):
    def app(environ, start_response):
        start_response(status, list(headers))
        return body

    return app


def items(*given):
    yield from given


class TestTheEndOfTheBody:
    def test_a_list_with_one_item_says_how_long_it_is_and_goes_out_in_one_send(self):
        ran = Ran(answer(body=[b"hello"]))
        assert ran.field("Content-Length") == ["5"]
        assert len(ran.sends) == 1
        assert ran.body() == (b"hello", True)

    def test_anything_that_has_the_length_one_does_too(self):
        class Sized:
            def __len__(self):
                return 1

            def __iter__(self):
                return iter([b"hello"])

        assert Ran(answer(body=Sized())).field("Content-Length") == ["5"]

    def test_no_item_at_all_is_length_zero(self):
        for body in ([], [b""], items(), items(b"", b"")):
            ran = Ran(answer(body=body))
            assert ran.field("Content-Length") == ["0"]
            assert ran.body() == (b"", True)

    def test_a_generator_is_sent_in_chunks_one_send_an_item(self):
        ran = Ran(answer(body=items(b"a", b"", b"bc")))
        assert ran.field("Transfer-Encoding") == ["chunked"]
        assert not ran.field("Content-Length")
        assert [send[-8:] for send in ran.sends] == [b"\r\n1\r\na\r\n", b"2\r\nbc\r\n", b"0\r\n\r\n"]
        assert ran.body() == (b"abc", True)

    def test_several_items_of_a_list_go_out_together(self):
        ran = Ran(answer(body=[b"a", b"bc"]))
        assert len(ran.sends) == 1
        assert ran.body() == (b"abc", True)

    def test_the_length_that_the_application_gives_is_used(self):
        ran = Ran(answer(headers=[*PLAIN, ("content-length", "3")], body=items(b"a", b"bc")))
        assert ran.field("Content-Length") == ["3"]
        assert not ran.field("Transfer-Encoding")
        assert ran.raw.endswith(b"abc")
        assert ran.response.keeps

    def test_http_1_0_without_a_length_ends_with_the_connection(self):
        ran = Ran(answer(body=items(b"a", b"bc")), version="1.0")
        assert not ran.field("Transfer-Encoding")
        assert ran.field("Connection") == ["close"]
        assert not ran.response.keeps
        assert ran.body() == (b"abc", True)

    def test_http_1_0_with_a_length_says_that_the_connection_stays(self):
        ran = Ran(answer(body=[b"a"]), version="1.0")
        assert ran.field("Connection") == ["keep-alive"]
        assert ran.response.keeps

    def test_a_connection_that_ends_says_so(self):
        assert Ran(answer(), keeps=False).field("Connection") == ["close"]
        assert Ran(answer()).field("Connection") == []

    def test_the_answer_to_head_has_the_length_and_no_body(self):
        ran = Ran(answer(body=[b"hello"]), method="HEAD")
        assert ran.field("Content-Length") == ["5"]
        assert ran.raw.endswith(b"\r\n\r\n")
        assert not ran.broken

    def test_an_empty_answer_to_head_says_nothing_about_the_length(self):
        assert Ran(answer(body=[]), method="HEAD").field("Content-Length") == []
        given_ = Ran(answer(headers=[("Content-Length", "7")], body=[]), method="HEAD")
        assert given_.field("Content-Length") == ["7"]
        assert not given_.broken
        assert given_.response.keeps

    def test_head_stops_a_stream_after_its_first_item(self):
        taken = []

        def stream():
            for number in range(1000):
                taken.append(number)
                yield b"x"

        ran = Ran(answer(body=stream()), method="HEAD")
        assert len(taken) == 1
        assert ran.field("Transfer-Encoding") == []

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    def test_a_status_without_a_body_has_none(self, status):
        ran = Ran(answer(status=status, body=[]))
        assert ran.raw.endswith(b"\r\n\r\n")
        assert not ran.field("Content-Length")
        assert not ran.field("Transfer-Encoding")
        assert not ran.broken
        assert ran.response.keeps

    def test_content_length_of_a_204_is_left_out_and_that_of_a_304_stays(self):
        length = [("Content-Length", "0")]
        assert Ran(answer(status="204 No Content", headers=length, body=[])).field("Content-Length") == []
        assert Ran(answer(status="304 Not Modified", headers=length, body=[])).field("Content-Length") == [
            "0"
        ]

    def test_date_and_server_are_added_and_those_of_the_application_stay(self):
        assert Ran(answer()).field("Date") == ["now"]
        ran = Ran(answer(headers=[("date", "then"), ("SERVER", "mine")]))
        assert (ran.field("Date"), ran.field("Server")) == (["then"], ["mine"])

    def test_headers_keep_their_order_and_their_spelling(self):
        ran = Ran(answer(headers=[("X-b", "1"), ("Content-length", "5"), ("x-B", "2"), ("Set-Cookie", "a")]))
        assert ran.head.fields[:4] == (
            ("X-b", "1"),
            ("Content-length", "5"),
            ("x-B", "2"),
            ("Set-Cookie", "a"),
        )

    @settings(deadline=None)
    @given(
        st.lists(st.binary(max_size=30), max_size=6),
        st.sampled_from(["list", "tuple", "generator"]),
        st.sampled_from(["1.0", "1.1"]),
        st.sampled_from(["GET", "HEAD", "POST"]),
        st.sampled_from(["200 OK", "404 Not Found", "204 No Content", "304 Not Modified"]),
        st.sampled_from([None, -3, 0, 3]),
    )
    def test_what_the_client_reads_is_what_the_application_gave(
        self, given_, kind, version, method, status, off
    ):
        whole = b"".join(given_)
        promised = None if off is None else max(0, len(whole) + off)
        headers = [] if promised is None else [("Content-Length", str(promised))]
        body = items(*given_) if kind == "generator" else (tuple if kind == "tuple" else list)(given_)
        ran = Ran(answer(status=status, headers=headers, body=body), method=method, version=version)
        assert ran.raised is None
        content, ended = ran.body()
        if method == "HEAD" or status[:3] in ("204", "304"):
            assert (content, ended) == (b"", True)
        elif promised is None:
            assert (content, ended) == (whole, True)
        else:
            assert content == whole[:promised]
            assert ended is (len(whole) >= promised)
            assert ("body-too-long" in ran.broken) is (len(whole) > promised)
            assert ("body-too-short" in ran.broken) is (len(whole) < promised)
        if not ended:
            assert not ran.response.keeps


class TestStartResponse:
    def test_nothing_is_sent_before_the_first_bytes_of_the_body(self):
        seen = []
        ran = None

        def stream(sends):
            seen.append(len(sends))
            yield b""
            seen.append(len(sends))
            yield b"a"
            seen.append(len(sends))

        response = WsgiResponse("GET", "1.1", transmit=lambda pieces: None)
        sends = []

        def app(environ, start_response):
            start_response("200 OK", [])
            return stream(sends)

        call(app, {}, response, sends.append)
        assert seen == [0, 0, 1]
        assert ran is None

    def test_it_may_be_called_when_the_iterable_is_already_asked(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)
            yield b"late"

        assert Ran(app).body() == (b"late", True)

    def test_with_exc_info_the_second_status_counts_when_nothing_is_sent(self):
        def app(environ, start_response):
            start_response("200 OK", [("X-First", "1")])
            try:
                raise RuntimeError("oops")
            except RuntimeError:
                start_response("500 Oops", PLAIN, sys.exc_info())
            return [b"sorry"]

        ran = Ran(app)
        assert (ran.head.status, ran.head.reason) == (500, "Oops")
        assert not ran.field("X-First")
        assert ran.body() == (b"sorry", True)
        assert not ran.broken

    def test_with_exc_info_the_exception_comes_back_when_the_head_is_out(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)
            yield b"begun"
            try:
                raise RuntimeError("oops")
            except RuntimeError:
                start_response("500 Oops", PLAIN, sys.exc_info())
            yield b"never"

        ran = Ran(app)
        assert isinstance(ran.raised, RuntimeError)
        assert ran.pieces is None
        assert ran.head.status == 200
        assert ran.body() == (b"begun", False)
        assert not ran.response.keeps

    def test_write_sends_at_once_and_what_is_returned_comes_after_it(self):
        def app(environ, start_response):
            write = start_response("200 OK", PLAIN)
            write(b"one ")
            write(b"")
            write(b"two ")
            return [b"three"]

        ran = Ran(app)
        assert len(ran.sends) == 3
        assert ran.body() == (b"one two three", True)

    def test_an_empty_write_sends_the_head(self):
        def app(environ, start_response):
            start_response("200 OK", PLAIN)(b"")
            return []

        ran = Ran(app)
        assert ran.sends[0].endswith(b"\r\n\r\n")
        assert ran.body() == (b"", True)


class TestFailure:
    def test_before_the_head_it_is_a_500(self):
        def app(environ, start_response):
            start_response("200 OK", [("X-Secret", "1")])
            raise ValueError("no")

        ran = Ran(app)
        assert isinstance(ran.raised, ValueError)
        assert ran.head.status == 500
        assert not ran.field("X-Secret")
        assert ran.body() == (b"It failed.\n", True)
        assert ran.field("Connection") == ["close"]

    def test_the_500_to_a_head_request_has_no_body(self):
        assert Ran(answer(body=None), method="HEAD").raw.endswith(b"\r\n\r\n")

    def test_sys_exit_in_an_application_ends_its_request_alone(self):
        def app(environ, start_response):
            sys.exit(3)

        ran = Ran(app)
        assert isinstance(ran.raised, SystemExit)
        assert ran.head.status == 500

    @pytest.mark.parametrize("fails", [False, True])
    def test_close_is_called_once_whatever_happens(self, fails):
        closed = []

        class Body:
            def __iter__(self):
                yield b"a"
                if fails:
                    raise ValueError

            def close(self):
                closed.append(True)

        Ran(answer(body=Body()))
        assert closed == [True]

    def test_a_client_that_goes_away_ends_the_iteration_and_close_is_called(self):
        closed = []

        def stream():
            try:
                while True:
                    yield b"a"
            finally:
                closed.append(True)

        def gone(pieces):
            raise ConnectionResetError

        response = WsgiResponse("GET", "1.1", transmit=gone)
        raised = call(answer(body=stream()), {}, response, gone)
        assert isinstance(raised, ConnectionResetError)
        assert closed == [True]


def starting(*words, **named):
    def app(environ, start_response):
        start_response(*words, **named)
        return [b"x"]

    return app


def twice(environ, start_response):
    start_response("200 OK", PLAIN)
    start_response("201 Created", PLAIN)
    return [b"x"]


def writing(data):
    def app(environ, start_response):
        start_response("200 OK", PLAIN)(data)
        return []

    return app


class Closing:
    def __iter__(self):
        return iter([b"x"])

    def close(self):
        raise ValueError("no")


KEPT = []


def keeping_start_response(environ, start_response):
    KEPT.append(start_response)
    KEPT.append(start_response("200 OK", PLAIN))
    return [b"x"]


def late(number, *words):
    def app(environ, start_response):
        KEPT.clear()
        Ran(keeping_start_response)
        KEPT[number](*words)
        return [b"x"]

    return app


REFUSED = [
    ("start-response-missing", lambda environ, start_response: [b"x"]),
    ("start-response-missing", lambda environ, start_response: []),
    ("start-response-twice", twice),
    ("status-not-str", starting(b"200 OK", PLAIN)),
    ("status-not-str", starting(200, PLAIN)),
    ("status-malformed", starting("200", PLAIN)),
    ("status-malformed", starting("OK", PLAIN)),
    ("status-malformed", starting("2000 OK", PLAIN)),
    ("status-malformed", starting("²00 OK", PLAIN)),
    ("status-malformed", starting("200 OK\r\nX-Injected: 1", PLAIN)),
    ("status-informational", starting("100 Continue", PLAIN)),
    ("status-informational", starting("999 Wow", PLAIN)),
    ("header-not-pair", starting("200 OK", [("a", "b", "c")])),
    ("header-not-pair", starting("200 OK", ["ab"])),
    ("header-not-pair", starting("200 OK", None)),
    ("header-not-pair", starting("200 OK", {"Content-Type": "text/plain"})),
    ("header-not-str", starting("200 OK", [("X-A", 1)])),
    ("header-not-str", starting("200 OK", [(b"X-A", b"1")])),
    ("header-not-str", starting("200 OK", [("X-A", ["1"])])),
    ("header-name", starting("200 OK", [("X A", "1")])),
    ("header-name", starting("200 OK", [("X-A:", "1")])),
    ("header-name", starting("200 OK", [("", "1")])),
    ("header-name", starting("200 OK", [("X-A\r\nX-B", "1")])),
    ("header-control", starting("200 OK", [("X-A", "1\r\nX-Injected: 1")])),
    ("header-control", starting("200 OK", [("X-A", "1\n")])),
    ("header-control", starting("200 OK", [("X-A", "\x00")])),
    ("header-control", starting("200 OK", [("X-A", "€\r\nX-Injected: 1")])),
    ("header-not-latin-1", starting("200 OK", [("X-A", "€")])),
    ("header-not-latin-1", starting("200 €", PLAIN)),
    ("header-hop-by-hop", starting("200 OK", [("connection", "close")])),
    ("header-hop-by-hop", starting("200 OK", [("Transfer-Encoding", "chunked")])),
    ("length-malformed", starting("200 OK", [("Content-Length", "1a")])),
    ("length-malformed", starting("200 OK", [("Content-Length", "-1")])),
    ("length-malformed", starting("200 OK", [("Content-Length", "²")])),
    ("length-twice", starting("200 OK", [("Content-Length", "1"), ("content-length", "1")])),
    ("iterable-missing", answer(body=None)),
    ("iterable-missing", answer(body=7)),
    ("iterable-str", answer(body="hello")),
    ("iterable-bytes", answer(body=b"hello")),
    ("item-not-bytes", answer(body=["hello"])),
    ("item-not-bytes", answer(body=[b"hello", 7])),
    ("item-not-bytes", answer(body=items("hello"))),
    ("item-not-bytes", answer(body=[bytearray(b"hello")])),
    ("write-not-bytes", writing("hello")),
]  # fmt: skip
NOTED = [
    ("headers-not-list", starting("200 OK", tuple(PLAIN)), "GET"),
    ("header-status", starting("200 OK", [("Status", "200 OK")]), "GET"),
    ("body-too-long", answer(headers=[("Content-Length", "2")], body=items(b"a", b"bc", b"d")), "GET"),
    ("body-too-short", answer(headers=[("Content-Length", "9")]), "GET"),
    ("body-forbidden", answer(status="204 No Content"), "GET"),
    ("body-forbidden", answer(status="304 Not Modified", body=items(b"a", b"b")), "HEAD-LESS"),
    ("close-raised", answer(body=Closing()), "GET"),
]
# Outside of a request they break the contract of a request that is over.
LATE = [("start-response-late", late(0, "200 OK", PLAIN)), ("write-late", late(1, b"x"))]


class TestEachWayToBreakTheContract:
    @pytest.mark.parametrize(("name", "app"), REFUSED)
    def test_what_would_be_another_message_is_a_500(self, name, app):
        ran = Ran(app)
        assert ran.broken == [name]
        assert VIOLATIONS[name].refused
        assert isinstance(ran.raised, ContractBroken)
        assert ran.raised.breach.detail.endswith(".")
        assert str(ran.raised).endswith(VIOLATIONS[name].rule)
        assert ran.head.status == 500
        assert b"Injected" not in ran.raw

    @pytest.mark.parametrize(("name", "app", "method"), NOTED)
    def test_what_does_no_harm_is_served_and_noted(self, name, app, method):
        ran = Ran(app, method=method)
        assert ran.broken == [name]
        assert not VIOLATIONS[name].refused
        assert ran.raised is None
        assert ran.head.status in (200, 204, 304)

    @pytest.mark.parametrize(("name", "app"), LATE)
    def test_what_belongs_to_a_request_that_is_over_is_refused(self, name, app):
        ran = Ran(app)
        assert isinstance(ran.raised, ContractBroken)
        assert ran.raised.breach.name == name
        assert ran.head.status == 500

    def test_a_bad_item_after_good_ones_cuts_the_stream(self):
        ran = Ran(answer(body=items(b"good", "bad")))
        assert ran.broken == ["item-not-bytes"]
        assert ran.pieces is None
        assert ran.body() == (b"good", False)

    def test_all_violations_are_seen_in_these_tests_and_say_what_the_rule_is(self):
        assert {name for name, *_ in (*REFUSED, *NOTED, *LATE)} == set(VIOLATIONS)
        for violation in VIOLATIONS.values():
            assert violation.rule.endswith(".")
            assert violation.source

    @settings(deadline=None)
    @given(st.text(max_size=20), st.text(max_size=20))
    def test_no_header_makes_another_message(self, name, value):
        ran = Ran(starting("200 OK", [(name, value)]))
        if ran.raised is None:
            assert [(key, v) for key, v in ran.head.fields if key == name] == [(name, value.strip(" \t"))]
            assert len(ran.head.fields) == 4 - (name.lower() in ("date", "server", "content-length"))
        else:
            assert ran.head.status == 500
            assert len(ran.head.fields) == 5
