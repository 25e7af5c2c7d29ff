"""The documents say what the code says."""

from __future__ import annotations

import re

from assist.lifecycle import TRANSITIONS, State
from assist.readiness.catalogue import CHECKS, UNSEEN
from assist.readiness.judging import FUNCTIONS
from tests.environment import ROOT


def test_every_setting_read_from_the_environment_is_documented() -> None:
    code = (ROOT / "portal" / "settings.py").read_text(encoding="utf-8")
    read = set(
        re.findall(
            r"(?:env\.\w+|secret|addresses|networks|positive_seconds|whole_number|hours_of_day"
            r"|choices|days_by_kind)"
            r"\(\s*\"([A-Z][A-Z0-9_]+)\"",
            code,
        )
    )
    document = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z0-9_]+)`", document, re.MULTILINE))
    assert read
    assert read - documented == set()
    assert documented - read == {"KRB5_CONFIG"}  # read by the Kerberos library itself


def test_the_drawn_states_are_the_table_of_the_lifecycle() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^    (\w+) --> (\w+)$", document, re.MULTILINE))
    assert drawn == {
        (str(state), str(following)) for state in State for following in TRANSITIONS[state]
    }


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`make ([a-z-]+)", readme))
    assert named
    for target in named:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_causes_of_the_document_on_readiness_are_those_of_the_code() -> None:
    document = (ROOT / "docs" / "readiness.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z_]+\.[a-z_]+)`( \*)?:? [^|]*\|(.*)\|$", document, re.MULTILINE)
    checks = [(code, bool(mark)) for code, mark, _ in listed if not code.startswith("unseen.")]
    assert checks == [(check.code, check.is_required) for check in CHECKS]
    unseen = [code for code, _, _ in listed if code.startswith("unseen.")]
    assert unseen == [item.code for item in UNSEEN]
    assert all(all(cell.strip() for cell in rest.split("|")) for _, _, rest in listed)


def test_every_check_of_readiness_has_one_function_and_every_unseen_cause_a_remedy() -> None:
    assert set(FUNCTIONS) == {check.code for check in CHECKS}
    assert len(set(FUNCTIONS.values())) == len(FUNCTIONS)
    assert all(item.reason and item.remedy for item in UNSEEN)
