"""HTTP dates, strictly: the three forms of RFC 9110 section 5.6.7, and nothing else.

`email.utils` is too kind for a cache: it reads "Thu, 18 Aug 50 02:01:18 UTC", and an Expires that is no HTTP
date must count as expired (RFC 9111 section 5.3).
"""

from __future__ import annotations

import datetime
import re

from labctl.protocols.remembering import remembered

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_SHORT_DAYS = "(?:mon|tue|wed|thu|fri|sat|sun)"
_MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_TIME = "([0-9]{2}):([0-9]{2}):([0-9]{2})"
# Case does not matter to us: every implementation that minds it loses a cache hit and wins nothing.
_IMF = re.compile(rf"{_SHORT_DAYS}, ([0-9]{{2}}) {_MONTH} ([0-9]{{4}}) {_TIME} GMT", re.IGNORECASE)
_RFC850 = re.compile(rf"{_LONG_DAYS}, ([0-9]{{2}})-{_MONTH}-([0-9]{{2}}) {_TIME} GMT", re.IGNORECASE)
_ASCTIME = re.compile(rf"{_SHORT_DAYS} {_MONTH} ([0-9]{{2}}| [0-9]) {_TIME} ([0-9]{{4}})", re.IGNORECASE)


@remembered
def parse_http_date(text: str) -> float | None:
    """POSIX seconds of an HTTP date, None if `text` is none. Two-digit years lie in 1970 to 2069."""
    if match := _IMF.fullmatch(text):
        day, month, year, hour, minute, second = match.groups()
    elif match := _RFC850.fullmatch(text):
        day, month, year, hour, minute, second = match.groups()
        # The RFC counts from today (more than 50 years ahead is the past); a fixed window needs no clock.
        year = ("19" if int(year) >= 70 else "20") + year
    elif match := _ASCTIME.fullmatch(text):
        month, day, hour, minute, second, year = match.groups()
    else:
        return None
    try:
        moment = datetime.datetime(
            int(year),
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            # A leap second is the last one that datetime knows.
            min(int(second), 59) if second == "60" else int(second),
            tzinfo=datetime.UTC,
        )
    except ValueError:
        return None
    return moment.timestamp()


def write_http_date(seconds: float) -> str:
    """IMF-fixdate of POSIX seconds, "Tue, 24 Nov 2026 23:16:21 GMT"; fractions are cut off."""
    moment = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    month = _MONTHS[moment.month - 1].title()
    return f"{_DAYS[moment.weekday()]}, {moment.day:02d} {month} {moment.year:04d} {moment:%H:%M:%S} GMT"
