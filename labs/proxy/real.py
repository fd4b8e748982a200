"""A configuration of this lab in the words of nginx and of Apache, and the real servers with it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Literal

from labctl.errors import CannotRun
from labctl.sandbox.proxy_configuration import Configuration
from labctl.sandbox.proxy_headers import MANNERS
from labctl.sandbox.proxy_routes import Rule
from labctl.sandbox.proxy_street import Street
from labctl.sandbox.proxy_upstream import Address
from labctl.serving.reverse_proxy import StandingProxy

Apps = Mapping[str, Sequence[Address]]
_NGINX_HEADERS = {
    "nginx-default": (),
    "nginx-recommended": (
        "proxy_set_header Host $host;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $scheme;",
        "proxy_set_header X-Forwarded-Host $host;",
        "proxy_set_header X-Forwarded-Prefix /;",
    ),
}
_APACHE_HEADERS = {
    "apache-default": (),
    "apache-repaired": (
        "ProxyPreserveHost On",
        'RequestHeader set X-Forwarded-Proto "expr=%{REQUEST_SCHEME}"',
        'RequestHeader set X-Forwarded-Prefix "/"',
    ),
}


def nginx_text(configuration: Configuration, apps: Apps, *, secure: bool = False) -> str:
    """What goes into nginx's http block; LISTEN and FOLDER are filled in by `stand_nginx`."""
    lines = []
    for name, there in apps.items():
        if len(there) > 1:
            more = f" max_fails=1 fail_timeout={configuration.fail_timeout_s:g}s"
            servers = " ".join(f"server {_authority(each)}{more};" for each in there)
            lines.append(f"upstream {name} {{ {servers} }}")
    lines += ["server {", f"    listen LISTEN{' ssl' if secure else ''};", "    server_name www.shop.test;"]
    if secure:
        lines += ["    ssl_certificate FOLDER/chain.pem;", "    ssl_certificate_key FOLDER/key.pem;"]
    lines += [f"    {line}" for line in _NGINX_HEADERS[configuration.manners]]
    if not configuration.buffers_answers:
        lines.append("    proxy_buffering off;")
    if not configuration.buffers_requests:
        lines.append("    proxy_request_buffering off;")
    lines.append("    client_max_body_size 64m;")
    if configuration.rewrites:
        lines += [f"    proxy_redirect {inner} {outer};" for inner, outer in configuration.rewrites]
    else:
        lines.append("    proxy_redirect off;")
    if configuration.root:
        lines.append(f"    root {configuration.root};")
    for rule in configuration.rules:
        how = "" if rule.how == "prefix" else f"{rule.how} "
        lines.append(f"    location {how}{rule.path} {{ {_nginx_deed(rule, apps)} }}")
    return "\n".join([*lines, "}", ""])


def _nginx_deed(rule: Rule, apps: Apps) -> str:
    if rule.kind == "alias":
        return f"alias {rule.to};"
    there = apps[rule.to]
    return f"proxy_pass http://{rule.to if len(there) > 1 else _authority(there[0])};"


def apache_text(configuration: Configuration, apps: Apps, *, secure: bool = False) -> str:
    """What an Apache is configured with; LISTEN and FOLDER are filled in by `stand_apache`."""
    lines = []
    if secure:
        lines += [
            "SSLEngine on",
            'SSLCertificateFile "FOLDER/chain.pem"',
            'SSLCertificateKeyFile "FOLDER/key.pem"',
        ]
    lines += _APACHE_HEADERS[configuration.manners]
    lines.append("ProxyRequests Off")
    if configuration.root:
        lines.append(f'DocumentRoot "{configuration.root}"')
    lines += [
        f'<Directory "{folder}">\n    Require all granted\n</Directory>' for folder in _folders(configuration)
    ]
    for name, there in apps.items():
        if len(there) > 1:
            retry = f" retry={configuration.fail_timeout_s:g}"
            members = "\n".join(f'    BalancerMember "http://{_authority(each)}"{retry}' for each in there)
            lines.append(f'<Proxy "balancer://{name}">\n{members}\n</Proxy>')
    lines += [_apache_rule(rule, apps) for rule in configuration.rules]
    lines += [
        f'ProxyPassReverse "{rule.path}" "{inner}{rule.path}"'
        for inner, _ in configuration.rewrites
        for rule in configuration.rules
        if rule.kind == "pass"
    ]
    return "\n".join([*lines, ""])


def _apache_rule(rule: Rule, apps: Apps) -> str:
    if rule.kind == "alias":
        return f'Alias "{rule.path}" "{rule.to}"'
    if rule.kind == "except":
        target = "!"
    else:
        there = apps[rule.to]
        where = f"balancer://{rule.to}" if len(there) > 1 else f"http://{_authority(there[0])}"
        target = f"{where}{rule.path}"
    if rule.in_location:
        return f'<Location "{rule.path}">\n    ProxyPass "{target}"\n</Location>'
    return f'ProxyPass "{rule.path}" "{target}"' if target != "!" else f'ProxyPass "{rule.path}" !'


def _folders(configuration: Configuration) -> list[str]:
    found = [rule.to for rule in configuration.rules if rule.kind == "alias"]
    return list(dict.fromkeys([*found, *([configuration.root] if configuration.root else [])]))


def _authority(address: Address) -> str:
    return f"{address[0]}:{address[1]}"


def real(
    server: Literal["nginx", "apache"],
    stack: contextlib.ExitStack,
    street: Street,
    configuration: Configuration,
    apps: Apps,
    *,
    secure: bool = False,
) -> StandingProxy:
    """The real server with this configuration; it ends with the stack. Raises CannotRun as `expect` and `stand_*`."""
    from labctl.serving.apache import stand_apache
    from labctl.serving.nginx import stand_nginx

    expect(server)
    leaf = street.leaf()
    files = {"chain.pem": leaf.chain, "key.pem": leaf.key} if secure else {}
    if MANNERS[configuration.manners].server != server:
        raise ValueError(f"{configuration.manners} are not the manners of {server}")
    if server == "nginx":
        return stack.enter_context(
            stand_nginx(nginx_text(configuration, apps, secure=secure), files=files, secure=secure)
        )
    return stack.enter_context(
        stand_apache(apache_text(configuration, apps, secure=secure), files=files, secure=secure)
    )


def expect(server: Literal["nginx", "apache"]) -> None:
    """Raises CannotRun server-missing, with what installs it."""
    from labctl.capabilities.tools import tool

    found = tool("apache2" if server == "apache" else server)
    if not found.have:
        fixes = (*((found.fix,) if found.fix else ()), "labctl proxy   takes its own proxy")
        name = "Apache" if server == "apache" else "nginx"
        raise CannotRun(
            "server-missing", f"{name} is not installed", evidence=(("tried", found.step),), fixes=fixes
        )
