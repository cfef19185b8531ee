"""Directions as Epic, Oracle Health, Veterans Affairs, pharmacies and patients' lists spell them → occasions a day.

The shapes were seen in public: Epic's "3 (three) times daily" and frequencies such as TIDAC, TIDWM and "4 times daily
before meals and nightly" (github HL7/nhsn-dqm@dd94f68 input/fsh/examples/AcuteCareHospital; github
HL7/fhir-us-core examples of MedicationRequest), Veterans Affairs' capitals with shelf lives in brackets, pharmacies'
labels (github dscsa/pharmacy cronjobs/parsing.php, helpers/helper_parse_sig.php), Spanish labels (none quoted).
"""

from __future__ import annotations

import time

import pytest

from cds_service.facts import Moment
from fhir_mappings.chart import sig_marks
from fhir_mappings.chart.sig import read_sig

MEALS = {Moment.BREAKFAST, Moment.LUNCH, Moment.DINNER}
SIGS: dict[str, tuple[float, float] | None] = {
    "Inject 8 Units into the skin 3 (three) times daily.": (3, 3),
    "Inject 10 Units under the skin 3 (three) times daily before meals.": (3, 3),
    "Inject 10 Units under the skin in the morning, at noon, and at bedtime.": (3, 3),
    "Inject 10 Units under the skin 3 (three) times a day with meals. Max daily dose 50 units": (3, 3),
    "Inject 0-12 Units under the skin 4 (four) times daily before meals and nightly.": (4, 4),
    "Inject 30 Units under the skin nightly.": (1, 1),
    "Inject 30 Units under the skin daily.": (1, 1),
    "Inject 30 Units under the skin every 12 (twelve) hours.": (2, 2),
    "Inject 10 units into the skin 2 (two) times a day with meals": (2, 2),
    "Inject 10 Units into the skin 2 (two) times a day before meals.": (2, 2),
    "30 units sq qhs": (1, 1),
    "8 units SC TIDAC": (3, 3),
    "8 units TIDWM": (3, 3),
    "8 units BIDAC": (2, 2),
    "4 units QIDACHS": (4, 4),
    "5 u sq TID WC": (3, 3),
    "8 units qac": (3, 3),
    "8 units a.c.": (3, 3),
    "8 units wc": (3, 3),
    "8 units at mealtimes": (3, 3),
    "8 units with meal times": (3, 3),
    "8 units every 0 hours": None,
    "8 units every 25 hours": None,
    "8 units every 24 hours": (1, 1),
    "8 units p.c.": (3, 3),
    "8 unidades por la mañana": (1, 1),
    "8 unidades por la mañana y por la noche": (2, 2),
    "SSI QAC & QHS": (4, 4),
    "5 units AC & HS": (4, 4),
    "5 units ac/hs": (4, 4),
    "Use as directed per sliding scale, max 50 units/day": None,
    "use as directed, max 60 units daily": None,
    "as directed, max daily dose of 45 units": None,
    "Inject up to 60 units daily": None,
    "Up to 50 units per day in divided doses": None,
    "Inject up to 10 units three times daily": (3, 3),
    "Inject up to 3 times daily before meals": (0, 3),
    "Inject 5 units up to four times a day": (0, 4),
    "10 units once daily in the morning and 5 units at bedtime": (2, 2),
    "10 units BID and 20 units at bedtime": (2, 3),
    "Inject 10 units at bedtime, increase by 2 units every 3 days until morning glucose is under 130": (1, 1),
    "10 units with dinner plus correction 1:50": (1, 1),
    "Inject 10 units once daily; may increase to 3 times daily": (1, 3),
    "20 units before breakfast and dinner, mix in same syringe with regular": (2, 2),
    "8 units before breakfast and dinner, draw up with NPH in one syringe, correction 1:50": (2, 2),
    "Inject 8 units three times daily before meals, adjust dose as needed": (3, 3),
    "8 units before each meal. Check blood glucose 4 times daily before meals and at bedtime.": (3, 3),
    "Inject 20 units daily. Test blood sugar 4 times a day": (1, 1),
    "Check glucose before meals and at bedtime and inject 20 units in the morning": (1, 1),
    "Inyecte 10 unidades tres veces al día antes de las comidas": (3, 3),
    "Inyectar 20 unidades por la noche": (1, 1),
    "Inyectar 20 unidades al acostarse": (1, 1),
    "10 unidades antes del desayuno y 8 unidades antes de la cena": (2, 2),
    "20 unidades una vez al día": (1, 1),
    "cada 12 horas": (2, 2),
    "at 8am, 12pm and 6pm": (3, 3),
    "10 units at 08:00 and 20:00": (2, 2),
    "Inject 5 units with breakfast, 5 units with lunch, 8 units with dinner and 20 units at bedtime": (4, 4),
    "three (3) times per day": (3, 3),
    "3x/day": (3, 3),
    "3 x daily": (3, 3),
    "tid": (3, 3),
    "t.i.d. a.c.": (3, 3),
    "T.I.D.": (3, 3),
    "INJECT 15 UNITS UNDER THE SKIN THREE TIMES A DAY BEFORE MEALS FOR DIABETES": (3, 3),
    "INJECT 40 UNITS UNDER THE SKIN AT BEDTIME (DISCARD OPEN VIAL AFTER 28 DAYS)": (1, 1),
    "Inject 4 units with first meal of the day": None,
    "10 units with the largest meal": None,
    "10 units with 2 largest meals": (2, 2),
    "every other day": None,
    "once weekly": None,
    "three times a week": None,
    "every 3 days": None,
    "Do not take at bedtime. 8 units with breakfast": (1, 1),
    "8 units with meals, skip if not eating": (3, 3),
    "in the morning or at bedtime": (1, 1),
    "20 units every evening at bedtime": (1, 1),
    "Inject 10 units TID with meals and at bedtime": (4, 4),
    "100 units/mL: inject 6 units sq tid ac": (3, 3),
    "Inject 12 units subcutaneously q am and 8 units q pm": (2, 2),
    "3 times daily: breakfast, lunch and bedtime": (3, 3),
    "1 unit per 10 g carbohydrate before meals, plus correction 1:50 above 150": (3, 3),
    "1 unit for every 8 grams of carbs with each meal and snacks": (3, 3),
    "Inject 2-10 units TID AC per sliding scale": (3, 3),
    "4 times daily (with meals and nightly)": (4, 4),
    "3 times daily (with meals)": (3, 3),
    "2 times daily (with meals)": (2, 2),
    "BID": (2, 2),
    "QAM": (1, 1),
    "QHS": (1, 1),
    "ACHS": (4, 4),
    "QID": (4, 4),
    "TID w/ meals": (3, 3),
    "2-3 times daily before meals": (2, 3),
    "2 to 4 times a day": (2, 4),
    "Inject 40 units SubQ every day at 9 PM": (1, 1),
    "Inject 14 units under the skin every evening at 9:00 PM": (1, 1),
    "20 units every morning before breakfast and 10 units at supper": (2, 2),
    "use 3 times a day with food": (3, 3),
    "before meals and at bedtime per scale: 150-199 2 units, 200-249 4 units": (4, 4),
    "Inject 10 units SC BID before breakfast and before supper": (2, 2),
    "Inject 30 units daily before bed": (1, 1),
    "5 units 15 minutes before meals": (3, 3),
    "Take 10 units before breakfast, take 10 units before lunch, take 12 units before dinner": (3, 3),
}


