"""Tables of a run for a page: who would be approved, what is missing, what a scenario changes. Nobody is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cds_service.engine.determination import Applicability, Outcome
from cds_service.engine.finding import Gap
from cds_service.engine.policy import PolicyOnDay
from cds_service.policies.registry import policy_on
from cds_service.services.population.rows import Reason
from cds_service.services.population.run_rules import RunRules
from cds_service.services.population.small_cells import share, shown_count, shown_counts
from cds_service.services.population.tallies import Tallies

OUTCOMES = {
    Outcome.LIKELY_APPROVED: "Likely approved",
    Outcome.NEEDS_DOCUMENTATION: "Needs documentation",
    Outcome.EXCLUDED: "Excluded",
    Outcome.NOT_APPLICABLE: "Not applicable",
}
COVERAGES = {
    Applicability.GOVERNED: "Covered by a plan that the policy governs",
    Applicability.UNVERIFIED: "Coverage not verified",
    Applicability.NOT_IN_FORCE: "Coverage not in force",
    Applicability.NOT_GOVERNED: "Covered by another plan",
}
REASONS = {
    Reason.NO_ORDER: "No open order for a pump in the chart",
    Reason.NOT_GOVERNED: "The policy does not govern the member's coverage",
    Reason.BEFORE_POLICY: "The order is older than every text of the policy that is held",
    Reason.NOT_REACHED: "Not judged: the chart took too long to read",
    Reason.NOT_JUDGED: "The order is of a kind that no policy judges",
    Reason.COVERAGE: "Coverage has to be settled with the plan first",
    Reason.NO_CODE: "The order names the pump only in words",
    Reason.TOO_LARGE: "Not judged: an element of the chart is too long",
    Reason.FAILED: "Not judged: the chart could not be read",
}
GAPS = {
    "met": "Met",
    "not-met": "Chart shows otherwise",
    Gap.NOT_DOCUMENTED: "Not documented",
    Gap.INCOMPLETE: "Incomplete",
    Gap.NEEDS_ATTESTATION: "Needs a signed statement",
    Gap.NEEDS_REVIEW: "Needs a reviewer",
    Gap.NOT_RETRIEVED: "Not in this export",
}


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table of texts; columns from the second on hold numbers."""

    name: str
    title: str
    says: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = ()


