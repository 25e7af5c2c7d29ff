"""What is a name, and what is refused before anything is looked up."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.comparison import fold_name
from directory.ldap.search import escape
from directory.name_forms import (
    AccountName,
    ComputerName,
    InvalidName,
    PrincipalName,
    Sid,
    parse_account_name,
    parse_computer_name,
)


def test_the_forms_of_an_account_name() -> None:
    def parse(text: str) -> object:
        return parse_account_name(text, field="expert")

    assert parse(r"R2\mjones") == AccountName("mjones", "R2")
    assert parse(r" r2.local\mjones ") == AccountName("mjones", "r2.local")
    assert parse("mjones@r2.local") == PrincipalName("mjones", "r2.local")
    assert parse("mjones") == AccountName("mjones")
    assert parse("Zo\u00eb O'Hara") == AccountName("Zo\u00eb O'Hara")
    assert parse("s-1-5-21-1-2-3-1104") == Sid("S-1-5-21-1-2-3-1104")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "a\x00b",
        "mjo\u200bnes",
        "\u202emjones",
        "*",
        "m)(uid=*",
        "a\\b\\c",
        "\\mjones",
        "R2\\",
        "@r2.local",
        "mjones@",
        "mjones@-",
        "a" * 600,
        "a;b",
        "<script>",
    ],
)
def test_odd_account_names_are_refused_with_the_field_and_a_remedy(text: str) -> None:
    with pytest.raises(InvalidName) as refusal:
        parse_account_name(text, field="expert")
    assert refusal.value.field == "expert"
    assert refusal.value.sentence
    assert refusal.value.remedy
    assert refusal.value.status == 400


def test_the_forms_of_a_computer_name() -> None:
    def parse(text: str) -> object:
        return parse_computer_name(text, field="computer")

    assert parse("XP191") == ComputerName("XP191")
    assert parse("xp191$") == ComputerName("xp191")
    assert parse("XP191.r2.local.") == ComputerName("XP191.r2.local")
    assert parse(r"R2\XP191") == ComputerName("XP191", "R2")
    assert parse("127.0.11.191") == ip_address("127.0.11.191")
    assert parse("::1") == ip_address("::1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "XP 191",
        "XP191;id",
        "XP191|x",
        "../etc",
        "127.0.11",
        "127.0.11.999",
        "a..b",
        "-a",
        "xp\u0000",
    ],
)
def test_odd_computer_names_are_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_computer_name(text, field="computer")


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for parse in (parse_account_name, parse_computer_name):
        with suppress(InvalidName):
            parse(text, field="name")


@given(st.text(max_size=40))
def test_an_escaped_value_cannot_leave_its_place_in_a_filter(text: str) -> None:
    escaped = escape(text)
    assert not set(escaped) & set("()*\x00")
    raw = bytearray()
    position = 0
    while position < len(escaped):
        if escaped[position] == "\\":
            raw.append(int(escaped[position + 1 : position + 3], 16))
            position += 3
        else:
            raw.append(ord(escaped[position]))
            position += 1
    assert raw.decode() == text


@given(st.text(max_size=20))
def test_folding_a_folded_name_changes_nothing(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)


def test_two_spellings_of_a_name_fold_to_one() -> None:
    assert fold_name("ZO\u00cb") == fold_name("zoe\u0308")
