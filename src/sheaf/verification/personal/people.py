"""Names of people, and of organisations by their legal form.

A name is told by a title, by the words that introduce one, by frequent names, by a middle initial, by how family names end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sheaf.verification.personal.kind import Detector, Hit, always, before, phrases, wordset
from sheaf.verification.personal.names import AMBIGUOUS, ENDINGS, FAMILY, GIVEN

_UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮİĴĶĹĻĽĿŁŃŅŇŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽȘȚΑ-ΩА-Я"
_REST = rf"(?:[^\W\d_]*[^\W\d_{_UPPER}](?:-[{_UPPER}][^\W\d_]+)*|['’][{_UPPER}][^\W\d_]+)"
_PARTICLE = r"(?:van|von|de|der|den|del|della|di|da|dos|du|la|le|bin|ibn|al|el|ter|zu)"
_INITIAL = rf"[{_UPPER}](?:\.|(?= [{_UPPER}]))"
_TITLES = wordset(
    """mr mrs ms miss mister dr prof professor sir madam madame mme mlle monsieur herr frau fräulein señor señora sr
    sra srta signor signora sig dhr mevr rev reverend father sister brother capt captain sgt sergeant lt
    lieutenant col colonel gen general judge justice senator president officer aunt uncle"""
)
_NAME = re.compile(
    rf"(?P<name>[{_UPPER}](?<![\w@#/.&-].){_REST}"
    rf"(?:[ \u00a0](?:{_INITIAL}|(?:{_PARTICLE} ){{0,2}}[{_UPPER}]{_REST})){{0,4}})(?![\w@]|[-/]\w)"
)
_INTRODUCED = phrases(
    """
    name is | name's | name’s | name was | name | named | called him | called her | call me | calls me |
    call him | call her | people call me | i am | i'm | i’m | this is | it's under | under the name of |
    named him | named her | named after | name on the account is | name on the account? user | change it
    to | spoke to | spoke with | speak to | speak with | talk to | talk with | talked to | talked with |
    dear | hi | hello | hey | regards | sincerely | cheers | signed | signed by | written by | directed
    by | produced by | performed by | composed by | photo by | author | attn | attention | patient |
    contact | customer | client | employee | beneficiary | applicant | cardholder | account holder | son
    of | daughter of | wife of | husband of | married to | friend | colleague | boss | neighbor |
    neighbour | mom | mum | dad | husband | wife | m'appelle | heiße | me llamo | mi chiamo | ist |
    nombre es | nome è | on behalf of | signature
    """
)
_INTRODUCING = frozenset(phrase.split()[-1].rstrip("?") for phrase in _INTRODUCED)
_LAST_TWO = frozenset(ending[-2:] for ending in ENDINGS)
_PLACES = (" in", " at", " from", " to", " of", " the", " near")
_SPEECH = phrases(
    """
    says | said | explained | told | asked | replied | added | wrote | recalls | recalled | according to
    | invited | met | thanked
    """
)
_LIFE = re.compile(
    r" (?:lives|lived|resides|was born|got married|died|grew up|began writing|smiled|laughed|nodded)\b"
    r"|['’]s (?:wife|husband|son|daughter|kids?|child|children|mother|father|brother"
    r"|sister|birthday|e-?mail|killers?)\b|, (?:can|could) (?:I|you|we)\b"
)
"""What only people do or have."""
_DEED = re.compile(
    r" (?:says|said|explained|told|asked|replied|added|wrote|writes|began|recalls"
    r"|recalled|thinks|thought|believes|knows|called|sings|sang|joined|graduated"
    r"|moved|had|will be|has been)\b|['’]s (?:friend|address|phone|death|career|life"
    r"|album|novel)\b|, (?:who|aged|a resident)\b|: ?[\"“]"
)
"""What mostly people do or have."""
_LEGAL_FORMS = (
    r"Inc\.?|Incorporated|Corp\.?|Corporation|L\.?L\.?C\.?|Ltd\.?|Limited|P\.?L\.?C\.?"
    r"|L\.?L\.?P\.?|GmbH(?: & Co\. KG)?|AG|KG|OHG|e\.V\.|S\.?A\.?(?:R\.?L\.?|S\.?)?"
    r"|S\.p\.A\.|"
    r"S\.r\.l\.|B\.?V\.|N\.?V\.|Oy[jJ]?|ApS|A/S|ASA?|AB|Kft\.?|Zrt\.?|Nyrt\.?|s\.r\.o\."
    r"|a\.s\.|d\.o\.o\.|Sp\. z o\.o\.|Pty\.? Ltd\.?|Pte\.? Ltd\.?|Co\.,? Ltd\.?|"
    r"& Co\.?|Holdings?|Group|Associates|Partners|Foundation"
)
"""How firms are named in law: what makes a name surely that of an organisation."""
_FIRM = r"[^\W\d_a-zß-öø-ÿ][\w&'’.-]{0,40}"
_STOP = wordset(
    """
    the a an this that these those i you he she it we they my your his her its our their what who whom whose
    which when where why how is are was were be been do does did can could will would shall should may might
    must not no yes and or but if then else for from to of in on at by with without about as into over under
    after before please thank thanks hello hi hey dear sorry ok okay well now today tomorrow yesterday here
    there all any some each every both few more most other such only own same so than too very just also even
    still never always maybe perhaps however although because since while until unless though yet once monday
    tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december mr mrs ms miss dr prof sir madam north south east west new old great big
    united states kingdom republic union international national university college school street road avenue
    lane drive suite apt apartment box address phone email mobile fax desk office website name date billing
    personal info home city state country company inc ltd llc corp corporation group bank insurance services
    solutions systems university god lord christ bible internet english french german spanish italian japanese
    chinese russian american british european african asian indian canadian australian irish scottish dutch
    danish swedish norwegian finnish polish portuguese greek turkish mexican brazilian hungarian czech bot user
    customer agent subject re fw fwd note nb hello bye good best kind regards sincerely let see please need how
    excuse
    """
)


def _person(text: str, match: re.Match[str]) -> Sequence[Hit]:
    start, name = match.start(), match[0]
    parts = name.split()
    while parts and parts[0].lower().strip(".") in _STOP:  # the first word of a sentence
        start += len(parts[0]) + 1
        parts = parts[1:]
    while parts and parts[-1].lower() in _STOP:
        parts = parts[:-1]
    if len(parts) > 2 and parts[0].lower() not in GIVEN and parts[1].lower() in GIVEN:
        start += len(parts[0]) + 1  # somebody's trade, written large
        parts = parts[1:]
    if not parts or parts[0][-1] == ".":
        return ()
    end = start + len(" ".join(parts))
    score = _score(parts, text, start, end)
    return (Hit("person", start, end, score),) if score else ()


def _score(parts: list[str], text: str, start: int, end: int) -> float:
    """Return how surely the capitalised words are a person's name; 0 where little speaks for it."""
    low = [part.lower() for part in parts]
    is_given = low[0] in GIVEN
    is_sure = is_given and low[0] not in AMBIGUOUS
    if is_sure and len(parts) == 1:
        return 0.7
    lead = " " + " ".join(before(text, start, 28).lower().split()).rstrip("\"“' ")
    nearest = lead.rpartition(" ")[2].rstrip(".:,?")
    if nearest in _TITLES:
        return 0.95
    if len(parts) > 1 and (score := _score_of_several(parts, low, is_given, is_sure, lead)):
        return score
    if (nearest in _INTRODUCING and lead.rstrip(":,?").endswith(_INTRODUCED)) or (
        len(parts) == 2 and lead.endswith(" by")
    ):
        return 0.8
    if is_sure:
        return 0.7
    if len(parts) == 1 and len(low[0]) > 5 and _has_ending(low[0]) and not lead.endswith(_PLACES):
        return 0.6
    is_family = low[-1] in FAMILY
    if _LIFE.match(text, end):
        return 0.65
    if (is_given or is_family or len(parts) == 2) and (lead.endswith(_SPEECH) or _DEED.match(text, end)):
        return 0.65
    is_plain = is_family and len(parts) == 1 and low[0] not in AMBIGUOUS
    return 0.55 if is_plain and not lead.endswith(_PLACES) else 0.0


