"""Normalizes sig text: one spelling for each expression, without words that are not about occasions."""

from __future__ import annotations

import re
import unicodedata

from fhir_mappings.common.free_text import cached_for_short_texts, cut

_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")
GLUCOSE = r"(?:blood )?(?:glucose|sugars?|bgl?|bs|fbs|fbg|cbg|fsbs|levels?)\b"
_MEAL = r"(?:breakfast|lunch|dinner)"
# Spanish as it stands on labels, after accents are taken off.
_SPANISH = (
    (r"\b(?:antes de|con|despues de) (?:cada comida|las comidas|los alimentos|comidas)\b", "before meals"),
    (r"\bcada comida\b", "each meal"),
    (r"\b(?:desayunos?|desayunar)\b", "breakfast"),
    (r"\b(?:almuerzos?|almorzar)\b", "lunch"),
    (r"\b(?:cenas?|cenar)\b", "dinner"),
    (r"\bmediodia\b", "noon"),
    (r"\bantes de (?:dormir|acostarse)\b|\bal (?:acostarse|dormir)\b|\bla hora de (?:dormir|acostarse)\b", "bedtime"),
    (r"\bnocturn[oa]s?\b|\b(?:por|en|de|cada|a) (?:la |las )?noches?\b", "bedtime"),
    (r"\b(?:por|en|cada) (?:la |las )?mananas?\b", "every morning"),
    (r"\b(?:por|en|cada) (?:la |las )?tardes?\b", "evening"),
    (r"\b(?:al|por|cada) dia\b|\bdiari[oa]s?\b|\bdiariamente\b|\btodos los dias\b", "daily"),
    (r"\buna? vez\b", "once"),
    (r"\bdos veces\b", "twice"),
    (r"\btres veces\b", "3 times"),
    (r"\bcuatro veces\b", "4 times"),
    (r"\bveces\b", "times"),
    (r"\bcada (\d{1,2}) horas\b", r"every \1 hours"),
    (r"\bunidades\b", "units"),
    (r"\b(?:segun|por) (?:la )?escala\b|\bescala (?:movil|deslizante)\b", "per sliding scale"),
    (r"\b(?:si es|segun sea|cuando sea) necesario\b", "as needed"),
)
_SPELLINGS = (
    (r"\bonce\b", "1 time"),
    (r"\btwice\b", "2 times"),
    (r"\bthrice\b", "3 times"),
    *((rf"\b{word}\b", str(number)) for number, word in enumerate(_NUMBERS, 1)),
    (r"\b(\d{1,2}) ?\(\1\)", r"\1"),  # "3 (three) times", "three (3) times"
    (r"\bw/ ?", "with "),
    (r" ?@ ?", " at "),
    (r"\b([ap])\. ?m\b\.?", r"\1m"),
    (r"\b([btq])\. ?i\. ?d\b\.?", r"\1id"),
    (r"\bq\. ?h\. ?s\b\.?|\bh\. ?s\b\.?", "qhs"),
    (r"\bq\.? ?d\b\.?|\bq ?day\b|\bo\.? ?d\b\.?", "daily"),
    (r"\ba\. ?c\b\.?", "ac"),
    (r"\bp\. ?c\b\.?", "pc"),
    (r"\b([btq])idw(?:m|c)\b", r"\1id with meals"),
    (r"\b([btq])id ?ac ?(?:&|and|\+|/)? ?q?hs\b", r"\1id before meals and bedtime"),
    (r"\b([btq])id(ac|pc)\b", r"\1id \2"),
    (r"\bq?ac ?(?:&|and|\+|/|,)? ?q?hs\b|\bq?ac ?&amp; ?q?hs\b", "before meals and bedtime"),
    (r"\b(?:evening|night) meal\b|\bsupper\b", "dinner"),
    (r"\bmorning meal\b|\bb(?:k|r)?(?:k)?fa?st\b|\bbreakfst\b", "breakfast"),
    (r"\b(?:mid ?day|noon) meal\b", "lunch"),
    (rf"\b(?:q ?)?(?:ac|pc) (?={_MEAL})", "before "),
    (rf"\b(?:pre|post)-? ?(?={_MEAL})", "before "),
    (rf"\b(?:pre|post)[- ]?(?:meal|prandial)s? {GLUCOSE}", " "),
    (r"\bpost-?prandial\w*", " "),
    (r"\b(?:q ?)?ac\b|\bpre ?-? ?meals?\b|\bpre-?prandial(?:ly)?\b", "before meals"),
    (r"\b(?:q ?)?pc\b|\bpost ?-? ?meals?\b", "after meals"),
    (r"\bwc\b|\b(?:at |with )?meal ?times?\b", "with meals"),
    (r"\bq ?hs\b|\bhs\b|\bbed ?time\b|\b(?:before|at) (?:going to )?(?:bed|sleep)(?:ing)?\b", "bedtime"),
    (r"\bq ?(?:am|morning)\b", "every morning"),
    (r"\bq ?pm\b|\bq ?evening\b", "every evening"),
    (r"\bqn(?:ight)?\b|\bq ?night\b", "nightly"),
    (r"\b(?:every|each) day\b|\bq24h\b", "daily"),
    (r"\bevery evening (?:at )?bedtime\b|\bevening (?:at|before|or) bedtime\b|\bnightly in the evening\b", "bedtime"),
)  # fmt: skip
_STEP = (
    r"(?:every|q) ?\d{0,2} ?(?:days?|nights?|weeks?|d\b|wk)|weekly|until|\bby \d|to \d times?|goal|target"
    r"|to achieve|to reach"
)
_TITRATION = (
    r"\b(?:increase|decrease|(?:up)?titrate|raise|reduce|lower(?= (?:by|the|your|dose))|adjust|go up|change|add)"
    rf"\b[^.;]{{0,80}}?(?:{_STEP})[^.;]*"
)
# Words that are no occasions: a ceiling of units, the steps of a titration, checks of the glucose, what not to do.
_NO_OCCASIONS = (
    r"\b(?:max(?:imum)?|mdd|tdd|total|up to|not to exceed|do not exceed|no more than)"
    r"(?:[ :=]|daily|total|dose|of|is){0,8}\d+(?:\.\d+)? ?(?:units?|u|iu)\b"
    r"(?: ?(?:of )?(?:insulin )?(?:/ ?d(?:ay)?\b|per day|a day|daily|(?:in|per) 24 ?h\w*))?",
    r"\b(?:not to exceed|do not exceed)\b[^.;]*",
    r"\b\d+ ?(?:units?|u) ?(?:of insulin )?(?:/ ?day|per day)\b",
    _TITRATION,
    r"\b(?:check|test|monitor|measure|record|log)(?:ing)?\b[^.;]*?(?=\b(?:inject|give|take|administer|use)\b|[.;]|$)",
    r"\b(?:do not|don'?t|never|not|skip|hold|omit|except|without|unless)\b[^.;,]*",
    rf"\b(?:fasting|morning|evening|bedtime|night ?time|breakfast|lunch|dinner|before meals?) {GLUCOSE}",
    r"\bbetween meals\b",
)  # fmt: skip