@pytest.mark.parametrize(("text", "expected"), SIGS.items(), ids=SIGS.keys())
def test_occasions_a_day(text: str, expected: tuple[float, float] | None) -> None:
    found = read_sig(text)
    assert (None if found.least is None else (found.least, found.most)) == expected


OPEN = {
    "Lantus 20 units nightly, Humalog as directed": (1, 1, False, True),
    "Lantus 20 units nightly. Humalog per sliding scale": (1, 1, True, True),
    "20 units at bedtime plus sliding scale": (1, 1, True, False),
    "10 units with dinner per sliding scale": (1, 1, False, False),
    "8 units before meals, plus 2 units as needed for high glucose": (3, 3, True, False),
    "8 units with breakfast and dinner. Additional 4 units up to 3 times daily as needed": (2, 5, False, False),
}


@pytest.mark.parametrize(("text", "expected"), OPEN.items(), ids=OPEN.keys())
def test_a_part_without_a_frequency_is_told(text: str, expected: tuple[float, float, bool, bool]) -> None:
    found = read_sig(text)
    assert (found.least, found.most, found.more_by_scale, found.unread_part) == expected


def test_doses_of_another_insulin_in_the_same_words_are_only_possible() -> None:
    text = "lispro 8 units with dinner and glargine 20 units at bedtime"
    assert (read_sig(text).least, read_sig(text).most) == (2, 2)
    own = read_sig(text, "lispro")
    assert (own.least, own.most, own.moments) == (1, 2, {Moment.DINNER})
    assert read_sig("8 units with dinner, do not mix with glargine", "lispro").least == 1


