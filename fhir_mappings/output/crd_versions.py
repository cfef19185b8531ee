"""How the versions of the Da Vinci CRD guide differ, as data.

One serializer (coverage_information.py) reads these rows; nothing else asks which version it is. Sources: the
guide's 2.0.1, 2.1.0 and 2.2.1, its coverage-information extension and its error handling.
"""

from __future__ import annotations

from dataclasses import dataclass

_TEMPORARY = "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp"
_CARD_TYPES = "http://terminology.hl7.org/CodeSystem/cdshooks-card-type"
_DETAILS = "http://terminology.hl7.org/CodeSystem/crd-coverage-detail"
REASONS = _TEMPORARY


@dataclass(frozen=True, slots=True)
class CrdVersion:
    """One version of the guide.

    `indeterminate`: technical failures have a code of their own; before that they are conditional, and the reason
    says so. `reason_codes`: those that the version knows. `doc_purpose`: sent with a request for documentation; None
    where the literal invariant crd-ci-q4 of the version rejects the natural pair (auth-needed, withpa).
    `policy_link_system`: of the detail code `policy-link`; None where there is no such code and no url value, and the
    link goes as text. `detail_category`: details carry one. `expiry_date`: there is such an element.
    `contact_detail`: contact is a ContactDetail, else a ContactPoint. `invalid_status`: the HTTP status for a body
    that is JSON but breaks the rules. `reminder_suggests`: a reminder offers the orders that it names; not in 2.0.1,
    whose instructions are text alone, and whose public test kit counts only such.
    """

    name: str
    aliases: tuple[str, ...]
    indeterminate: bool
    reason_codes: frozenset[str]
    doc_purpose: str | None
    policy_link_system: str | None
    detail_category: str | None
    expiry_date: bool
    contact_detail: bool
    topic_system: str
    invalid_status: int
    reminder_suggests: bool = True


V2_0 = CrdVersion(
    name="2.0.1",
    aliases=("2.0",),
    indeterminate=False,
    reason_codes=frozenset(),
    doc_purpose="withpa",
    policy_link_system=None,
    detail_category=None,
    expiry_date=False,
    contact_detail=False,
    topic_system=_TEMPORARY,
    invalid_status=422,
    reminder_suggests=False,
)
V2_1 = CrdVersion(
    name="2.1",
    aliases=("2.1.0",),
    indeterminate=False,
    reason_codes=frozenset(),
    doc_purpose=None,
    policy_link_system=_TEMPORARY,
    detail_category=None,
    expiry_date=True,
    contact_detail=False,
    topic_system=_TEMPORARY,
    invalid_status=400,
)
V2_2 = CrdVersion(
    name="2.2",
    aliases=("2.2.0", "2.2.1"),
    indeterminate=True,
    reason_codes=frozenset({"no-member-found", "no-active-coverage", "technical"}),
    doc_purpose=None,
    policy_link_system=_DETAILS,
    detail_category="cat-other",
    expiry_date=True,
    contact_detail=True,
    topic_system=_CARD_TYPES,
    invalid_status=400,
)
VERSIONS = (V2_0, V2_1, V2_2)
# What discovery can name: the extension's own pattern cannot say 2.0.
DECLARED = tuple(version.name for version in (V2_1, V2_2))


def version_named(name: str) -> CrdVersion | None:
    """The version of that name, in any of the forms that clients write it; None when it is none of ours."""
    return next((v for v in VERSIONS if name.strip() in (v.name, *v.aliases)), None)
