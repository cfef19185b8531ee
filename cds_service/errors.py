"""Every error that the packages raise on purpose.

```
ServiceError
├── BadRequest          the call breaks the protocol: 4xx, names the field and the mend
│   ├── NotJson         400, whatever version of CRD is spoken
│   ├── Unauthorized    401, the same for every reason
│   ├── NoAccess        403, or 502 where the EHR is at fault
│   ├── NotFound        404
│   ├── MethodRefused   405
│   ├── TooSlow         408
│   ├── PreconditionFailed 412
│   ├── TooLarge        413
│   ├── WrongMediaType  415
│   ├── Unprocessable   422
│   ├── TooManyCalls    429
│   └── Unavailable     503
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


class NotJson(BadRequest):
    """The body is no JSON at all."""

    code = "structure"


class Unauthorized(BadRequest):
    """The caller is not known; `reason` is for the log, the message tells nothing."""

    status = 401
    code = "login"

    def __init__(self, reason: str) -> None:
        """`reason` holds neither token nor secret."""
        super().__init__(
            "the caller could not be authenticated: send as bearer a valid CDS Hooks token, or, for documentation "
            "(DTR), an access token; /fhir/.well-known/smart-configuration says where it is had"
        )
        self.reason = reason


class NoAccess(BadRequest):
    """A sign-in that did not come to a session, or a scope that does not cover a call; the message is for people."""

    code = "forbidden"

    def __init__(self, message: str, field: str | None = None, *, status: int = 403) -> None:
        """`status`: 502 where the EHR does not do its part."""
        super().__init__(message, field, self.code if status == 403 else "transient")
        self.status = status


class TooManyCalls(BadRequest):
    """The caller has too many calls under way."""

    status = 429
    code = "throttled"


class Unavailable(BadRequest):
    """Something of ours is away for the moment."""

    status = 503
    code = "transient"


class NotFound(BadRequest):
    """There is nothing at this address."""

    status = 404
    code = "not-found"


class MethodRefused(BadRequest):
    """The address exists, the method does not."""

    status = 405
    code = "not-supported"


class PreconditionFailed(BadRequest):
    """Data that the answer cannot do without was neither sent nor readable; never said of what was read."""

    status = 412
    code = "incomplete"


class TooSlow(BadRequest):
    """The request did not arrive in time."""

    status = 408
    code = "timeout"


class TooLarge(BadRequest):
    """The body is over the limit."""

    status = 413
    code = "too-long"


class WrongMediaType(BadRequest):
    """The body is not JSON by its own header."""

    status = 415
    code = "not-supported"


class Unprocessable(BadRequest):
    """Good JSON, FHIR and CDS Hooks, but not what Da Vinci CRD or this version of it allows."""

    status = 422
    code = "business-rule"


class BadSetting(ServiceError):
    """A setting is missing, malformed or unsafe."""


class NoVersionInForce(ServiceError):
    """No version of the policy is held for the day asked for."""
