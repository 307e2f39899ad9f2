from __future__ import annotations

import string
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.error import InvalidInput
from domain.subject import Subject

names = st.text("ab:/|é", min_size=1, max_size=4) | st.uuids().map(str)
issuers = st.none() | st.text("ab:/|é", max_size=4)
subjects = st.builds(Subject, names, issuers, st.booleans())


@given(subjects, subjects)
@settings(max_examples=300)
def test_subjects_that_differ_in_name_issuer_or_signer_are_different_users(one: Subject, other: Subject) -> None:
    assert (one.mapped_id == other.mapped_id) is (one == other)


@given(subjects, issuers)
@settings(max_examples=200)
def test_no_subject_is_the_user_of_another_by_spelling_its_id(victim: Subject, issuer: str | None) -> None:
    for spelt in (str(victim.mapped_id), str(victim.mapped_id).upper(), victim.mapped_id.hex, victim.mapped_id.urn):
        for external in (True, False):
            attacker = Subject(spelt, issuer, external)
            assert attacker.mapped_id != victim.mapped_id
            assert not victim.external or attacker.earlier_id != victim.mapped_id


def test_the_kinds_of_user_ids_have_different_uuid_versions() -> None:
    assert Subject("alice", "https://idp.test/", external=True).mapped_id.version == 5
    assert Subject("alice", "https://idp.test/", external=False).mapped_id.version == 8


UUID_7 = "01941931-60b0-7000-9e50-21ab326a8ef5"


@pytest.mark.parametrize(
    "spelt", [UUID_7, UUID_7.upper(), UUID_7.replace("-", ""), f"{{{UUID_7}}}", f"urn:uuid:{UUID_7}"]
)
def test_a_token_of_this_server_may_have_a_uuid_in_any_spelling(spelt: str) -> None:
    assert Subject(spelt, None, external=False).stated_id == UUID(UUID_7)
    assert Subject(spelt, None, external=True).stated_id is None


DIGITS = UUID_7.replace("-", "")


@pytest.mark.parametrize(
    "text",
    [
        f"0x{DIGITS[2:]}",
        DIGITS[:30] + "_5",
        DIGITS.translate({ord(digit): 0xFF10 + int(digit) for digit in string.digits}),
        f"{UUID_7} ",
        f"urn:uuid:{UUID_7}0",
        "URN:UUID:" + UUID_7,
    ],
)
def test_text_that_only_python_accepts_as_a_uuid_is_not_one(text: str) -> None:
    assert Subject(text, None, external=False).stated_id is None


@pytest.mark.parametrize("name", [None, 5, "", " ", "\u3000", "a" * 256, "a\x00", "\n", "\x85", "\ud800"])
def test_a_subject_is_text_of_1_to_255_characters(name: object) -> None:
    with pytest.raises(InvalidInput) as rejected:
        Subject.checked(name, None, external=True)
    assert rejected.value.path == ["sub"]
    assert Subject.checked("é" * 255, None, external=True).name == "é" * 255


@pytest.mark.parametrize("issuer", [5, [], "a" * 2049, "\x00", "\udfff"])
def test_an_issuer_is_text(issuer: object) -> None:
    with pytest.raises(InvalidInput) as rejected:
        Subject.checked("a", issuer, external=True)
    assert rejected.value.path == ["iss"]