def _compiled(table: tuple[tuple[str, str], ...]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), by) for pattern, by in table)


_SPANISH_WORDS, _ONE_SPELLING = _compiled(_SPANISH), _compiled(_SPELLINGS)
_NOT_OCCASIONS = tuple(re.compile(pattern) for pattern in _NO_OCCASIONS)
_STEPS = re.compile(_TITRATION)
_SPANISH_SIGN = re.compile(r"\b(?:unidades|antes|comidas?|veces|noches?|mananas?|diari[oa]|dia|cada|nocturn[oa]s?)\b")


def folded(text: str) -> str:
    """Lower case, one kind of dash and space, no accents; long texts are cut."""
    return _folded(cut(text))


@cached_for_short_texts(2048)
def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_DASHES)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def one_spelling(text: str) -> str:
    """Directions in the words that the patterns of a count know: for `TIDAC`, `w/ meals`, `3 (three) times`."""
    words = folded(text)
    tables = (_SPANISH_WORDS, _ONE_SPELLING) if _SPANISH_SIGN.search(words) else (_ONE_SPELLING,)
    for pattern, by in (entry for table in tables for entry in table):
        words = pattern.sub(by, words)
    return " ".join(words.split())


def titration_steps(words: str) -> str:
    """What the steps of a titration say, in one spelling: no schedule yet, but it may come to it."""
    return " . ".join(_STEPS.findall(words))


def occasions_only(words: str) -> str:
    """Directions in one spelling without what tells no occasion."""
    for pattern in _NOT_OCCASIONS:
        words = pattern.sub(" ", words)
    return " ".join(words.split())
