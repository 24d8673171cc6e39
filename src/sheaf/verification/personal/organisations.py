"""Organisations, where a legal form makes them unambiguous."""

from __future__ import annotations

import re

from sheaf.verification.personal.kind import Detector, always

_FORMS = (
    r"Inc\.?|Incorporated|Corp\.?|Corporation|L\.?L\.?C\.?|Ltd\.?|Limited|P\.?L\.?C\.?|L\.?L\.?P\.?|GmbH(?: & Co\. KG)?|AG|KG|OHG|e\.V\.|S\.?A\.?(?:R\.?L\.?|S\.?)?|S\.p\.A\.|"
    r"S\.r\.l\.|B\.?V\.|N\.?V\.|Oy[jJ]?|ApS|A/S|ASA?|AB|Kft\.?|Zrt\.?|Nyrt\.?|s\.r\.o\.|a\.s\.|d\.o\.o\.|Sp\. z o\.o\.|Pty\.? Ltd\.?|Pte\.? Ltd\.?|Co\.,? Ltd\.?|"
    r"& Co\.?|Holdings?|Group|Associates|Partners|Foundation"
)
_WORD = r"[^\W\d_a-zß-öø-ÿ][\w&'’.-]*"

DETECTORS = (
    Detector(
        ("organisation",),
        r"\p{Lu}[\w&'’.-]*,? (?:Inc|Corp|L\.?L\.?C|Ltd|Limited|P\.?L\.?C|LLP|GmbH|AG|KG|OHG|e\.V|S\.?A|S\.|B\.?V|N\.?V|Oy|ApS|A/S|AS|AB|Kft|Zrt|Nyrt|s\.r|a\.s|d\.o|Sp\.|Pty|Pte|Co|& Co|Holding|Group|Associates|Partners|Foundation)",
        re.compile(rf"(?<!\w)(?:{_WORD},? (?:(?:and|of|&) )?){{1,5}}(?:{_FORMS})(?!\w)"),
        always("organisation", 0.7),
        layer=3,
    ),
)
