"""The searches for each part of the chart: those of the plan, those for a policy's own results, those by category."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from cds_service.ehr.search_plan import (
    NO_DATE,
    NO_PAGES,
    NO_SORT,
    PATIENT,
    PLAN,
    SINCE,
    SMALLER,
    VITALS,
    Parameters,
    Search,
    Variation,
    by_parameter,
    observations,
)
from cds_service.facts import ChartSection, ResultKind
from fhir_mappings.common.terminology import codes_of_kinds

_NO_REPORTS = Variation("without specimens and reports", drop=("_include", "_revinclude"))


def searches_for(section: str, kinds: Iterable[ResultKind]) -> tuple[Search, ...]:
    """The searches for a part of the chart: of the plan, or for a kind of result by its key."""
    if section in PLAN:
        return PLAN[ChartSection(section)]
    own = [kind for kind in kinds if kind.chart_section == section]
    beside = any(kind.beside for kind in own)
    # What only counts beside another result may be much more: its pages are counted apart.
    groups = [[k for k in own if bool(k.beside) is apart] for apart in (False, True)]
    return tuple(_search_for(group, with_reports=beside) for group in groups if group)


def _search_for(kinds: Sequence[ResultKind], *, with_reports: bool) -> Search:
    """One search for kinds of results of one section. `with_reports`: the specimens and reports that tell which
    results are of one draw come along, where the server can do that."""
    kind, codes = kinds[0], tuple(codes_of_kinds(kinds))
    if kind.type != "Observation":
        return replace(_newest(kind.type, kind.days), window=kind.key)
    search = replace(observations(days=kind.days, by=VITALS), codes=codes, window=kind.key)
    if with_reports:
        more = (("_include", "Observation:specimen"), ("_revinclude", "DiagnosticReport:result"))
        alone = (_NO_REPORTS, *(replace(v, drop=(*v.drop, "_include", "_revinclude")) for v in search.variations))
        search = replace(search, parameters=(*search.parameters, *more), variations=alone)
    return replace(search, only="beside others" if kind.beside else "")


def _newest(kind: str, days: int) -> Search:
    """The newest resources of a type, as far back as `days`."""
    dates: Parameters = (("date", f"ge{SINCE}"),) if days else ()
    rows = (("patient", PATIENT), *dates, ("_sort", "-date"), ("_count", "1000"))
    return Search(kind, rows, days=days, variations=(NO_SORT, *SMALLER, NO_PAGES, NO_DATE, by_parameter("subject")))


def _category(name: str) -> Search:
    """The newest results of a category, for those that carry no code."""
    rows: Parameters = (("patient", PATIENT), ("category", name), ("_sort", "-date"), ("_count", "1000"))
    variations = (NO_SORT, *SMALLER, NO_PAGES)
    return Search("Observation", rows, pages=2, optional=True, variations=variations, only=f"of category {name}")


# The search by category that follows where the search by code found nothing.
_OF_LABORATORY, _OF_VITAL_SIGNS = _category("laboratory"), _category("vital-signs")
_BY_CATEGORY: dict[str, Search] = {
    ChartSection.HBA1C: _OF_LABORATORY,
    ChartSection.ALBUMIN_CREATININE: _OF_LABORATORY,
    ChartSection.EGFR: _OF_LABORATORY,
    ChartSection.GLUCOSE: _OF_VITAL_SIGNS,
}


def searches_by_category(kinds: Iterable[ResultKind]) -> dict[str, Search]:
    """The search by category for each section that has one."""
    categories = {"laboratory": _OF_LABORATORY, "vital-signs": _OF_VITAL_SIGNS}
    own = {kind.chart_section: categories[kind.category] for kind in kinds if kind.type == "Observation"}
    return {**_BY_CATEGORY, **own}
