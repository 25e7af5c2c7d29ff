"""Every way a contact can end has a stable code, a sentence, a remedy, and a row in the docs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assist.remote_assistance import errors
from assist.remote_assistance.errors import RemoteAssistanceError
from tests.environment import ROOT

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text()
OWN_AUTHORITY = {"delegation_refused"}  # of the portal's side, before any computer is called


def kinds(base: type[RemoteAssistanceError]) -> Iterator[type[RemoteAssistanceError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
        yield from kinds(kind)


KINDS = sorted(set(kinds(RemoteAssistanceError)), key=lambda kind: kind.__name__)


def row(code: str) -> str:
    return next((line for line in DOCUMENT.splitlines() if line.startswith(f"| `{code}` |")), "")


@pytest.mark.parametrize("kind", KINDS)
def test_each_has_a_code_of_its_own_a_sentence_and_a_remedy(
    kind: type[RemoteAssistanceError],
) -> None:
    error = kind()
    assert error.sentence.endswith(".")
    assert error.remedy.endswith(".")
    others = {other.code for other in KINDS if other is not kind}
    assert error.code not in others


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.code not in OWN_AUTHORITY])
def test_each_is_in_the_document_with_whether_it_is_a_refusal(
    kind: type[RemoteAssistanceError],
) -> None:
    found = row(kind.code)
    assert found, f"docs/protocol.md has no row for {kind.code}"
    assert found.endswith("| yes |" if kind.is_refusal else "| no |")


@pytest.mark.parametrize("number", errors.BY_HRESULT)
def test_each_hresult_leads_to_its_row(number: int) -> None:
    assert f"0x{number:08X}" in row(errors.for_hresult(number).code)
    assert (
        errors.for_fault(number).code
        == (errors.BY_FAULT.get(number) or errors.BY_HRESULT[number]).code
    )


@pytest.mark.parametrize("number", errors.BY_FAULT)
def test_each_fault_leads_to_its_row(number: int) -> None:
    assert f"fault 0x{number:X}" in row(errors.for_fault(number).code)


def test_a_number_without_a_meaning_is_told() -> None:
    assert "0xDEADBEEF" in errors.for_hresult(0xDEADBEEF).sentence
    assert "0xDEADBEEF" in errors.for_fault(0xDEADBEEF).sentence
