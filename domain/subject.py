"""The subject of a token, and the user id that is derived from it (docs/adr/0020).

There are three kinds of ids, which never collide: the UUID that the subject of a token of this server spells (any version
but 8), the UUIDv8 derived from another subject of such a token, and the UUIDv5 derived from the issuer and the subject of an
identity provider's token.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final, Self
from uuid import NAMESPACE_URL, UUID, uuid5

from domain.error import InvalidInput

MAX_SUBJECT_LENGTH: Final = 255
"""The longest subject, in characters: the limit of OpenID Connect."""

MAX_ISSUER_LENGTH: Final = 2_048
"""The longest issuer, in characters."""

# uuid.UUID accepts more spellings: digits of other scripts, 0x, underscores.
_SPELLS_UUID: Final = re.compile(r"(?:urn:uuid:)?\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?")
_NOT_TEXT: Final = frozenset({"Cc", "Cs"})
"""The Unicode categories of control characters and of surrogates."""
_NO_ISSUER: Final = uuid5(NAMESPACE_URL, "enterprise-router:no-issuer")
_MAPPED_VERSION: Final = 5
_OWN_VERSION: Final = 8


@dataclass(frozen=True, slots=True)
class Subject:
    """The `sub` and the `iss` of a token. `issuer` is None for a token without `iss`."""

    name: str
    issuer: str | None
    external: bool
    """Whether an identity provider signed the token; else the secret of this server did."""

    @classmethod
    def checked(cls, name: Any, issuer: Any, *, external: bool) -> Self:
        """The subject with these claims. Raises InvalidInput that names the invalid claim."""
        _check("sub", name, MAX_SUBJECT_LENGTH)
        if not name.strip():
            raise InvalidInput("sub: must not be blank", ["sub"])
        if issuer is not None:
            _check("iss", issuer, MAX_ISSUER_LENGTH)
        return cls(name, issuer, external)

    @property
    def stated_id(self) -> UUID | None:
        """The UUID that the subject spells; None when it is not a UUID, or the token is an identity provider's."""
        return None if self.external else _uuid(self.name)

    @property
    def mapped_id(self) -> UUID:
        """The id derived from the issuer and the subject."""
        if self.external:
            # The namespace of the issuer has 16 bytes, so that no other issuer and subject give the same hash input.
            return uuid5(_NO_ISSUER if self.issuer is None else _namespace(self.issuer), self.name)
        digest = hashlib.sha256(b"enterprise-router:subject:" + json.dumps([self.issuer, self.name]).encode()).digest()
        return _version_8(digest)

    @property
    def earlier_id(self) -> UUID | None:
        """The id that an earlier version of this server assigned to the subject; None when another subject may have it.

        That is so for a UUID that is not in canonical spelling, and for a UUID of version 5.
        """
        uuid = _uuid(self.name)
        if uuid is None:
            return uuid5(NAMESPACE_URL, f"{self.issuer or ''}{self.name}")
        unambiguous = str(uuid) == self.name and uuid.version != _MAPPED_VERSION
        return uuid if self.external and unambiguous else None


def is_derived(id_: UUID) -> bool:
    """Whether the id may be derived from a subject that does not spell it."""
    return id_.version in {_MAPPED_VERSION, _OWN_VERSION}


def is_never_stated(id_: UUID) -> bool:
    """Whether a subject that spells this UUID is treated as text, so that its id is derived."""
    return id_.version == _OWN_VERSION


def _check(claim: str, value: Any, longest: int) -> None:
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidInput(f"{claim}: must be text of at most {longest} characters", [claim])
    if any(unicodedata.category(character) in _NOT_TEXT for character in value):
        raise InvalidInput(f"{claim}: must not contain control characters or unpaired surrogates", [claim])


def _uuid(text: str) -> UUID | None:
    return UUID(text) if _SPELLS_UUID.fullmatch(text) else None


def _namespace(issuer: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"enterprise-router:issuer:{issuer}")


def _version_8(digest: bytes) -> UUID:
    """A UUIDv8 with the first bits of the digest (RFC 9562, section 5.8)."""
    bits = int.from_bytes(digest[:16], "big")
    bits = bits & ~(0xF << 76) | _OWN_VERSION << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=bits)
