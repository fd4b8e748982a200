"""What the application of the same name and the lab both know; without Flask."""

from __future__ import annotations

# So many requests are sent at once, and each waits so long for the others.
TOGETHER, PATIENCE_S = 3, 0.25
