"""Authentication over HTTP: tokens of this server and of an identity provider."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from uuid import UUID

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import HttpUrl, SecretStr
from starlette.applications import Starlette

from domain.subject import Subject
from models.database import Database
from server.app import create_app
from server.auth import TRUST_S, Authenticator, CannotVerify, Unauthenticated
from server.keys import FRESH_S, KEPT_S, REFETCH_S
from server.settings import Settings
from server.token import make_token
from tests.conftest import SECRET, publish_nothing

USER = UUID("01941931-60b0-7000-9e50-21ab326a8ef5")
PROVIDED = Subject(str(USER), None, external=True).mapped_id
"""The user that an identity provider's tokens with this subject name."""
QUERY = "{ viewer { id } }"


def claims(**changes: Any) -> dict[str, Any]:
    return {"sub": str(USER), "exp": datetime.now(UTC) + timedelta(hours=1)} | changes


def hs256(secret: str = SECRET, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm="HS256")


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client:
        yield client


def unsigned() -> str:
    return jwt.encode(claims(), "", algorithm="none")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic dXNlcjpwYXNz",
        f"Bearer {hs256('another secret that is 32 bytes or more')}",
        f"Bearer {hs256(exp=datetime.now(UTC) - timedelta(seconds=31))}",
        f"Bearer {hs256(nbf=datetime.now(UTC) + timedelta(hours=1))}",
        f"Bearer {hs256(iat=datetime.now(UTC) + timedelta(hours=1))}",
        f"Bearer {hs256(exp=None)}",
        f"Bearer {jwt.encode({'sub': str(USER)}, SECRET)}",
        f"Bearer {hs256(exp='4102444800')}",
        f"Bearer {hs256(exp=float('inf'))}",
        f"Bearer {hs256(exp=10**400)}",
        f"Bearer {hs256(exp=253402300799)}",
        f"Bearer {hs256(sub='')}",
        f"Bearer {hs256(sub='   ')}",
        f"Bearer {hs256(sub='a' * 256)}",
        f"Bearer {hs256(sub='a' + chr(0))}",
        f"Bearer {hs256(sub='a' + chr(10))}",
        f"Bearer {hs256(sub='a' + chr(0x85))}",
        f"Bearer {hs256(sub=chr(0xD800))}",
        f"Bearer {hs256(sub=['a'])}",
        f"Bearer {hs256(iss='a' * 2049)}",
        f"Bearer {hs256(router_user_id=5)}",
        f"Bearer {hs256(sub='', router_user_id=str(USER))}",
        f"Bearer {hs256(router_user_id='alice')}",
        f"Bearer {base64.urlsafe_b64encode(b'[' * 20_000).decode().rstrip('=')}.e30.e30",
        f"Bearer {unsigned()}",
        f"Bearer {hs256(sub=None)}",
        f"Bearer {hs256()}x",
        f"Bearer {hs256(exp=10**15)}",
        f"Bearer {hs256(exp='soon')}",
    ],
)
async def test_a_request_without_a_valid_token_gets_401_and_nothing_else(
    client: httpx2.AsyncClient, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for response in (
        await client.post("/graphql", json={"query": QUERY}, headers=headers),
        await client.get("/graphql", params={"query": QUERY}, headers=headers),
    ):
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        body = response.json()
        assert list(body) == ["errors"]
        [error] = body["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_a_valid_token_names_its_user(client: httpx2.AsyncClient, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {hs256()}"}
    posted = await client.post("/graphql", json={"query": QUERY}, headers=headers)
    got = await client.get("/graphql", params={"query": QUERY}, headers=headers)
    for response in (posted, got):
        assert (response.status_code, response.json()) == (200, {"data": {"viewer": {"id": str(USER)}}})


async def test_a_mutation_by_get_is_rejected(client: httpx2.AsyncClient) -> None:
    mutation = "mutation { savePreferences(input: {maxLatencyMs: 5}) { __typename } }"
    headers = {"Authorization": f"Bearer {hs256()}"}
    response = await client.get("/graphql", params={"query": mutation}, headers=headers)
    assert response.status_code in {400, 405}
    read = await client.post("/graphql", json={"query": "{ preferences { maxLatencyMs } }"}, headers=headers)
    assert read.json() == {"data": {"preferences": {"maxLatencyMs": None}}}


def settings_with(path: Path, **changes: Any) -> Settings:
    return Settings(data_dir=path, **changes)


@pytest.fixture
async def users(sqlite_url: str) -> AsyncIterator[Database]:
    """A database in which the users of tokens are found. test_subjects runs on PostgreSQL too."""
    database = Database(sqlite_url, publish_nothing)
    yield database
    await database.dispose()


async def test_issuer_and_audience_are_required_when_set(tmp_path: Path, users: Database) -> None:
    settings = settings_with(
        tmp_path, jwt_secret=SecretStr(SECRET), jwt_issuer="https://idp.test/", jwt_audience="router"
    )
    authenticator = Authenticator(settings, users)
    for wrong in ({}, {"iss": "https://idp.test/"}, {"aud": "router"}, {"iss": "https://evil.test/", "aud": "router"}):
        with pytest.raises(Unauthenticated):
            await authenticator.viewer(hs256(**wrong))
    assert (await authenticator.viewer(hs256(iss="https://idp.test/", aud="router"))).id == USER
    assert (await authenticator.viewer(make_token(settings, USER, timedelta(hours=1)))).id == USER


class _KeyServer(BaseHTTPRequestHandler):
    keys: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar = 0
    status: ClassVar = 200

    def do_GET(self) -> None:
        type(self).asked += 1
        body = json.dumps({"keys": self.keys}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def jwks_url() -> Iterator[str]:
    """The URL of an identity provider's keys."""
    _KeyServer.keys = [
        RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": "rsa", "use": "sig", "alg": "RS256"},
        ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "ec", "use": "sig", "alg": "ES256"},
    ]
    _KeyServer.asked, _KeyServer.status = 0, 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), _KeyServer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    server.shutdown()
    thread.join()
    server.server_close()


