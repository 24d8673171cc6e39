"""E-mail, web, IP and MAC addresses, user names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from sheaf.verification.personal.kind import Detector, Hit, always, told, wordset

_VERSION = wordset("version release v firmware build section chapter clause")
_NO_HANDLE = wordset("media import param return returns override property app see")


def _url(text: str, match: re.Match[str]) -> Iterable[Hit]:
    end = match.start() + len(match[0].rstrip(".,;:!?)]}'\"»”"))
    has_user = "@" in match[0].partition("://")[2].partition("/")[0]
    yield Hit("credentials", match.start(), end, 1.0) if has_user else Hit("url", match.start(), end, 0.6)


_FOUR = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!\Z)|\Z)){4}")
_SPECIAL = wordset("0 10 100 127 169 172 192 198 203")
"""First bytes under which some addresses are not those of the world; from 224 on none are."""


def _ip(text: str, match: re.Match[str]) -> Sequence[Hit]:
    address, first = match[0], match[0].partition(".")[0]
    is_global = _FOUR.fullmatch(address) is not None and first not in _SPECIAL and int(first) < 224
    if not is_global:  # the library knows all, and is slow
        try:
            is_global = ipaddress.ip_address(address).is_global
        except ValueError:
            return ()
    if ":" not in address and not _VERSION.isdisjoint(told(text, match.start(), 12)):
        return ()
    return (Hit("ip", match.start(), match.end(), 0.9 if is_global else 0.6),)


def _handle(_: str, match: re.Match[str]) -> Iterable[Hit]:
    if match[1].lower() not in _NO_HANDLE:
        yield Hit("username", match.start(), match.end(), 0.6)


def _named(_: str, match: re.Match[str]) -> Iterable[Hit]:
    if match["sign"] or re.search(r"[\d_.\-]|[a-z][A-Z]", match["name"]):
        yield Hit("username", match.start("name"), match.end("name"), 0.7)


DETECTORS = (
    Detector(
        ("email",),
        r"@[\w-]+\.|(?:\(|\[)(?:at|AT)(?:\)|\])",
        re.compile(
            r"(?<![\w.%+/:-])[\w.%+'-]{1,64}+(?:@| ?[(\[](?:at|AT)[)\]] ?)"
            r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,24}(?![\w@-])"
        ),
        always("email", 1.0),
        tier="any",
    ),
    Detector(
        ("credentials", "url"),
        r"://|[wW]{3}\.",
        re.compile(
            r"(?<![\w@])(?:(?:https?|ftp|ssh)://[^\s\0<>\"]+|www\.[\w-]+\.[^\s\0<>\"]+)", re.IGNORECASE
        ),
        _url,
        tier="any",
    ),
    Detector(
        ("ip",),
        r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]",
        re.compile(
            r"(?<![\w.:])(?:(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)|(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![\w:]))"
        ),
        _ip,
        tier="rare",
    ),
    Detector(
        ("mac",),
        r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}",
        re.compile(
            r"(?<![\w:-])(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}(?![\w:-])|(?<![\w:-])(?:[0-9A-Fa-f]{2}-){5}["
            r"0-9A-Fa-f]{2}(?![\w:-])"
        ),
        always("mac", 0.9),
        tier="rare",
    ),
    Detector(
        ("username",),
        r"(?:^|[\s(,:])@[A-Za-z_]",
        re.compile(r"(?<![\w@.])@([A-Za-z_]\w{2,29})(?![\w@]|\.\w)"),
        _handle,
        tier="any",
    ),
    Detector(
        ("username",),
        r"[uU]ser[ _-]?(?:[nN]ame|[iI][dD])|USERNAME|USER ?ID|[lL]og-?[iI]n|LOGIN|creen [nN]ame|[nN]ick|[hH]andle",
        re.compile(
            r"(?<!\w)(?:user ?name|user[ _-]?id|log-?in(?: name)?|screen name|nick(?:name)?|handle)"
            r"(?: (?:is|was|as)|(?P<sign>\s?[:=]))\s{0,2}[\"'“]?(?P<name>[A-Za-z0-9_][\w.\-]{2,31})",
            re.IGNORECASE,
        ),
        _named,
        tier="any",
    ),
)
