"""docs/conformance.md: what it says of the public CRD test kit holds by the kit's rules, which crd/kit.py has anew."""

from __future__ import annotations

import re
import time
from dataclasses import fields
from pathlib import Path
from uuid import uuid4

from flask.testing import FlaskClient
from joserfc import jwt

from cds_service.settings import Settings
from cds_service.trust.clients import load_clients
from cds_service.web import create_app
from tests import support
from tests.conformance.crd.kit import kit_findings
from tests.services.crd import crd_call
from tests.support import JSON
from tests.trust.tokens import EC, PUBLIC_URL, key_set
from tests.trust.web import Site, serving

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
(TABLE,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
INFERNO = "https://inferno.healthit.gov/suites/custom/crd_server"
UNCODED = support.order(codeCodeableConcept={"text": "External insulin pump"})


def bodies() -> list[JSON]:
    """The bodies that the page asks for, the third one of the default base among them."""
    return [crd_call(education=None), crd_call(), crd_call(UNCODED)]


def findings(root: str, settings: Settings, number: int = 3) -> list[str]:
    """What the kit's tests of answers at order-sign stumble over."""
    client = create_app(settings).test_client()
    replies = [client.post(f"{root}/cds-services/crd-order-sign", json=body) for body in bodies()[:number]]
    assert [reply.status_code for reply in replies] == [200] * number
    return kit_findings([reply.get_json() for reply in replies], "order-sign")


def test_the_readme_names_the_page() -> None:
    assert "docs/conformance.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_and_file_that_is_named_exists() -> None:
    named = set(re.findall(r"PUMP_CDS_([A-Z_]+)", PAGE))
    assert {"PUBLIC_URL", "TRUSTED_CLIENTS"} <= named <= {field.name.upper() for field in fields(Settings)}
    for path in re.findall(r"`(fixtures/[^`]+)`", PAGE):
        assert (ROOT / path).exists()


def test_the_client_of_the_page_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "clients.toml"
    path.write_text(TABLE, encoding="utf-8")
    client = load_clients(path).by_issuer[INFERNO]
    assert client.jku == (f"{INFERNO}/jwks.json",)
    assert client.repeated_jti


def test_the_kit_gets_in_with_what_the_page_says(tmp_path: Path) -> None:
    """Its key address in the header, one token for several bodies."""
    with Site(serving(key_set())) as kit:
        path = tmp_path / "clients.toml"
        path.write_text(TABLE.replace(INFERNO, f"{kit.url}/custom/crd_server"), encoding="utf-8")
        client = create_app(
            Settings(public_url=PUBLIC_URL, trusted_clients=str(path), database_url="off")
        ).test_client()
        address = "/crd-2.0/cds-services"
        reply = client.get(address, headers=kit_token(kit, address))
        assert reply.status_code == 200
        first = next(each for each in reply.get_json()["services"] if each["hook"] == "order-sign")
        called(client, kit, f"{address}/{first['id']}")


def called(client: FlaskClient, kit: Site, address: str) -> None:
    """All bodies with one token, and what the kit finds in the answers."""
    headers = kit_token(kit, address)
    replies = [client.post(address, json=body, headers=headers) for body in bodies()[:2]]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert kit_findings([reply.get_json() for reply in replies], "order-sign") == []


def kit_token(kit: Site, address: str) -> dict[str, str]:
    """The token that the kit would send to an address."""
    now, own = int(time.time()), f"{kit.url}/custom/crd_server"
    header = {"alg": "ES384", "kid": "ec-1", "typ": "JWT", "jku": f"{own}/jwks.json"}
    claims = {"iss": own, "aud": PUBLIC_URL + address, "iat": now, "exp": now + 300, "jti": uuid4().hex}
    return {"Authorization": f"Bearer {jwt.encode(header, claims, EC, algorithms=['ES384'])}"}


def test_at_the_base_of_2_0_the_two_bodies_are_enough() -> None:
    assert findings("/crd-2.0", Settings(database_url="off"), 2) == []


def test_at_the_default_base_coverage_information_is_what_fails() -> None:
    found = findings("", Settings(database_url="off"))
    assert found
    assert {finding.partition(":")[0] for finding in found} == {"coverage information"}
    assert {"category", "value"} == {word for finding in found for word in ("category", "value") if word in finding}
    assert "crd_coverage_info_system_action_validation" in PAGE


def test_with_the_version_set_nothing_fails_at_the_default_base() -> None:
    assert findings("", Settings(database_url="off", crd_version="2.0.1"), 2) == []