class PageTables:
    """Makes the tables of one run."""

    def __init__(self, tallies: Tallies, rules: RunRules, *, small_cells: bool) -> None:
        """`small_cells`: show counts below 11."""
        self._tallies, self._rules, self._small = tallies, rules, small_cells
        used = dict.fromkeys(rules.policies) | dict.fromkeys(name for s in rules.scenarios for name in s.policies)
        self._policies = {name: policy_on(name, rules.as_of, rules.overrides) for name in used}

    @property
    def members(self) -> int:
        """Everybody in the export."""
        return self._tallies.one("members")

    @property
    def applied(self) -> int:
        """Members to whom a policy is applied."""
        return self.members - self._tallies.one("outcome", Outcome.NOT_APPLICABLE.value)

    def count(self, count: int) -> str:
        """A count that stands alone, as it may be shown."""
        return shown_count(count, small_cells=self._small)

    def one(self, name: str, *key: str) -> str:
        """One count of the tallies, as it may be shown."""
        return self.count(self._tallies.one(name, *key))

    @property
    def one_gap(self) -> int:
        """Determinations that would be approved if one thing were documented."""
        return sum(self._tallies.of("only-gap").values())

    def all(self) -> Iterator[PageTable]:
        """The tables that have rows, in the page's order."""
        made = (self.outcomes(), self.only_gaps(), *self.criteria(), self.exclusions(), self.policies())
        yield from (table for table in (*made, self.coverages(), self.reasons(), *self.scenarios()) if table.rows)

    def outcomes(self) -> PageTable:
        """Members by outcome, with those who have diabetes, insulin, a pump."""
        columns = ("Outcome", "Members", "Share", "With diabetes", "On insulin", "With a pump")
        sides = [
            [self._tallies.one(name, outcome.value) for outcome in OUTCOMES]
            for name in ("outcome", "outcome-diabetes", "outcome-insulin", "outcome-pump")
        ]
        texts = [shown_counts(counts, small_cells=self._small) for counts in sides]
        rows = [
            (words, texts[0][at], share(texts[0][at], sides[0][at], self.members), *(side[at] for side in texts[1:]))
            for at, words in enumerate(OUTCOMES.values())
        ]
        totals = [sum(counts) for counts in sides]
        rows.append(("All members", self.count(totals[0]), "", *(self.count(total) for total in totals[1:])))
        says = "Each member once. Someone whom two policies judge counts under the less favorable outcome."
        return PageTable("outcomes", "Members by outcome", says, columns, rows if self.members else [])

    def only_gaps(self) -> PageTable:
        """Criteria whose documentation alone would do, most members first."""
        found = sorted(self._tallies.of("only-gap").items(), key=lambda each: (-each[1], each[0]))
        rows = []
        for (policy, section), count in found:
            text, judged = self.count(count), self._tallies.one("judged", policy)
            rows.append((self.label(policy, section), text, share(text, count, judged)))
        says = "One criterion is all that is missing here, and documents or a signed statement would close it."
        columns = ("Criterion", "Members", "Share of those judged")
        return PageTable("one-gap", "Approved if only this were documented", says, columns, rows)

    def criteria(self) -> Iterator[PageTable]:
        """For each policy and group of sections, each section by what was found."""
        for name, policy in self._policies.items():
            counts: dict[str, Counter[str]] = {}
            for (of_policy, section, truth, standing), count in self._tallies.of("truth").items():
                if of_policy == name:
                    counts.setdefault(section, Counter())[standing if truth == "unknown" else truth] += count
            for group, title, sections in _groups(policy, counts):
                heads = GAPS | _EXCLUSIONS if group == "exclusions" else GAPS
                rows = [(self.label(name, each, alone=True), *self._shown(counts[each])) for each in sections]
                judged = self.count(self._tallies.one("judged", name))
                says = f"{self.policy_title(name)}, {judged} orders judged. {_NOTES}"
                yield PageTable(f"{group}-{name}", title, says, ("Section", *heads.values()), rows)

    def _shown(self, counts: Counter[str]) -> list[str]:
        return shown_counts([counts[key] for key in GAPS], small_cells=self._small)

    def exclusions(self) -> PageTable:
        """What excludes members."""
        found = sorted(self._tallies.of("excluded-by").items(), key=lambda each: (-each[1], each[0]))
        rows = [(self.label(policy, section), self.count(count)) for (policy, section), count in found]
        says = "A member whom several exclusions apply to counts under each."
        return PageTable("exclusions", "What excludes", says, ("Exclusion", "Members"), rows)

    def policies(self) -> PageTable:
        """Outcomes by policy, where there are several."""
        rows = []
        for name in self._rules.policies if len(self._rules.policies) > 1 else ():
            counts = [self._tallies.one("policy-outcome", name, outcome.value) for outcome in OUTCOMES]
            rows.append(
                (self.policy_title(name), *shown_counts(counts, small_cells=self._small), self.count(sum(counts)))
            )
        says = "Each determination once: a member whom two policies judge counts under both."
        return PageTable("policies", "By policy", says, ("Policy", *OUTCOMES.values(), "All"), rows)

    def coverages(self) -> PageTable:
        """How members' insurance stands to the policies."""
        sums = Counter[str]()
        for (_, coverage), count in self._tallies.of("policy-coverage").items():
            sums[coverage] += count
        counts = [sums[each.value] for each in COVERAGES]
        texts = shown_counts(counts, small_cells=self._small)
        rows = [(words, text) for words, text, count in zip(COVERAGES.values(), texts, counts, strict=True) if count]
        says = "By each determination, on the day of the order."
        return PageTable("coverages", "Coverage", says, ("Coverage", "Members"), rows)

    def reasons(self) -> PageTable:
        """Why outcomes are what they are, where no criterion says it."""
        sums = Counter[str]()
        for (_, reason), count in self._tallies.of("reason").items():
            sums[reason] += count
        rows = [(REASONS[reason], self.count(sums[reason])) for reason in Reason if sums[reason]]
        says = "Where the outcome does not follow from the criteria alone."
        return PageTable("reasons", "Other reasons", says, ("Reason", "Members"), rows)

    def scenarios(self) -> Iterator[PageTable]:
        """For each scenario, from which outcome to which, and by which section."""
        outcomes = {outcome.value: words for outcome, words in OUTCOMES.items()}
        for at, scenario in enumerate(self._rules.scenarios):
            changes = {key[1:]: n for key, n in self._tallies.of("change").items() if key[0] == scenario.name}
            moved = {key: n for key, n in changes.items() if key[0] != key[1]}
            counts = [*moved.values(), self.members - sum(moved.values())]
            texts = shown_counts(counts, small_cells=self._small)
            rows = [(f"{outcomes[a]} → {outcomes[b]}", text) for (a, b), text in zip(moved, texts, strict=False)]
            rows.append(("Same outcome", texts[-1]))
            sections = {key[1]: n for key, n in self._tallies.of("changed-section").items() if key[0] == scenario.name}
            policy = (scenario.policies or self._rules.policies)[0]
            for section, count in sorted(sections.items(), key=lambda each: (-each[1], each[0])):
                rows.append((f"Found otherwise: {self.label(policy, section)}", self.count(count)))
            says = _what_it_changes(scenario.overrides, [self.policy_title(name) for name in scenario.policies])
            yield PageTable(f"scenario-{at + 1}", f"What if: {scenario.name}", says, ("Change", "Members"), rows)

    def label(self, policy_id: str, section: str, *, alone: bool = False) -> str:
        """A section as its title with the id behind it, and the policy's where there are several.

        `alone`: whose section it is is said already.
        """
        policy = self._policies.get(policy_id)
        title = policy.title(section) if policy is not None else ""
        several = f", {policy_id}" if len(self._policies) > 1 and not alone else ""
        return f"{title} ({section}{several})" if title else f"{section}{several}"

    def policy_title(self, policy_id: str) -> str:
        """A policy by payer, id and title."""
        policy = self._policies.get(policy_id)
        return f"{policy.payer} {policy_id}" if policy is not None else policy_id