def unsigned_with(algorithm: str, kid: str) -> str:
    """A token that names a key of a different type than its algorithm needs."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": kid}).encode()).decode().rstrip("=")
    return f"{header}.{hs256().split('.')[1]}.c2lnbmF0dXJl"


def signed_with_a_public_key() -> str:
    """An HS256 token with the RSA public key as the secret. Old libraries accepted it as the provider's token."""
    public = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    payload = jwt.encode(claims(), "x" * 32, algorithm="HS256", headers={"kid": "rsa"}).rpartition(".")[0]
    signature = hmac.digest(public, payload.encode(), "sha256")
    return f"{payload}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


async def test_tokens_of_an_identity_provider_are_verified_by_its_keys(
    tmp_path: Path, users: Database, jwks_url: str
) -> None:
    authenticator = Authenticator(settings_with(tmp_path, jwks_url=HttpUrl(jwks_url)), users)
    for key, algorithm, kid in ((RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec")):
        token = jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": kid})
        assert (await authenticator.viewer(token)).id == PROVIDED

    # another party's key, an unknown key, a shared secret, a public key used as a secret
    forged = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        jwt.encode(claims(), forged, algorithm="RS256", headers={"kid": "rsa"}),
        jwt.encode(claims(), forged, algorithm="RS256", headers={"kid": "nobody"}),
        hs256(),
        signed_with_a_public_key(),
        unsigned_with("ES256", "rsa"),
        unsigned_with("RS256", "ec"),
    ):
        with pytest.raises(Unauthenticated):
            await authenticator.viewer(token)
    assert not (tmp_path / "secret").exists()


async def test_while_an_identity_provider_is_down_only_users_with_known_keys_are_served(
    database_url: str, tmp_path: Path
) -> None:
    settings = settings_with(tmp_path, database_url=database_url, jwks_url=HttpUrl("http://127.0.0.1:9/jwks.json"))
    token = jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "rsa"})
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://router") as client,
    ):
        response = await client.post("/graphql", json={"query": QUERY}, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 503
    assert response.json()["errors"][0]["extensions"] == {"code": "SERVICE_UNAVAILABLE"}


async def test_a_token_is_valid_until_its_expiry_plus_the_leeway(tmp_path: Path, users: Database) -> None:
    usual = Authenticator(settings_with(tmp_path, jwt_secret=SecretStr(SECRET)), users)
    strict = Authenticator(settings_with(tmp_path, jwt_secret=SecretStr(SECRET), jwt_leeway_s=0), users)
    now = datetime.now(UTC).replace(microsecond=0)
    for claim in ("iat", "nbf"):
        ahead: dict[str, Any] = {claim: now + timedelta(seconds=20)}
        assert (await usual.viewer(hs256(**ahead))).id == USER
        with pytest.raises(Unauthenticated, match="not valid yet"):
            await strict.viewer(hs256(**ahead))
    late = hs256(exp=now - timedelta(seconds=10))
    assert (await usual.viewer(late)).expires_at == now + timedelta(seconds=20)
    with pytest.raises(Unauthenticated, match="expired"):
        await strict.viewer(late)
    for authenticator, leeway_s in ((usual, 30), (strict, 0)):
        viewer = await authenticator.viewer(hs256(exp=datetime(2040, 1, 1, tzinfo=UTC)))
        assert viewer.expires_at == datetime(2040, 1, 1, tzinfo=UTC) + timedelta(seconds=leeway_s)


OLD, NEW = "the secret that was used until today", "the secret that is used from today on"


Verifying = Callable[..., Authenticator]


@pytest.fixture
def verifying(tmp_path: Path, users: Database) -> Verifying:
    def with_secrets(secret: str, previous: str | None = None) -> Authenticator:
        previous_secret = None if previous is None else SecretStr(previous)
        return Authenticator(
            settings_with(tmp_path, jwt_secret=SecretStr(secret), jwt_previous_secret=previous_secret), users
        )

    return with_secrets


async def test_both_secrets_are_valid_during_a_change_of_the_secret(verifying: Verifying) -> None:
    # given replicas before, during and after a change of the secret
    announced = verifying(OLD, NEW)
    changed = verifying(NEW, OLD)
    done = verifying(NEW)
    # then the first two accept each other's tokens
    for authenticator in (announced, changed):
        assert (await authenticator.viewer(hs256(OLD))).id == USER
        assert (await authenticator.viewer(hs256(NEW))).id == USER
        for wrong in (hs256("another secret that is 32 bytes or more"), hs256(OLD, exp=1), hs256(NEW, exp=1)):
            with pytest.raises(Unauthenticated):
                await authenticator.viewer(wrong)
    assert (await done.viewer(hs256(NEW))).id == USER
    with pytest.raises(Unauthenticated):
        await done.viewer(hs256(OLD))


async def test_new_tokens_are_signed_with_the_new_secret_alone(tmp_path: Path, verifying: Verifying) -> None:
    settings = settings_with(tmp_path, jwt_secret=SecretStr(NEW), jwt_previous_secret=SecretStr(OLD))
    token = make_token(settings, USER, timedelta(hours=1))
    assert (await verifying(NEW).viewer(token)).id == USER
    with pytest.raises(Unauthenticated):
        await verifying(OLD).viewer(token)


async def test_tokens_of_a_secret_stay_valid_while_users_move_to_an_identity_provider(
    tmp_path: Path, users: Database, jwks_url: str
) -> None:
    settings = settings_with(tmp_path, jwks_url=HttpUrl(jwks_url), jwt_previous_secret=SecretStr(OLD))
    authenticator = Authenticator(settings, users)
    assert (await authenticator.viewer(hs256(OLD))).id == USER
    assert (await authenticator.viewer(rs256(RSA_KEY, "rsa"))).id == PROVIDED
    with pytest.raises(LookupError):
        make_token(settings, USER, timedelta(hours=1))


class Seconds:
    """A clock that moves only when a test sets `seconds`."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def provided(tmp_path: Path, users: Database, jwks_url: str, seconds: Seconds) -> Authenticator:
    """An authenticator with the provider's keys, whose clock is `seconds`."""
    return Authenticator(settings_with(tmp_path, jwks_url=HttpUrl(jwks_url)), users, seconds)


def rs256(key: rsa.RSAPrivateKey, kid: str) -> str:
    return jwt.encode(claims(), key, algorithm="RS256", headers={"kid": kid})


def publish(**keys: rsa.RSAPrivateKey) -> None:
    _KeyServer.keys = [
        RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "use": "sig", "alg": "RS256"}
        for kid, key in keys.items()
    ]


