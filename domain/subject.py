"""Whom a token names, and the user's id that is made of it.

Ids of three kinds never meet: a UUID that a token of this server's states (any version but 8), the UUIDv8 of another subject
of such a token, and the UUIDv5 of issuer and subject of an identity provider's token (docs/adr/0020).
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
"""Characters; what OpenID Connect allows."""

MAX_ISSUER_LENGTH: Final = 2_048

# Python reads more as a UUID than is one: digits of other alphabets, 0x, underscores.
_SPELLS_UUID: Final = re.compile(r"(?:urn:uuid:)?\{?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?")
_NOT_TEXT: Final = frozenset({"Cc", "Cs"})
"""Control characters, and halves of surrogate pairs."""
_NO_ISSUER: Final = uuid5(NAMESPACE_URL, "enterprise-router:no-issuer")
_MAPPED_VERSION: Final = 5
_OWN_VERSION: Final = 8


@dataclass(frozen=True, slots=True)
class Subject:
    """The `sub` of a token, and its `iss`, None where it has none."""

    name: str
    issuer: str | None
    external: bool
    """Whether an identity provider signed the token, and not this server's own secret."""

    @classmethod
    def checked(cls, name: Any, issuer: Any, *, external: bool) -> Self:
        """The subject of these claims. Raises InvalidInput naming the claim that is wrong."""
        _check("sub", name, MAX_SUBJECT_LENGTH)
        if not name.strip():
            raise InvalidInput("sub: must not be blank", ["sub"])
        if issuer is not None:
            _check("iss", issuer, MAX_ISSUER_LENGTH)
        return cls(name, issuer, external)

    @property
    def stated_id(self) -> UUID | None:
        """The UUID that the subject spells; None when it spells none, and for an identity provider's."""
        return None if self.external else _uuid(self.name)

    @property
    def mapped_id(self) -> UUID:
        """The id that is made of issuer and subject."""
        if self.external:
            # The issuer's namespace has 16 bytes: no other pair of issuer and subject gives the same bytes to hash.
            return uuid5(_NO_ISSUER if self.issuer is None else _namespace(self.issuer), self.name)
        digest = hashlib.sha256(b"enterprise-router:subject:" + json.dumps([self.issuer, self.name]).encode()).digest()
        return _version_8(digest)

    @property
    def earlier_id(self) -> UUID | None:
        """The id that an earlier version of this server gave to it, if that one may still be this subject's.

        A UUID in another than the usual spelling, and one of version 5, which another subject may have had, is not.
        """
        uuid = _uuid(self.name)
        if uuid is None:
            return uuid5(NAMESPACE_URL, f"{self.issuer or ''}{self.name}")
        usual = str(uuid) == self.name and uuid.version != _MAPPED_VERSION
        return uuid if self.external and usual else None


def is_made_of_a_subject(id_: UUID) -> bool:
    """Whether it may be the id of a subject that does not spell it."""
    return id_.version in {_MAPPED_VERSION, _OWN_VERSION}


def is_never_stated(id_: UUID) -> bool:
    """Whether subjects that spell it are taken for text."""
    return id_.version == _OWN_VERSION


def _check(claim: str, value: Any, longest: int) -> None:
    if not isinstance(value, str) or len(value) > longest:
        raise InvalidInput(f"{claim}: must be text of at most {longest} characters", [claim])
    if any(unicodedata.category(character) in _NOT_TEXT for character in value):
        raise InvalidInput(f"{claim}: must hold no control character and no half surrogate pair", [claim])


def _uuid(text: str) -> UUID | None:
    return UUID(text) if _SPELLS_UUID.fullmatch(text) else None


def _namespace(issuer: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"enterprise-router:issuer:{issuer}")


def _version_8(digest: bytes) -> UUID:
    """A UUID whose free bits are those of the digest: RFC 9562, section 5.8."""
    bits = int.from_bytes(digest[:16], "big")
    bits = bits & ~(0xF << 76) | _OWN_VERSION << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=bits)
