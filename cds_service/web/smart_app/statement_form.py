"""The form of the documentation page: one field for each question, checked before anything is written."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import (
    DateField,
    DecimalField,
    Field,
    Form,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    ValidationError,
)
from wtforms.csrf.session import SessionCSRF
from wtforms.fields import SelectChoice
from wtforms.validators import Length, NumberRange, Optional, StopValidation

from cds_service.engine.enabled_questions import answers_not_asked_for, missing_answers
from cds_service.engine.policy import AnswerValue, PolicyOnDay
from cds_service.engine.questions import LONGEST_TEXT, AnswerType, Question

_YES, _NO, _NONE = "yes", "no", ""
_EARLIEST = date(1920, 1, 1)
LIMIT = timedelta(hours=8)


class StatementForm:
    """The form as it is shown or was sent. `errors`: messages by linkId; `typed`: linkIds of fields with input."""

    def __init__(
        self,
        policy: PolicyOnDay,
        state: MutableMapping[str, Any],
        *,
        key: bytes,
        about: str,
        today: date,
        sent: Any = None,
        drafts: Mapping[str, str] | None = None,
        values: Mapping[str, AnswerValue] | None = None,
    ) -> None:
        """`policy`: its questions are the fields. `state`, `key`: of the session's CSRF protection.

        `about`: a digest of patient and order. `sent`: a posted form. Without one, `drafts` (unsent input, as it was
        typed) and else `values` are shown.
        """
        self._policy = policy
        self._about = about
        self._today = today
        defaults = {name: _field_value(value) for name, value in (values or {}).items()}
        typed = MultiDict(drafts or {}) if sent is None else sent
        self.typed = frozenset(question.link_id for question in policy.questions if typed.get(question.link_id))
        self._form = _form_class(policy.questions, state, key, today)(typed, data={**defaults, "about": about})
        # Every form that is shown gets a new random id; a sent form still has the id that it was shown with.
        self._once = str(self._form["once"].data or "")
        self._form["once"].data = secrets.token_urlsafe(16)
        self.errors: dict[str, str] = {}
        if sent is not None:
            self._form.validate()

    @property
    def fields(self) -> Mapping[str, Field]:
        """The fields by linkId."""
        return {question.link_id: self._form[question.link_id] for question in self._policy.questions}

    @property
    def hidden(self) -> Sequence[Field]:
        """The hidden fields: CSRF token, digest of patient and order, the form's id, what contradiction was shown."""
        return [self._form[name] for name in ("csrf_token", "about", "once", "seen")]

    def confirms(self, answers: Mapping[str, Any]) -> bool:
        """Whether the page has shown that just these answers contradict the chart; else it shows so the next time."""
        shown, named = str(self._form["seen"].data or ""), digest(self._about, repr(sorted(answers.items())))
        self._form["seen"].data = named
        return hmac.compare_digest(shown.encode(), named.encode())

    def name(self, answers: Mapping[str, Any]) -> str:
        """A digest of the sent form and its answers: the same when the form is sent twice."""
        return digest(self._about, self._once, repr(sorted(answers.items())))

    @property
    def is_about_another(self) -> bool:
        """Whether the form was filled in for another patient or order than the session's."""
        return not hmac.compare_digest(str(self._form["about"].data or "").encode(), self._about.encode())

    @property
    def wrong(self) -> frozenset[str]:
        """The linkIds of fields with input that cannot be read."""
        return frozenset(question.link_id for question in self._policy.questions if self._form[question.link_id].errors)

    def given(self) -> dict[str, Any]:
        """Every answer that can be read, by linkId."""
        return {q.link_id: value for q in self._policy.questions if (value := self._answer(q)) is not None}

    def answers(self, sections: Collection[str]) -> dict[str, Any]:
        """The answers in these sections; none at all when there are `errors`.

        An error of the form as a whole has the name "form".
        """
        chosen = [q for q in self._policy.questions if q.section in sections]
        faults = self._form.errors
        if "csrf_token" in faults:
            self.errors["form"] = "The page was open for too long, or in another session. Look it over and send again"
        self.errors |= {q.link_id: str(faults[q.link_id][0]) for q in chosen if q.link_id in faults}
        given = self.given()
        answers = {q.link_id: given[q.link_id] for q in chosen if q.link_id in given}
        # An unreadable answer is not a missing one, and still needs the answers that belong to it.
        present = answers | {q.link_id: None for q in chosen if q.link_id in faults}
        for name in missing_answers(self._policy.question_groups, present):
            self.errors.setdefault(name, "This is needed beside your other answer")
        for name, reason in answers_not_asked_for(self._policy.question_groups, answers).items():
            self.errors.setdefault(name, self._not_asked(reason, answers[reason]))
        return {} if self.errors else answers

    def _not_asked(self, reason: str, answer: object) -> str:
        """Why a question is not asked, by the question whose answer is the reason."""
        question = self._policy.question(reason)
        named = question.text if question is not None else reason
        return f'This is not asked after {"Yes" if answer else "No"} to "{named}": clear it, or change that answer'

    def _answer(self, question: Question) -> Any:
        field = self._form[question.link_id]
        value = field.data
        if field.errors or value is None or value == _NONE:
            return None
        return value == _YES if question.kind is AnswerType.BOOLEAN else value


