"""Keyset pagination: a cursor names the row after which a page starts, so every page costs the same."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain.error import InvalidInput

Row = TypeVar("Row")
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Edge(Generic[Row]):
    cursor: str
    node: Row


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list, in the order of the list.

    `kind` names the list, so that its cursors are not valid for another one. `key` is the attribute that the list is
    ordered by.
    """

    kind: str
    key: str
    nodes: list[Row]
    has_next: bool
    has_previous: bool

    @property
    def edges(self) -> list[Edge[Row]]:
        return [Edge(self._cursor(row), row) for row in self.nodes]

    @property
    def page_info(self) -> PageInfo:
        start, end = (self._cursor(self.nodes[0]), self._cursor(self.nodes[-1])) if self.nodes else (None, None)
        return PageInfo(self.has_next, self.has_previous, start, end)

    def _cursor(self, row: Any) -> str:
        return encode_cursor(self.kind, str(getattr(row, self.key)))


def encode_cursor(kind: str, key: str) -> str:
    """The opaque cursor of the row with this key in the list `kind`."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")


def whole_number(text: str) -> int:
    """The number in a cursor. Raises ValueError when it is not from 0 to 2^63 - 1."""
    number = int(text)
    if not 0 <= number < 2**63:
        raise ValueError(text)
    return number


def decode_cursor(kind: str, cursor: str, parse: Callable[[str], Key]) -> Key:
    """The key in a cursor of the list `kind`, parsed by `parse`. Raises InvalidInput for any other text."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        given_kind, _, key = text.partition(":")
        if given_kind == kind:
            return parse(key)
    except (binascii.Error, ValueError):
        pass
    raise InvalidInput("after: must be a cursor that this list returned", ["after"])