AS_NEEDED = {
    "10 units QHS as needed": True,
    "4 times daily PRN": True,
    "Inject 8 units 4 times daily. As needed": True,
    "Inject 8 units three times daily before meals, adjust dose as needed": False,
    "8 units TID, titrate as needed": False,
    "8 units before meals, refill as needed": False,
    "8 units before meals, plus 2 units as needed for high glucose": False,
}


@pytest.mark.parametrize(("text", "expected"), AS_NEEDED.items(), ids=AS_NEEDED.keys())
def test_as_needed(text: str, expected: bool) -> None:
    assert read_sig(text).as_needed is expected


NAMED = {
    "20 units before breakfast and supper": {Moment.BREAKFAST, Moment.DINNER},
    "TIDAC": MEALS,
    "ACHS": set(Moment),
    "every morning before breakfast": {Moment.BREAKFAST},
    "10 units at noon": {Moment.LUNCH},
    "twice a day": set(),
    "at 08:00 and 20:00": {Moment.BREAKFAST, Moment.BEDTIME},
}


@pytest.mark.parametrize(("text", "expected"), NAMED.items(), ids=NAMED.keys())
def test_times_of_day(text: str, expected: set[Moment]) -> None:
    assert read_sig(text).moments == expected


ONLY_A_SCALE = {
    "before meals: 150-199 give 2 units; 200-249 give 4 units": True,
    "before meals: 181-250 = 2 units; >250 = 4 units; 251-300 = 6 units": True,
    "before meals: 0-149 0 units; 150-199 2 units; 200-249 4 units": True,
    "before meals: 70-150 5 units; 151-200 7 units": False,
    "10 units before meals plus 150-199 2 units; 200-249 4 units": False,
    "before meals per sliding scale": False,
}


@pytest.mark.parametrize(("text", "expected"), ONLY_A_SCALE.items(), ids=ONLY_A_SCALE.keys())
def test_a_written_scale_that_begins_above_a_normal_glucose_may_give_nothing(text: str, expected: bool) -> None:
    assert read_sig(text).may_give_nothing is expected


PUMP = {
    "via insulin pump": True,
    "for use in insulin pump when it arrives": True,
    "fill Omnipod every 3 days": True,
    "10 units TID until insulin pump arrives": False,
    "10 units TID while waiting for pump": False,
    "10 units TID, not on a pump": False,
    "10 units TID": False,
}


@pytest.mark.parametrize(("text", "expected"), PUMP.items(), ids=PUMP.keys())
def test_through_a_pump(text: str, expected: bool) -> None:
    assert sig_marks.mentions_pump(text) is expected


MIXED = {
    "20 units twice a day, mix in same syringe with regular": True,
    "draw up with NPH in one syringe": True,
    "mixed with Humulin R": True,
    "DO NOT MIX OTHER INSULINS IN SAME SYRINGE AS GLARGINE": False,
    "do not mix with other insulins": False,
    "NovoLog Mix 70/30": False,
    "20 units twice a day": False,
}


@pytest.mark.parametrize(("text", "expected"), MIXED.items(), ids=MIXED.keys())
def test_in_one_syringe(text: str, expected: bool) -> None:
    assert sig_marks.mentions_mixing(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "3 (" * 5_000,
        "before " * 3_000 + "meals",
        "up to " * 3_000,
        "increase " * 3_000 + "by",
        "check " * 3_000,
        "150-199 " * 3_000,
        "1 unit per 10 " * 2_000,
        "as needed plus " * 2_000,
        "lispro glargine " * 2_000,
        "q" * 20_000,
        "max daily total dose " * 2_000,
    ],
    ids=lambda text: text[:20],
)
def test_long_texts_are_read_in_time(text: str) -> None:
    started = time.perf_counter()
    read_sig(text)
    for words in (
        sig_marks.adjusting_words,
        sig_marks.titrating_words,
        sig_marks.mentions_mixing,
        sig_marks.mentions_pump,
    ):
        words(text)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("12am", Moment.BEDTIME),
        ("3am", Moment.BEDTIME),
        ("4am", Moment.BREAKFAST),
        ("10:59am", Moment.BREAKFAST),
        ("11am", Moment.LUNCH),
        ("12pm", Moment.LUNCH),
        ("2:30pm", Moment.LUNCH),
        ("3pm", Moment.DINNER),
        ("7:59pm", Moment.DINNER),
        ("8pm", Moment.BEDTIME),
    ],
)
def test_clock_times_name_the_meal_of_their_hour(clock: str, expected: Moment) -> None:
    assert read_sig(f"Inject 8 units at {clock}").moments == {expected}