async def test_a_new_key_is_fetched_when_a_token_names_it_and_fetches_are_throttled(
    provided: Authenticator, seconds: Seconds
) -> None:
    assert (await provided.viewer(rs256(RSA_KEY, "rsa"))).id == PROVIDED
    new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    # when many tokens name unknown keys
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await provided.viewer(rs256(new, f"made-up-{number}"))
    # then the keys were fetched once, and again once the interval between two fetches is over
    assert _KeyServer.asked == 1
    publish(rsa=RSA_KEY, new=new)
    seconds.now_s += REFETCH_S
    assert (await provided.viewer(rs256(new, "new"))).id == PROVIDED
    assert _KeyServer.asked == 2


async def test_concurrent_tokens_fetch_the_keys_once(provided: Authenticator) -> None:
    tokens = [jwt.encode(claims(n=n), RSA_KEY, algorithm="RS256", headers={"kid": "rsa"}) for n in range(20)]
    viewers = await asyncio.gather(*map(provided.viewer, tokens))
    assert {viewer.id for viewer in viewers} == {PROVIDED}
    assert _KeyServer.asked == 1


async def test_a_withdrawn_key_is_rejected_after_five_and_a_half_minutes(
    provided: Authenticator, seconds: Seconds
) -> None:
    token = rs256(RSA_KEY, "rsa")
    assert (await provided.viewer(token)).id == PROVIDED
    publish(another=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    # a token that was just verified stays valid a moment longer than its key
    seconds.now_s += FRESH_S
    assert (await provided.viewer(token)).id == PROVIDED
    seconds.now_s += TRUST_S
    assert FRESH_S + TRUST_S == 330
    with pytest.raises(Unauthenticated):
        await provided.viewer(token)


async def test_keys_stay_valid_for_an_hour_while_the_provider_does_not_answer(
    provided: Authenticator, seconds: Seconds
) -> None:
    assert (await provided.viewer(rs256(RSA_KEY, "rsa"))).id == PROVIDED
    _KeyServer.status = 500
    seconds.now_s += KEPT_S
    for _ in range(5):
        assert (await provided.viewer(rs256(RSA_KEY, "rsa"))).id == PROVIDED
        # an unknown key cannot be checked now
        with pytest.raises(CannotVerify):
            await provided.viewer(rs256(RSA_KEY, "new"))
    assert _KeyServer.asked == 2
    seconds.now_s += TRUST_S + 1
    with pytest.raises(CannotVerify):
        await provided.viewer(rs256(RSA_KEY, "rsa"))
    # and tokens with the new key are valid once it answers
    _KeyServer.status = 200
    seconds.now_s += REFETCH_S
    assert (await provided.viewer(rs256(RSA_KEY, "rsa"))).id == PROVIDED
