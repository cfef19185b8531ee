"""Every error that the packages raise on purpose.

```
ServiceError
├── BadRequest          the call breaks the protocol: 4xx, names the field and the mend
│   ├── NotFound        404
│   ├── MethodRefused   405
│   ├── TooLarge        413
│   └── WrongMediaType  415
├── BadSetting          a setting cannot be used: exit code 2
└── NoVersionInForce    no text of the policy is held for that day
```

Messages name the value's place, the rule and the mend; they never repeat patient data.
"""

from __future__ import annotations


class ServiceError(Exception):
    """Root of the tree."""


class BadRequest(ServiceError):
    """The caller sent something that cannot be answered; `field` says where, the message says the mend."""

    status = 400
    code = "invalid"

    def __init__(self, message: str, field: str | None = None, code: str | None = None) -> None:
        """`field` is a path such as `context.patientId`; `code` one of FHIR's issue types."""
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code


class NotFound(BadRequest):
    """There is nothing at this address."""

    status = 404
    code = "not-found"


class MethodRefused(BadRequest):
    """The address exists, the method does not."""

    status = 405
    code = "not-supported"


class TooLarge(BadRequest):
    """The body is over the limit."""

    status = 413
    code = "too-long"


class WrongMediaType(BadRequest):
    """The body is not JSON by its own header."""

    status = 415
    code = "not-supported"


class BadSetting(ServiceError):
    """A setting is missing, malformed or unsafe."""


class NoVersionInForce(ServiceError):
    """No version of the policy is held for the day asked for."""
