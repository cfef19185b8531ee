"""Cross-origin headers for browser clients, on every reply: errors and refused methods included."""

from __future__ import annotations

from flask import Flask, Response, request


def install(app: Flask, origins: str, trusted: frozenset[str] | None = None) -> None:
    """`origins`: a comma-separated list, or `*` for all; empty for none.

    `trusted`: the origins of trusted clients where callers are authenticated; `*` means them alone then.
    """
    allowed = {origin.strip() for origin in origins.split(",") if origin.strip()}
    if trusted is not None:
        allowed = (allowed - {"*"}) | trusted

    @app.before_request
    def preflight() -> Response | None:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return Response(status=204)
        return None

    @app.after_request
    def add_headers(response: Response) -> Response:
        origin = request.headers.get("Origin")
        response.headers.add("Vary", "Origin")
        if origin and ("*" in allowed or origin in allowed):
            response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Content-Encoding"
            response.headers["Access-Control-Max-Age"] = "600"
        return response