def digest(*parts: str | None) -> str:
    """A digest of what a form is about, from which nothing of it can be read."""
    return sha256("|".join(part or "" for part in parts).encode()).hexdigest()


def _form_class(questions: Sequence[Question], state: MutableMapping[str, Any], key: bytes, today: date) -> type[Form]:
    class Meta:
        csrf = True
        csrf_class = SessionCSRF
        csrf_secret = key
        csrf_context = state
        csrf_time_limit = LIMIT

    members: dict[str, Any] = {question.link_id: _field(question, today) for question in questions}
    return type(
        "_Statement",
        (Form,),
        {**members, "about": HiddenField(), "once": HiddenField(), "seen": HiddenField(), "Meta": Meta},
    )


def _field(question: Question, today: date) -> Any:
    checks: list[Any] = [Optional(strip_whitespace=True)]
    if question.kind is AnswerType.BOOLEAN:
        choices = _choices({_YES: "Yes", _NO: "No", _NONE: "Not answered"})
        return RadioField(question.text, choices=choices, default=_NONE, validators=checks)
    if question.kind is AnswerType.CHOICE:
        choices = _choices({_NONE: "Not stated", **question.choices})
        return SelectField(question.text, choices=choices, default=_NONE, validators=checks)
    if question.kind is AnswerType.DATE:
        return DateField(question.text, validators=[*checks, _date_check(today)])
    if question.kind is AnswerType.TEXT:
        long = Length(max=LONGEST_TEXT, message=f"At most {LONGEST_TEXT} characters")
        return StringField(question.text, filters=[_stripped], validators=[*checks, long])
    least, most = question.least or 0, question.most or 0
    message = f"A number from {least:g} to {most:g}"
    within = NumberRange(least, most, message=message)
    if question.kind is AnswerType.INTEGER:
        return IntegerField(question.text, validators=[*checks, within])
    return DecimalField(question.text, places=None, validators=[*checks, _finite(message), within])


def _finite(message: str) -> Callable[[Form, Field], None]:
    """A validator against NaN and Infinity, which Decimal accepts and NumberRange cannot compare."""

    def check(_form: Form, field: Field) -> None:
        if isinstance(field.data, Decimal) and not field.data.is_finite():
            raise StopValidation(message)

    return check


def _choices(labels: Mapping[str, str]) -> list[SelectChoice]:
    return [SelectChoice(value=code, label=label) for code, label in labels.items()]


def _stripped(value: Any) -> Any:
    """Text on one line, without the control characters that FHIR does not allow, and without blanks around it."""
    if not isinstance(value, str):
        return value
    return "".join(character if character >= " " else " " for character in value).strip()


def _date_check(today: date) -> Callable[[Form, Field], None]:
    def check(_form: Form, field: Field) -> None:
        if field.data is not None and field.data > today:
            raise ValidationError("The day lies in the future")
        if field.data is not None and field.data < _EARLIEST:
            raise ValidationError("The day lies too far back: write the year with four digits")

    return check


def _field_value(value: AnswerValue) -> Any:
    """An answer in the form that its field takes."""
    if isinstance(value, bool):
        return _YES if value else _NO
    return Decimal(f"{value:g}") if isinstance(value, float) else value
