"""Small sites: the example domains, and the pages behind the odd certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labctl.sandbox.site import SiteAnswer, SiteRequest, text
from labctl.sandbox.site_content import content

if TYPE_CHECKING:
    from labctl.sandbox.web import Web

_DAY = 86_400.0
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<h1><img src="/image.svg" alt="" width="24" height="24"> {title}</h1>
<p>{sentence}</p>
</body>
</html>
"""
_STYLE = b"body { font-family: sans-serif; margin: 3rem auto; max-width: 36rem }\n"
_IMAGE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="4"/></svg>\n'


def example(request: SiteRequest, web: Web) -> SiteAnswer:
    """A page with a style and an image, as example.com might be."""
    if request.path == "/":
        page = _PAGE.format(
            title="Example Domain", sentence="This domain is for use in examples, and in this sandbox."
        )
        return content(
            request,
            "text/html; charset=utf-8",
            page.encode(),
            ("Cache-Control", "max-age=3600"),
            modified=web.born - 40 * _DAY,
            compressed=True,
        )
    if request.path == "/style.css":
        return content(request, "text/css", _STYLE, ("Cache-Control", "max-age=86400"))
    if request.path == "/image.svg":
        return content(request, "image/svg+xml", _IMAGE, ("Cache-Control", "max-age=86400"))
    return text(404, "There is nothing at this address.")


def tls(request: SiteRequest, web: Web) -> SiteAnswer:
    """The page behind an odd certificate: whoever reads it has not been careful, or had no reason to be."""
    if request.path != "/":
        return text(404, "There is nothing at this address.")
    site = web.town.site(request.host)
    kind = site.certificate if site is not None else ""
    sentence = f"The certificate of this site is of the kind: {kind or 'none'}."
    page = _PAGE.format(title=request.host, sentence=sentence)
    return content(request, "text/html; charset=utf-8", page.encode(), tagged=False)
