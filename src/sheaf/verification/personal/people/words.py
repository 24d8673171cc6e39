"""What a word can be, weighed: lists written by hand come before the lexicon."""

from __future__ import annotations

from functools import lru_cache

from sheaf.verification.personal.kind import wordset
from sheaf.verification.personal.people import cues
from sheaf.verification.personal.people.lexicon import FAMILY, GIVEN, PLACE, WORD, lexicon
from sheaf.verification.personal.people.names import AMBIGUOUS
from sheaf.verification.personal.people.names import FAMILY as FREQUENT_FAMILY
from sheaf.verification.personal.people.names import GIVEN as FREQUENT_GIVEN

INITIAL, PARTICLE, FREQUENT = 16, 32, 64
"""What else a word can be: a letter, a word between names, a name that is on the lists written by hand."""

_PARTICLES = wordset(
    "van von de der den del della di da dos du la le bin ibn al el ter ten te zu zur av af op"
)
STOP = wordset(
    """
    the a an this that these those i you he she it we they my your his her its our their what who whom whose
    which when where why how is are was were be been do does did can could will would shall should may might
    must not no yes and or but if then else for from to of in on at by with without about as into over under
    after before please thank thanks hello hi hey dear sorry ok okay well now today tomorrow yesterday here
    there all any some each every both few more most other such only own same so than too very just also
    even still never always maybe perhaps however although because since while until unless though yet once
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july
    august september october november december mr mrs ms miss dr prof sir madam north south east west new
    old great big united states kingdom republic union international national university college school
    street road avenue lane drive suite apt apartment box address phone email mobile fax desk office website
    name date billing personal info home city state country company inc ltd llc corp corporation group bank
    insurance services solutions systems university god lord christ bible internet english french german
    spanish italian japanese chinese russian american british european african asian indian canadian
    australian irish scottish dutch danish swedish norwegian finnish polish portuguese greek turkish mexican
    brazilian hungarian czech bot user customer agent subject re fw fwd note nb hello bye good best kind
    regards sincerely let see please need how excuse
    guys folks everyone everybody team friends mate dude ladies gentlemen customers members sirs
    der die das des dem den ein eine einer eines einen im am zum zur und oder nicht ist sind war wir ihr sie er es
    ich mein dein sein kein jeder jede jedes alle viele diese dieser dieses wenn weil dass wie was wer wo auf aus
    bei mit nach von vor durch seit les le una uno unos unas et ou est sont dans pour par sur avec sans
    mais pas ne je tu il elle nous vous ils elles ce cette ces mon ton son notre votre leur que qui como por para con
    pero mi su sus esta este estos estas si gli dei della delle degli nel nella per ma non che di het een
    montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember
    lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo
    """
)
"""Words that begin sentences or name things: no part of anybody's name."""


@lru_cache(maxsize=1 << 16)
def kind_of(word: str) -> int:
    """Return what a word, in small letters, can be; 0 where nothing is known."""
    if len(word.rstrip(".")) == 1:
        return INITIAL
    if word in _PARTICLES:
        return PARTICLE
    known = lexicon()
    kind = known.get(word, 0)
    if not kind and "-" in word:
        for part in word.split("-"):
            kind |= known.get(part, 0)
    if word in FREQUENT_GIVEN:
        kind |= GIVEN | FREQUENT
    if word in FREQUENT_FAMILY:
        kind |= FAMILY | FREQUENT
    if word in AMBIGUOUS or word in STOP:
        kind |= WORD
    elif word in FREQUENT_GIVEN and word not in cues.LANDS:
        kind &= ~(WORD | PLACE)  # weighed by hand
    if word in cues.LANDS:
        kind = PLACE | (kind if word in FREQUENT_GIVEN else 0)
    return kind


def is_plain(kind: int) -> bool:
    """Say whether a word is one of English and nothing else."""
    return kind & (WORD | (GIVEN | FAMILY) | PLACE) == WORD


def is_sure(kind: int, what: int) -> bool:
    """Say whether a word is a name of that kind and, as far as is known, nothing else."""
    return bool(kind & what) and not kind & (WORD | PLACE)
