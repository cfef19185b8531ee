"""Authlib's authorization server, as the token endpoint and the demo's EHR both use it."""

from __future__ import annotations

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Request
from flask import Request, Response, jsonify
from flask import request as flask_request


class HttpsRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """A request that Authlib treats as https: TLS ends before this server, and the demo is on loopback.

    Authlib's own switch is an environment variable, which would hold for all of the process.
    """

    def __init__(self, request: Request) -> None:
        """`request`: Flask's."""
        uri = request.url.replace("http://", "https://", 1)
        OAuth2Request.__init__(self, request.method, uri, headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """An authorization server for requests that came by https, or over loopback."""

    def create_oauth2_request(self, request: object) -> OAuth2Request:
        """The present request in Authlib's form."""
        return HttpsRequest(flask_request)

    def token_response(self) -> Response:
        """The answer to a token request."""
        try:
            answer: Response = self.create_token_response()
        except ValueError:  # Authlib's own, of characters that its messages cannot hold
            answer = jsonify({"error": "invalid_request"})
            answer.status_code = 400
        return answer
