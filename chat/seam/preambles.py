"""What a model says before it continues an answer, or instead of continuing.

A remark is a sentence or line made up only of words for continuing: with one other word, a digit
or a quotation mark, it is part of the answer.
"""

import re
from dataclasses import dataclass

LONGEST = 400  # characters of all remarks together
PAUSES = ".:!?…\n"
_END = re.compile(rf"[{PAUSES}]")
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_BETWEEN = re.compile(r"(?:[^\W\d]|[ ,;'\u2019*()\[\]\u2013\u2014\u00a0\u202f-])*")
_CLOSING = re.compile(r"[.:!?…]*[)\]*_]*")
_BEHIND = re.compile(r"[ \t]*\n{1,2}|[ \t]?")  # anything after belongs to the answer


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


POLITE = _set_of(
    "sure certainly of course okay ok absolutely alright right got it understood no problem yes "
    "great thing apologies sorry about that my klar natürlich gerne gern sicher "
    "selbstverständlich entschuldigung entschuldige verzeihung tut mir leid kein problem "
    "bien sûr d accord certainement désolé désolée pardon très pas de problème toutes mes "
    "excuses"
)
FILLING = _set_of(
    "of it thing about that my no yes great right d de pas mes très tut mir kein toutes"
)
GOING_ON = _set_of(
    "continuing continuation continued continue rest remainder remaining left stopped cut cut-off "
    "cutoff interruption interrupted resume resuming again carry "
    "restliche restlichen weiter fort fortsetzung unterbrechung abbruch abgebrochen unterbrochen "
    "abgeschnitten aufgehört nochmal "
    "suite reste continuons poursuis reprends reprenons coupure coupée interrompu interrompue "
    "arrêté arrêtée"
)
DONE = _set_of(
    "complete completed finished nothing fully everything vollständig fertig abgeschlossen "
    "komplett nichts alles complète complet terminée terminé achevée rien"
)
SPEAKERS = _set_of("i we ich wir je")
SPEECH = _set_of(  # their verbs in a remark; "I go on where you left off" may be the answer
    "ll will apologize m am ve mache fahre setze habe war continue poursuis reprends m"
)
LANGUAGES = [
    _set_of(words)
    for words in (
        "sure certainly of course okay ok absolutely alright right got it understood no problem yes"
        " great thing apologies apologize sorry my here s continuing continuation continued"
        " continue let i ll m ve am picking pick up to resuming resume as the that your this there"
        " nothing everything going go we is are rest remainder remaining part parts our answer"
        " response reply text code table list explanation story message previous last earlier"
        " original final full fully complete completed whole from where you left off stopped broke"
        " was were be been had have has cut cut-off cutoff short interrupted interruption ended me"
        " us will with on at for about and now exactly point again below ahead carry just back"
        " requested asked looks look seems appears already finished done add more further anything"
        " else need any questions know if would like help want please feel free ask",
        "klar natürlich gerne gern sicher selbstverständlich okay ok hier ist kommt folgt der die"
        " das den dem des es rest restliche restlichen teil antwort text code tabelle liste geht s"
        " weiter mache fahre fort setze wir ich fortsetzung meine meiner deine entschuldigung"
        " entschuldige verzeihung tut mir leid kein problem für unterbrechung abbruch wurde war"
        " bin habe hatte abgebrochen unterbrochen abgeschnitten wo aufgehört stehen geblieben bei"
        " an stelle genau nun jetzt dort dass und nochmal letzte letzten vorherige vorherigen"
        " sieht aus wirkt scheint bereits schon vollständig fertig abgeschlossen komplett sein zu"
        " nichts alles mehr hinzuzufügen als sei wäre gibt",
        "bien sûr d accord certainement très ok pas de problème voici la le les l suite reste"
        " réponse texte code tableau liste je j continue continuons poursuis reprends reprenons là"
        " où me m suis étais arrêté arrêtée à pour coupure interruption désolé désolée pardon"
        " toutes mes excuses excusez excuse moi ma mon du des en et maintenant a été coupée"
        " interrompu interrompue elle il c est était semble être déjà complète complet terminée"
        " terminé achevée n y rien ajouter plus que",
    )
]


@dataclass(frozen=True)
class Remarks:
    end: int = 0  # of the remarks, with their trailing whitespace
    is_certain: bool = False  # else they are remarks only if a repetition follows


def remarks(head: str, *, is_all: bool) -> Remarks | None:
    """The remarks at the start of `head`; None if more text is needed to tell."""
    end, kinds = 0, set()
    while True:
        if len(head) > LONGEST and not is_all:
            return Remarks()
        found = _remark(head, end, is_all=is_all)
        if found is None:
            return None
        if not found or ("closing" in found.kinds and "done" not in kinds):
            return _judged(head, end, kinds)
        end = found.end
        kinds |= found.kinds


@dataclass(frozen=True)
class _Remark:
    end: int
    kinds: frozenset[str]


def _judged(head: str, end: int, kinds: set[str]) -> Remarks:
    is_last = end == len(head)
    is_certain = "on" in kinds or ("apart" in kinds and "done" not in kinds)
    return Remarks(end, is_certain or ("done" in kinds and is_last))


def _remark(head: str, start: int, *, is_all: bool) -> _Remark | bool | None:
    """The one at `start`; False if there is none, None if undecided yet."""
    if start == len(head):
        return False if is_all else None
    stop = _END.search(head, start)
    if not stop and not is_all:
        return None if _may_be_one(head[start:]) else False
    body = head[start : stop.start() if stop else len(head)]
    words = _words(body)
    if not _may_be_one(body, is_whole=True) or not words:
        return False
    closing = _CLOSING.match(head, stop.start() if stop else len(head)).end()
    end = _BEHIND.match(head, closing).end()
    if end == len(head) and not is_all and not head.endswith("\n\n"):
        return None
    pause, behind = head[stop.start() : closing] if stop else "", head[closing:end]
    if ":" in pause and "\n" not in behind:
        end = closing  # the space may belong to the answer
    kinds = _kinds_of(words, pause, behind, is_last=end == len(head))
    return _Remark(end, kinds) if kinds else False


def _kinds_of(words: list[str], pause: str, behind: str, *, is_last: bool) -> frozenset[str]:
    announces = ":" in pause or "…" in pause or ".." in pause
    if pause and not behind and not announces and not is_last:
        return frozenset()  # a period within a word
    if words[0] in SPEAKERS and SPEECH.isdisjoint(words[1:2]):
        return frozenset()
    if FILLING.issuperset(words):
        return frozenset()  # "Yes:"
    kinds = {"apart"} if POLITE.issuperset(words) and (announces or "\n\n" in behind) else set()
    if GOING_ON.intersection(words) and (len(words) > 1 or announces or "\n" in behind):
        kinds.add("on")
    elif DONE.intersection(words):
        kinds.add("on" if announces else "done")
    elif not POLITE.issuperset(words):
        kinds.add("closing")
    return frozenset(kinds or {"polite"})


def _may_be_one(body: str, *, is_whole: bool = False) -> bool:
    """Whether it has only the words of one language, the last perhaps partial."""
    words = _words(body)
    if not (body[:1].isupper() or body[:1] in "([*_") or not _BETWEEN.fullmatch(body):
        return False
    if is_whole or not body[-1].isalpha():
        return any(language.issuperset(words) for language in LANGUAGES)
    *whole, part = words
    return any(
        language.issuperset(whole) and any(word.startswith(part) for word in language)
        for language in LANGUAGES
    )


def _words(body: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(body)]