def _has_ending(word: str) -> bool:
    return word[-2:] in _LAST_TWO and word.endswith(ENDINGS)


def _score_of_several(parts: list[str], low: list[str], is_given: bool, is_sure: bool, lead: str) -> float:
    has_initial = any(len(part.rstrip(".")) == 1 for part in parts[1:-1])
    ends = _has_ending(low[-1])
    if is_given and (is_sure or ends or has_initial or low[-1] in FAMILY or low[-1] in GIVEN):
        return 0.85
    if has_initial and not lead.endswith(" the"):
        return 0.75
    return 0.75 if ends and not lead.endswith(_PLACES) else 0.0


def _written_small(text: str, match: re.Match[str]) -> Iterable[Hit]:
    if match["name"].split()[0] not in _STOP:
        yield Hit("person", match.start("name"), match.end("name"), 0.7)


DETECTORS = (
    Detector(
        ("person",),
        ("name is", "name's", "call me"),
        re.compile(
            r"(?:(?:my|his|her) name(?: is|'s|’s)|(?:people|friends) call me) (?P<name>[^\W\d_A-Z]{3,20}"
            r"(?: [^\W\d_A-Z]{2,20})?)(?=\s*(?:$|[.,;!?\n\0]|and\b))"
        ),
        _written_small,
        layer=2,
        tier="any",
    ),
    Detector(("person",), r"\p{Lu}\p{Ll}", _NAME, _person, layer=2, tier="any"),
    Detector(
        ("organisation",),
        r"\p{Lu}[\w&'’.-]*,? (?:Inc|Corp|L\.?L\.?C|Ltd|Limited|P\.?L\.?C|LLP|GmbH|AG"
        r"|KG|OHG|e\.V|S\.?A|S\.|B\.?V|N\.?V|Oy|ApS|A/S|AS|AB|Kft|Zrt|Nyrt|s\.r|a\.s"
        r"|d\.o|Sp\.|Pty|Pte|Co|& Co|Holding|Group|Associates|Partners|Foundation)",
        re.compile(rf"(?<!\w)(?:{_FIRM},? (?:(?:and|of|&) )?){{1,5}}(?:{_LEGAL_FORMS})(?!\w)"),
        always("organisation", 0.7),
        layer=3,
        tier="any",
    ),
)
