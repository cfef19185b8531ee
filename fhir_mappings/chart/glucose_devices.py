"""What a device that measures glucose is, by the words of its name: a sensor, a home meter, or neither.

Several makers sell both under one brand: "FreeStyle", "Accu-Chek" and "CareSens" alone say nothing of a sensor.
"""

from __future__ import annotations

import re

from fhir_mappings.common.free_text import cached_for_short_texts, cut

# Product names as they stand in device displays, app exports and uploaders. Dexcom makes nothing but sensors.
_SENSOR = re.compile(
    r"dexcom|\bstelo\b|\bg[4-7] (?:mobile|platinum|pro|sensor|transmitter)\b|\bxdrip|cgmblekit"
    r"|(?:freestyle|abbott|flash|myfreestyle)[ -]?libre|\blibre(?:link| ?(?:2|3|pro|sensor|14 day|rio| ?us)\b)|^libre\b"
    r"|\babbott lingo\b|^lingo\b"
    r"|\bguardian(?:\(tm\)|™)?[ -]?(?:connect|sensor|link|rt|real|3|4)|\benlite\b|\bsimplera\b"
    r"|\beversense\b|\bsenseonics\b|smart ?guide\b|caresens air\b|\bsibionics\b"
    r"|\b(?:r?t|is|i)?cgms?\b|\bcontinuous (?:blood )?glucose|\bflash glucose|\bglucose sensor|\bsensor glucose"
    r"|\binterstitial\b",
    re.IGNORECASE,
)
# What takes the word back: "not a CGM", "non-CGM meter", "CGM unavailable".
_NO_SENSOR = re.compile(
    r"\b(?:no|not|non|without|instead of|off)[ -](?:(?:a|an|from|the|on|by) )?(?:dexcom|libre|cgm|continuous|sensor)"
    r"|\bcgm (?:unavailable|not |off\b|removed|declined|discontinued)",
    re.IGNORECASE,
)
_METER = re.compile(
    r"gluco(?:se )?met|blood glucose (?:meter|monitor)|smbg|\bbgm\b|\bfinger[ -]?stick|\bself[ -]monitor|\btest strip"
    r"|\bcontour\b|\bone ?touch\b|\baccu-?chek\b|\bfreestyle (?:lite|freedom|precision|insulinx|optium)\b"
    r"|\bcaresens n\b|\btrue ?metrix\b|\brelion\b|\bglucocard\b|\blivongo\b|\bprodigy\b",
    re.IGNORECASE,
)
# The meters of wards and clinics among them.
_POINT_OF_CARE = re.compile(
    r"\bpoint[ -]of[ -]care\b|\bpoct?\b|\bbedside\b|\bin[ -]office\b|\bhospital\b|\bstatstrip\b|\bchek inform\b",
    re.IGNORECASE,
)
_SERUM = re.compile(r"\b(?:serum|plasma|venous|arterial|cord)\b", re.IGNORECASE)


@cached_for_short_texts(2048)
def names_sensor(text: str) -> bool:
    """Whether words name a continuous glucose sensor."""
    text = cut(text)
    return bool(_SENSOR.search(text)) and not _NO_SENSOR.search(text)


@cached_for_short_texts(2048)
def names_meter(text: str) -> bool:
    """Whether words name a meter for finger-sticks at home, or a test with one."""
    text = cut(text)
    return bool(_METER.search(text)) and not names_sensor(text) and not names_point_of_care(text)


@cached_for_short_texts(2048)
def names_point_of_care(text: str) -> bool:
    """Whether words say that staff measured beside the patient."""
    return bool(_POINT_OF_CARE.search(cut(text)))


@cached_for_short_texts(2048)
def names_serum(text: str) -> bool:
    """Whether words name a specimen that no finger-stick takes."""
    return bool(_SERUM.search(cut(text)))
