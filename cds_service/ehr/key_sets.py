"""Fetches the key sets of trusted clients: from listed addresses only, without redirects, capped in size and time."""

from __future__ import annotations

import time

import requests

from cds_service.trust.keys import KeysUnavailable

_CONNECT_SECONDS, _READ_SECONDS, _WHOLE_SECONDS = 1.0, 1.0, 2.0
_MOST_BYTES = 200_000


def fetch_key_set(url: str) -> bytes:
    """The body at an address; KeysUnavailable when there is none, or the answer is no 200, too large or too slow."""
    began = time.monotonic()
    parts: list[bytes] = []
    try:
        with requests.Session() as session:
            session.trust_env = False
            timeout = (_CONNECT_SECONDS, _READ_SECONDS)
            with session.get(url, timeout=timeout, allow_redirects=False, stream=True) as answer:
                if answer.status_code != 200:
                    raise KeysUnavailable(f"the address answered {answer.status_code}")
                for part in answer.iter_content(16_384):
                    parts.append(part)
                    if sum(map(len, parts)) > _MOST_BYTES:
                        raise KeysUnavailable("the answer is too large")
                    if time.monotonic() - began > _WHOLE_SECONDS:
                        raise KeysUnavailable("the address did not answer in time")
    except (requests.RequestException, OSError, ValueError) as error:
        raise KeysUnavailable(f"the address could not be read ({type(error).__name__})") from None
    return b"".join(parts)