_EXCLUSIONS = {"met": "Applies", "not-met": "Does not apply"}
_NOTES = "Not documented means: not in the structured data of this export. Notes, letters and scans were not read."


def _groups(policy: PolicyOnDay | None, counts: Iterable[str]) -> Iterator[tuple[str, str, list[str]]]:
    """The sections that were judged, as the policy groups and orders them: name, title, ids."""
    if policy is None:
        return
    replacement = policy.policy.replacement
    exclusions = {rule.section for rule in policy.exclusions}
    replacing = {rule.section for rule in replacement.rules} if replacement is not None else set[str]()
    places = {name: at for at, name in enumerate(policy.sections)}
    ordered = sorted(counts, key=lambda name: (places.get(name, len(places)), name))
    criteria = [name for name in ordered if name not in exclusions | replacing]
    for group, title, sections in (
        ("criteria", "Criteria by what the charts show", criteria),
        ("exclusions", "Exclusions by what the charts show", [name for name in ordered if name in exclusions]),
        ("replacement", "Replacing a pump: what the charts show", [name for name in ordered if name in replacing]),
    ):
        if sections:
            yield group, title, sections


def _what_it_changes(overrides: Mapping[str, object], policies: list[str]) -> str:
    parts = [f"{name} = {_plain(value)}" for name, value in overrides.items()]
    under = f"judged under {', '.join(policies)}" if policies else ""
    return f"The same members, {' and '.join(filter(None, (under, ', '.join(parts))))}."


def _plain(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
