"""RFC 9651, as far as caching needs it."""

import pytest

from labctl.protocols.structured_fields import (
    Member,
    NotStructured,
    Token,
    parse_dictionary,
    parse_list,
    write_list,
)


def test_a_dictionary():
    read = parse_dictionary('max-age=60, no-store, x="s", y=1.5, z=(1 2), t=foo, b=?0, c=:YQ==:, d=@5')
    assert read == {
        "max-age": 60, "no-store": True, "x": "s", "y": 1.5, "z": None, "t": "foo", "b": False, "c": b"a",
        "d": "1970-01-01 00:00:05+00:00",
    }  # fmt: skip
    assert isinstance(read["t"], Token)
    assert not isinstance(read["x"], Token)


@pytest.mark.parametrize(
    "text", ["A=1", "a=1, &&", "a =1", "a= 1", "a=1,", 'a="', "a=9999999999999999", "\xe9"]
)
def test_what_is_no_dictionary(text):
    with pytest.raises(NotStructured):
        parse_dictionary(text)


def test_a_list_is_written_as_it_was_read():
    members = parse_list('edge; hit; ttl=-3, "far edge"; fwd=stale; detail="a \\"b\\""')
    assert members[0] == Member("edge", {"hit": True, "ttl": -3})
    assert parse_list(write_list(members)) == members


def test_what_cannot_be_written():
    with pytest.raises(NotStructured):
        write_list((Member(Token("two words"), {}),))
