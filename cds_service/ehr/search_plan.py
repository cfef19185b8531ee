"""The search plan as data: which searches and reads of the EHR's FHIR server fill which section of the chart.

All searches are GET. POST `_search` is dependable for some types of some servers only (Epic answers 404 for
others, bug log 33), and a `next` link of a POST search cannot be fetched everywhere (bug log 37).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import quote, urlencode

from cds_service.concepts import Concept
from cds_service.facts import ChartSection
from fhir_mappings.common.terminology import result_codes
from fhir_mappings.json.server_messages import Issue, parameters_named

# Longer URLs are cut off or refused (414) by gateways in front of several servers: bug log 34.
LONGEST_URL = 1800
_LOINC, _SNOMED = "http://loinc.org", "http://snomed.info/sct"
PATIENT, CODES, SINCE = "{patient}", "{codes}", "{since}"

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Variation:
    """What to try next when a server refuses a search: leave some parameters out, put others in.

    `narrows`: this form may miss what the first would find, so that its absence proves nothing. `systems`: codes are
    given with their system.
    """

    why: str
    drop: tuple[str, ...] = ()
    put: Parameters = ()
    narrows: bool = False
    systems: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """One search of the plan.

    `concepts`, or the plain `codes`, fill {codes}; `days` before the order's day fill {since}; `pages` caps the pages
    below the setting's cap. An `optional` search adds to its section when it succeeds; its failure changes nothing.
    `waits` False: the call may be answered before the last page, when no open criterion depends on it. `only`: names
    the search where a type is searched several times. `undated`: only results without an effective date count.
    `otherwise`: the remark when it fails. `window`: the policies say under this name how many days they look back.
    """

    type: str
    parameters: Parameters
    concepts: tuple[Concept, ...] = ()
    days: int = 0
    pages: int | None = None
    optional: bool = False
    variations: tuple[Variation, ...] = ()
    waits: bool = True
    only: str = ""
    undated: bool = False
    otherwise: str = ""
    codes: tuple[str, ...] = ()
    window: str = ""

    def url(self, values: dict[str, str], codes: Sequence[str], variation: Variation | None = None) -> str:
        """The relative URL for one patient and day, with some of the codes."""
        rows = [row for row in self.parameters if variation is None or row[0] not in variation.drop]
        rows += variation.put if variation is not None else ()
        if variation is not None and variation.systems:
            codes = [f"{_LOINC if '-' in code else _SNOMED}|{code}" for code in codes]
        filled = [(name, value.format(codes=",".join(codes), **values)) for name, value in rows]
        return f"{self.type}?{urlencode(filled, quote_via=quote, safe=':,/|')}"


# How finger-sticks and sensor readings are coded. Laboratory values are no self-tests; they are searched for as well,
# so that a chart that holds only those is not taken for one without readings.
GLUCOSE = (Concept.GLUCOSE_SELF_TEST, Concept.GLUCOSE_GENERAL, Concept.SELF_MONITORING, Concept.GLUCOSE_LABORATORY)
SENSOR = (Concept.CGM_READING, Concept.CGM_DAYS_OF_WEAR, Concept.CGM_SUMMARY)

# Servers without sorting or without dates in searches refuse them; the answers are sorted and cut here anyway.
NO_SORT = Variation("without _sort", drop=("_sort",))
NO_PAGES = Variation("without _sort and _count", drop=("_sort", "_count"))
NO_DATE = Variation("without _sort and date", drop=("_sort", "date"))
# Oracle Health wants the system of every code (cerner/fhir.cerner.com#112).
_WITH_SYSTEM = Variation("with the system of each code", drop=("code",), put=(("code", CODES),), systems=True)
# Epic: "must have either code or category" (bug log 31); some servers know no code lists.
_LABORATORY = Variation("by category", drop=("_sort", "date", "code"), put=(("category", "laboratory"),))
# Laboratory results carry their category; home readings carry any or none.
VITALS = Variation(
    "by category",
    drop=("_sort", "date", "code"),
    put=(("category", "laboratory,vital-signs,exam,survey"),),
    narrows=True,
)
_NO_COUNT = Variation("patient only", drop=("_count", "_sort", "_include", "status", "date"))
_NO_INCLUDE = Variation("without _include", drop=("_include",))


# Some servers take no page of 1000 (HealthLake: 100 at most): the next smaller one is asked for.
SMALLER = tuple(Variation(f"with _count={size}", drop=("_count",), put=(("_count", size),)) for size in ("200", "100"))


def observations(*concepts: Concept, days: int = 0, optional: bool = False, by: Variation = _LABORATORY) -> Search:
    """Results by their codes, the newest first."""
    rows: Parameters = (("patient", PATIENT), ("code", CODES))
    rows += (("date", f"ge{SINCE}"),) if days else ()
    pages = (NO_SORT, *SMALLER, NO_PAGES)
    variations = (*pages, _WITH_SYSTEM, NO_DATE, by) if days else (*pages, _WITH_SYSTEM, by)
    return Search(
        "Observation", (*rows, ("_sort", "-date"), ("_count", "1000")), concepts, days, None, optional, variations
    )


def _all_of(kind: str, *more: tuple[str, str], optional: bool = False, others: tuple[Variation, ...] = ()) -> Search:
    return Search(
        kind,
        (("patient", PATIENT), *more, ("_count", "1000")),
        optional=optional,
        variations=(*others, *SMALLER, _NO_COUNT),
    )


def by_parameter(name: str) -> Variation:
    """The patient under another parameter: a few servers name it after the element (bug log 21 for Coverage)."""
    drop = ("patient", "_count", "_include", "status")
    return Variation(f"by {name}", drop=drop, put=((name, f"Patient/{PATIENT}"),))


# Readings that carry only the time of their issue are not found by date (by HAPI's `date`, for one).
_WITHOUT_DATE = Search(
    "Observation",
    (("patient", PATIENT), ("code", CODES), ("date:missing", "true"), ("_count", "1000")),
    (*GLUCOSE, *SENSOR),
    pages=1,
    optional=True,
    variations=(_WITH_SYSTEM,),
    only="without a date",
    undated=True,
    otherwise="Glucose readings that carry no date but that of their issue could not be asked for",
)


PLAN: dict[ChartSection, tuple[Search, ...]] = {
    ChartSection.COVERAGE: (
        _all_of(
            "Coverage",
            ("_include", "Coverage:payor"),
            others=(_NO_INCLUDE, by_parameter("beneficiary")),
        ),
    ),
    # Epic and others want a category for Condition.
    ChartSection.CONDITIONS: (
        _all_of(
            "Condition",
            others=(
                Variation("by category", put=(("category", "problem-list-item,encounter-diagnosis,health-concern"),)),
            ),
        ),
    ),
    ChartSection.HBA1C: (observations(Concept.HBA1C, Concept.HBA1C_UNIT_REQUIRED),),
    # The days are those of a policy that does not say how far back it looks.
    ChartSection.GLUCOSE: (
        replace(observations(*GLUCOSE, days=400, by=VITALS), window="glucose"),
        replace(
            observations(*SENSOR, days=33, by=VITALS),
            waits=False,
            only="of sensors",
            window="sensor",
        ),
        _WITHOUT_DATE,
    ),
    ChartSection.ALBUMIN_CREATININE: (observations(Concept.ALBUMIN_CREATININE_RATIO),),
    ChartSection.EGFR: (observations(Concept.EGFR),),
    # Epic's MedicationRequest search knows no code and may want a status (bug log 33): filtered here.
    ChartSection.INSULIN: (
        _all_of(
            "MedicationRequest",
            ("_include", "MedicationRequest:medication"),
            others=(
                _NO_INCLUDE,
                Variation("by status", drop=("_include",), put=(("status", "active,completed,on-hold,stopped"),)),
            ),
        ),
        # Insulin from elsewhere is charted as a statement, and what a pharmacy gave out as a dispense.
        _all_of("MedicationStatement", optional=True),
        _all_of("MedicationDispense", optional=True),
    ),
    # Charges bill education and dialysis; open orders are not suggested again.
    ChartSection.EDUCATION: (
        _all_of("Procedure", others=(by_parameter("subject"),)),
        _all_of("ChargeItem", optional=True, others=(by_parameter("subject"),)),
        _all_of("ServiceRequest", ("status", "draft,active,on-hold"), optional=True),
    ),
    ChartSection.DEVICES: (_all_of("Device"), _all_of("DeviceUseStatement", optional=True)),
    ChartSection.ENCOUNTERS: (_all_of("Encounter", others=(by_parameter("subject"),)),),
    ChartSection.ATTESTATIONS: (
        _all_of("QuestionnaireResponse", ("status", "completed,amended"), others=(by_parameter("subject"),)),
    ),
    ChartSection.REQUESTER: (_all_of("CareTeam", optional=True),),
}
# Sections whose searches may have very many pages.
LONG = frozenset({ChartSection.GLUCOSE})


@dataclass(frozen=True, slots=True)
class Read:
    """One resource to read by its reference, or a search for what belongs to it."""

    url: str
    optional: bool = False

    @property
    def type(self) -> str:
        """The resource's type."""
        return self.url.split("/", 1)[0].split("?", 1)[0]


