"""The tables of tests/protocols/caching once more, with the real edge between two sockets instead of the few lines
around the core."""

from protocols.caching.test_caching_cloudflare import *  # noqa: F403
from protocols.caching.test_caching_freshness import *  # noqa: F403
from protocols.caching.test_caching_invalidation import *  # noqa: F403
from protocols.caching.test_caching_ranges import *  # noqa: F403
from protocols.caching.test_caching_requests import *  # noqa: F403
from protocols.caching.test_caching_stale import *  # noqa: F403
from protocols.caching.test_caching_storing import *  # noqa: F403
from protocols.caching.test_caching_targeted import *  # noqa: F403
from protocols.caching.test_caching_validating import *  # noqa: F403
from protocols.caching.test_caching_vary import *  # noqa: F403
