"""Numbers in JSON that a double cannot represent are found, and texts without such numbers are parsed once."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.json_text import decoded, may_lose_numbers

LOST = ["1e-400", "-1E-400", "0.5e-999", "123.456E-335", "1e-0400", f"0.{'0' * 400}1", f"-0.{'0' * 330}7"]
AROUND = [
    "%s",
    " %s",
    "[%s]",
    "[1,%s]",
    "[ \n%s ]",
    '{"a":%s}',
    '{"a": \t%s}',
    '{"a":[[0,%s]]}',
    "[\r%s]",
    "[%s,1]",
    "[%s ]",
    '{"a":%s}',
    '{"a":%s,"b":1}',
    "%s\n",
    "[%s\r\n]",
]


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("number", LOST)
def test_a_number_that_would_become_zero_is_found_wherever_it_stands(number: str, around: str) -> None:
    text = around % number
    assert may_lose_numbers(text)
    assert may_lose_numbers(text.encode())
    # It becomes infinite, which no field and no metadata accepts.
    assert "Infinity" in json.dumps(decoded(text))


@given(st.uuids())
def test_an_id_is_no_such_number(id_: UUID) -> None:
    text = json.dumps({"id": str(id_), "ids": [str(id_), f"{id_}-{id_}"]})
    assert not may_lose_numbers(text)
    assert not may_lose_numbers(text.encode())


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: value == 0 or abs(value) > 1e-99))
def test_numbers_that_doubles_represent_are_parsed_as_they_are(number: float) -> None:
    text = json.dumps([number])
    assert decoded(text) == [number]
    assert not may_lose_numbers(text)
