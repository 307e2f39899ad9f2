from __future__ import annotations

import base64
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.error import ErrorCode, InvalidInput
from domain.page import Edge, Page, PageInfo, decode_cursor, encode_cursor


@dataclass(frozen=True)
class Row:
    id: int


def page(*ids: int, has_next: bool = False, has_previous: bool = False) -> Page[Row]:
    return Page("rows", "id", [Row(id_) for id_ in ids], has_next, has_previous)


def in_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


kinds = st.text(st.characters(codec="utf-8", exclude_characters=":"), max_size=30)
keys = st.text(st.characters(codec="utf-8"), max_size=60)


@given(kinds, keys)
@example("rows", "2026-01-01T00:00:00Z")
@settings(max_examples=200)
def test_a_cursor_returns_its_key(kind: str, key: str) -> None:
    assert decode_cursor(kind, encode_cursor(kind, key), str) == key


@given(kinds, keys)
@settings(max_examples=100)
def test_a_cursor_is_safe_in_a_url(kind: str, key: str) -> None:
    cursor = encode_cursor(kind, key)

    assert [
        character for character in cursor if not (character.isascii() and (character.isalnum() or character in "-_"))
    ] == []


def test_a_cursor_is_parsed_into_the_type_of_the_key() -> None:
    id_ = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

    assert decode_cursor("rows", encode_cursor("rows", str(id_)), UUID) == id_


@given(kinds, kinds, keys)
@settings(max_examples=100)
def test_a_cursor_is_valid_only_for_its_list(kind: str, other: str, key: str) -> None:
    cursor = encode_cursor(kind, key)

    if kind == other:
        assert decode_cursor(other, cursor, str) == key
    else:
        with pytest.raises(InvalidInput):
            decode_cursor(other, cursor, str)


@given(st.text(max_size=80))
@example("")
@example("=")
@example("a")
@example("rows:7")
@example("\ud800")
@example("é")
@example(in_base64(b"rows"))
@example(in_base64(b"rows:"))
@example(in_base64(b"rows:seven"))
@example(in_base64(b"rows:\xff"))
@example(in_base64(b"row:7"))
@example(in_base64(b"rows :7"))
@example(encode_cursor("rows", "7") + "!")
@settings(max_examples=200)
def test_any_other_text_is_rejected(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        decode_cursor("rows", text, int)

    assert raised.value.message == "after: must be a cursor that this list returned"
    assert raised.value.path == ["after"]
    assert raised.value.code is ErrorCode.INVALID_INPUT


def test_each_edge_has_the_cursor_of_its_row() -> None:
    assert page(9, 4).edges == [Edge(encode_cursor("rows", "9"), Row(9)), Edge(encode_cursor("rows", "4"), Row(4))]


def test_page_info_names_the_first_and_the_last_row() -> None:
    info = page(9, 6, 4, has_next=True).page_info

    assert info == PageInfo(
        has_next_page=True,
        has_previous_page=False,
        start_cursor=encode_cursor("rows", "9"),
        end_cursor=encode_cursor("rows", "4"),
    )


def test_one_row_is_first_and_last() -> None:
    info = page(9, has_previous=True).page_info

    assert info == PageInfo(
        has_next_page=False,
        has_previous_page=True,
        start_cursor=encode_cursor("rows", "9"),
        end_cursor=encode_cursor("rows", "9"),
    )


def test_an_empty_page_has_no_cursors() -> None:
    empty = page(has_previous=True)

    assert empty.edges == []
    assert empty.page_info == PageInfo(has_next_page=False, has_previous_page=True, start_cursor=None, end_cursor=None)


def test_the_rows_are_ordered_by_the_key_the_page_names() -> None:
    @dataclass(frozen=True)
    class AlertEventWriter:
        id: int
        sequence: int

    alert_events = Page(
        "firings", "sequence", [AlertEventWriter(id=1, sequence=77)], has_next=False, has_previous=False
    )

    assert alert_events.page_info.start_cursor == encode_cursor("firings", "77")