def reads_for(section: str, patient_id: str, people: Sequence[str]) -> list[Read]:
    """What is read by reference: the patient, and the people and organizations that the orders name."""
    if section == ChartSection.PATIENT:
        return [Read(f"Patient/{quote(patient_id, safe='')}")]
    if section == ChartSection.REQUESTER:
        return [read for reference in dict.fromkeys(people) for read in _person(reference)]
    return []


def _person(reference: str) -> list[Read]:
    """A practitioner's own record and roles; a role's record, and that of a supplier that orders for itself."""
    kind, _, identity = reference.partition("/")
    person = quote(identity, safe="")
    if kind in ("PractitionerRole", "Organization"):
        return [Read(f"{kind}/{person}")]
    roles = Read(f"PractitionerRole?practitioner={person}", optional=True)
    return [Read(f"Practitioner/{person}"), roles] if kind == "Practitioner" else []


def values_for(
    search: Search, patient_id: str, as_of: date, search_days: Mapping[str, int] | None = None
) -> dict[str, str]:
    """The values that fill the templates of a search; `search_days`: how far back the policies look, by window."""
    days = (search_days or {}).get(search.window, search.days)
    return {"patient": patient_id, "since": (as_of - timedelta(days=days)).isoformat()}


def code_chunks(search: Search, values: dict[str, str]) -> list[list[str]]:
    """The codes of a search in chunks whose URLs are short enough; one empty chunk for a search without codes."""
    return _chunked(search, values, [*(result_codes(*search.concepts) if search.concepts else ()), *search.codes])


def _chunked(search: Search, values: dict[str, str], codes: list[str]) -> list[list[str]]:
    if len(codes) < 2 or len(search.url(values, codes)) <= LONGEST_URL:
        return [codes]
    half = len(codes) // 2
    return _chunked(search, values, codes[:half]) + _chunked(search, values, codes[half:])


def next_variation(left: list[Variation], issues: Sequence[Issue], *, unknown: bool = False) -> Variation | None:
    """Takes the next form to try out of `left`: one that changes a parameter that the server's issues name, else the
    first. `unknown`: the server does not know the search at all, so that another page size will not help.
    """
    left[:] = [variation for variation in left if not (unknown and {*variation.drop} == {"_count"})]
    names = {name for variation in left for name in (*variation.drop, *dict(variation.put))}
    named = parameters_named(issues, names)
    fitting = (form for form in left if named & {*form.drop, *dict(form.put)} and not form.narrows)
    chosen = next(fitting, left[0] if left else None)
    if chosen is not None:
        left.remove(chosen)
    return chosen
