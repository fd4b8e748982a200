"""Whether a file's name changes with its content: a long lifetime is right for those only."""

from __future__ import annotations

import re

from labctl.protocols.caching import CacheRequest, CacheResponse, Explained
from labctl.protocols.caching_directives import choose

# style.11aa22.css, app-3f9ac1d0.js, main.DkX3_9aZ.js: some part of the name is made of the content.
_HASHED = re.compile(r"[._-](?=[\w-]*\d)(?:[0-9a-f]{6,}|[\w-]{8,})\.\w+$", re.IGNORECASE)
_LONG_S = 7 * 86_400


def same_name_for_long(request: CacheRequest, response: CacheResponse, browser: Explained) -> bool:
    """Whether browsers keep it for a week or longer under a name that does not change with the content."""
    if browser.fresh_s < _LONG_S or "immutable" in choose((), response.named).directives:
        return False
    return not _HASHED.search(request.url.partition("#")[0].partition("?")[0])


def next_line(
    request: CacheRequest, response: CacheResponse, browser: Explained, usual: str = "labctl cache"
) -> str:
    """The command that goes on from this response."""
    return "labctl cache --show busting" if same_name_for_long(request, response, browser) else usual
