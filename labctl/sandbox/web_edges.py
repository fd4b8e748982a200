"""Edges of the town's web: how one is made for a site, and its way to the origin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sandbox.edge import Edge
from labctl.sandbox.edge_habits import with_habits
from labctl.sandbox.edge_profile import profile_named
from labctl.sandbox.town_sites import HTTP, HTTPS, Site

if TYPE_CHECKING:
    from labctl.sandbox.web import Web


def make_edge(site: Site, web: Web) -> Edge:
    """The edge of a site that `serves="edge:PROFILE"`. Call it in the server's loop.

    Raises KeyError when its origin is no site of the town.
    """
    origin = web.town.site(site.upstream)
    if origin is None:
        raise KeyError(site.upstream)
    address, encrypted = origin.addresses[0], "edge-encrypts-upstream" in web.habits(site)

    async def connect(factory: Callable[[], asyncio.Protocol]) -> Any:
        host, port = await web.listening(address, HTTPS if encrypted else HTTP)
        # No wire lies between an edge and its origin, and the kernel connects at once: the way is waited for here.
        if web.near(""):
            await asyncio.sleep(web.distance(address))
        more: dict[str, Any] = {}
        if encrypted:
            import ssl

            context = ssl.create_default_context(cadata=web.certificates.root_pem)
            more = {"ssl": context, "server_hostname": origin.host}
        return await asyncio.get_running_loop().create_connection(factory, host, port, **more)

    profile = with_habits(profile_named(site.serves.partition(":")[2], web.seed), web.town.web)
    return Edge(profile, connect, upstream_name=origin.host, clock=web.date)
