"""What Apache would refuse to start with: a mistyped directive, a wrong number of arguments."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.protocols.apache_directives import FORMS, KNOWN
from labctl.protocols.apache_grammar import Directive
from labctl.protocols.proxy_answers import ConfigError
from labctl.protocols.proxy_arguments import meant

# Beginnings of the names in well known modules that are not Apache's own, in lower case.
_OF_MODULES = (
    *("passenger", "rails", "php", "perl", "sec", "qs_", "jk", "shib", "oidc", "mellon", "auth", "geoip"),
    *("maxminddb", "xsendfile", "dos", "modpagespeed", "svn", "dav", "cas", "gss", "krb5", "python", "wsgi"),
    *("fcgid", "fastcgi", "apreq", "evasive", "bw", "bandwidth", "mono", "ruid", "assignuserid", "itk"),
)
# Lines in a macro have other words in them; a condition is not always evaluated.
_OPAQUE = ("macro",)


def is_of_a_module(key: str) -> bool:
    """Whether a directive belongs to a well known module that is not Apache's own."""
    return key.startswith(_OF_MODULES)


def refuse(directives: Sequence[Directive]) -> None:
    """Raises ConfigError for the first line that Apache would not take. What nobody here knows is let through."""
    for each in directives:
        if each.key not in KNOWN:
            if near := meant(each.key, KNOWN):
                near = _cased(near, each.name)
                raise ConfigError(f"Apache knows no directive {each.name}; was {near} meant?", each.place)
            continue
        form = FORMS.get(each.key)
        template = any(mark in word for word in each.arguments for mark in ("{{", "{%"))
        counted = form is not None and each.block is None and not template
        if counted and form is not None and (sentence := form.wrong(each.name, each.arguments)):
            raise ConfigError(sentence, each.place)
        if each.block is not None and each.key not in _OPAQUE:
            refuse(each.block)


def _cased(near: str, typed: str) -> str:
    """A name of which the case of letters is not known, as it would be typed: proxypass for ProxyPas is ProxyPass."""
    start = _alike(near, typed.lower())
    end = min(_alike(near[::-1], typed.lower()[::-1]), len(near) - start, len(typed) - start)
    return typed[:start] + near[start : len(near) - end] + typed[len(typed) - end :]


def _alike(one: str, other: str) -> int:
    """How many letters are the same from the beginning."""
    shorter = min(len(one), len(other))
    return next((at for at in range(shorter) if one[at] != other[at]), shorter)
