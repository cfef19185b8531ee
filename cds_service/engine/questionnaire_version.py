"""The version of a policy's questionnaire: another one from each day on which a question, a title or a help changes.

The first text has the version that the policy gives it; a later one has the day on which it begins behind it.
"""

from __future__ import annotations

from datetime import date

from cds_service.engine.policy import Policy, PolicyOnDay


def questionnaire_version(policy: PolicyOnDay) -> str:
    """The version of the questionnaire as the policy reads on a day."""
    return _version(policy.policy, max(day for day in _first_days(policy.policy) if day <= policy.day))


def day_of_version(policy: Policy, version: str) -> date | None:
    """The first day of a version; None when there is no such version."""
    return next((day for day in _first_days(policy) if _version(policy, day) == version), None)


def _version(policy: Policy, day: date) -> str:
    given = policy.questionnaire.version
    return given if day == policy.first_day() else f"{given}-{day}"


def _first_days(policy: Policy) -> list[date]:
    """The days from which the questionnaire reads otherwise than before, the first of all included."""
    days = [policy.first_day()]
    for day in sorted(policy.starts):
        if day > days[-1] and policy.on(day).question_groups != policy.on(days[-1]).question_groups:
            days.append(day)
    return days
