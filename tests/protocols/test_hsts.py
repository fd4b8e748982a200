"""HSTS: what a host said, how long it holds, and for whom (RFC 6797)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.protocols.hsts import HstsMemory, Policy, parse


@pytest.mark.parametrize(
    ("value", "policy"),
    [
        ("max-age=31536000", Policy(31536000)),
        ('max-age="31536000"', Policy(31536000)),
        (" max-age = 60 ; includeSubDomains ; preload", Policy(60, True)),
        ("includesubdomains; MAX-AGE=0", Policy(0, True)),
        ("max-age=60;;", Policy(60)),
        ("max-age=60; unknown=x", Policy(60)),
        ("includeSubDomains", None),
        ("max-age", None),
        ("max-age=", None),
        ("max-age=-1", None),
        ("max-age=60; max-age=61", None),
        ("max-age=6 0", None),
        ("", None),
    ],
)
def test_a_field_is_read_or_ignored(value: str, policy: Policy | None) -> None:
    assert parse(value) == policy


def test_a_host_is_known_until_its_time_is_over() -> None:
    memory = HstsMemory()
    memory.learn("shop.test", "max-age=60", 100.0)
    assert memory.wants_https("shop.test", 159.9)
    assert not memory.wants_https("shop.test", 160.0)
    assert not memory.wants_https("www.shop.test", 100.0)


def test_subdomains_are_meant_only_when_they_are_named() -> None:
    memory = HstsMemory()
    memory.learn("shop.test", "max-age=60; includeSubDomains", 0.0)
    assert memory.wants_https("a.b.shop.test", 1.0)
    assert not memory.wants_https("notshop.test", 1.0)
    assert not memory.wants_https("test", 1.0)


def test_max_age_0_forgets_and_an_address_is_never_learnt() -> None:
    memory = HstsMemory()
    memory.learn("shop.test", "max-age=60", 0.0)
    memory.learn("shop.test", "max-age=0", 1.0)
    memory.learn("192.0.2.1", "max-age=60", 0.0)
    memory.learn("shop.test", "garbage", 0.0)
    assert len(memory) == 0


def test_the_memory_is_bounded() -> None:
    memory = HstsMemory()
    for number in range(3000):
        memory.learn(f"h{number}.test", "max-age=60", 0.0)
    assert len(memory) == 1000
    assert memory.wants_https("h2999.test", 0.0)


@given(st.text(max_size=100))
def test_whatever_a_server_says_is_read_or_ignored(value: str) -> None:
    policy = parse(value)
    assert policy is None or 0 <= policy.max_age <= 10**11
