"""The words of the table of cases: what ``cases/README.md`` describes, read into values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "cases"
LAB = "lab"  # the file whose rows run against the lab's forests


class UnreadableCase(ValueError):
    """A row of the table does not keep to its vocabulary."""


@dataclass(frozen=True)
class Name:
    r"""An account or a group: ``R2\mary``."""

    domain: str
    name: str

    def __str__(self) -> str:
        return f"{self.domain}\\{self.name}"

    @classmethod
    def read(cls, text: str) -> Name:
        domain, separator, name = text.strip().partition("\\")
        if not separator or not domain or not name:
            raise UnreadableCase(f"{text!r} is no DOMAIN\\name.")
        return cls(domain, name)


@dataclass(frozen=True)
class DomainLine:
    """``child.r2.local in forest r2.local``; ``, not read`` where the portal has no picture."""

    dns_name: str
    forest: str
    is_read: bool

    @property
    def netbios_name(self) -> str:
        return self.dns_name.partition(".")[0].upper()

    @classmethod
    def read(cls, text: str) -> DomainLine:
        found = re.fullmatch(r"(\S+?)(?: in forest (\S+?))?(, not read)?", text)
        if not found:
            raise UnreadableCase(f"{text!r} describes no domain.")
        return cls(found[1], found[2] or found[1], is_read=not found[3])


@dataclass(frozen=True)
class TrustLine:
    """``a.test trusts b.test: forest, selective authentication``."""

    trusting: str
    trusted: str
    is_mutual: bool
    kind: str
    options: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> TrustLine:
        found = re.fullmatch(
            r"(\S+) (?:trusts (\S+)|and (\S+) trust each other): ([a-z-]+)((?:, [^,]+)*)", text
        )
        if not found:
            raise UnreadableCase(f"{text!r} describes no trust.")
        options = tuple(option for option in found[5].split(", ") if option)
        return cls(found[1], found[2] or found[3], bool(found[3]), found[4], options)


@dataclass(frozen=True)
class PersonLine:
    r"""``R2\mary: disabled, was OLD\mary``."""

    name: Name
    options: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> PersonLine:
        name, _, options = text.partition(": ")
        return cls(Name.read(name), tuple(options.split(", ")) if options else ())


@dataclass(frozen=True)
class GroupLine:
    r"""``R2\Helpdesk, global: R2\mary, R2\Night``."""

    name: Name
    scope: str
    is_security: bool
    options: tuple[str, ...]
    members: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> GroupLine:
        head, _, members = text.partition(": ")
        name, kind, *options = head.rstrip(":").split(", ")
        found = re.fullmatch(r"(global|universal|domain local|builtin)( distribution)?", kind)
        if not found:
            raise UnreadableCase(f"{text!r} describes no group.")
        names = tuple(members.split(", ")) if members else ()
        return cls(Name.read(name), found[1], not found[2], tuple(options), names)


@dataclass(frozen=True)
class PolicyLine:
    """``WinnipegGPO: offers with control; helpers R2\\Helpdesk; applies to R2\\Pilot``."""

    name: str
    clauses: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> PolicyLine:
        name, _, clauses = text.partition(": ")
        return cls(name, tuple(clause.strip() for clause in clauses.split(";") if clause.strip()))

    def has(self, clause: str) -> bool:
        return clause in self.clauses

    def after(self, word: str) -> str | None:
        """What a clause that begins with ``word`` says; None when there is none."""
        for clause in self.clauses:
            if clause.startswith(f"{word} "):
                return clause.removeprefix(f"{word} ")
        return None

    def names_after(self, word: str) -> tuple[str, ...]:
        said = self.after(word)
        return tuple(said.split(", ")) if said else ()


@dataclass(frozen=True)
class LinkLine:
    """``Winnipeg: WinnipegGPO, enforced; OtherGPO, disabled``: link order 1 first."""

    container: str
    links: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def read(cls, text: str) -> LinkLine:
        container, _, links = text.partition(": ")
        read = [tuple(link.strip().split(", ")) for link in links.split(";")]
        return cls(container, tuple((policy, tuple(options)) for policy, *options in read))


@dataclass(frozen=True)
class ComputerLine:
    """The computer, as a table of its own."""

    name: str = "PC1"
    domain: str = "r2.local"
    unit: str = "Winnipeg"
    system: str = "Windows 11 Enterprise 10.0 (22631)"
    state: str = ""
    address: str = ""
    may_authenticate: tuple[str, ...] = ()

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> ComputerLine:
        allowed = tuple(values.get("may_authenticate", ()))
        return cls(**{**values, "may_authenticate": allowed})


@dataclass(frozen=True)
class Case:
    """One row: what is given, what is asked, what is expected, and where that is written."""

    subject: str
    name: str
    expected: str
    rule: str
    source: tuple[str, ...]
    expert: Name = Name("R2", "mary")
    computer: ComputerLine = field(default_factory=ComputerLine)
    mode: str = "control"
    domains: tuple[DomainLine, ...] = ()
    trusts: tuple[TrustLine, ...] = ()
    people: tuple[PersonLine, ...] = ()
    groups: tuple[GroupLine, ...] = ()
    units: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    policies: tuple[PolicyLine, ...] = ()
    links: tuple[LinkLine, ...] = ()
    portal: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    note: str = ""
    awaits: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.name}"


STANDARD_GROUPS = (r"R2\Helpdesk, global: R2\mary",)
STANDARD_POLICIES = (r"WinnipegGPO: offers with control; helpers R2\Helpdesk",)
STANDARD_LINKS = ("Winnipeg: WinnipegGPO",)
EXPECTATIONS = ("allowed", "refused", "unknown")
LINES: dict[str, tuple[Callable[[str], object], tuple[str, ...]]] = {
    "domains": (DomainLine.read, ()),
    "trusts": (TrustLine.read, ()),
    "people": (PersonLine.read, ()),
    "groups": (GroupLine.read, STANDARD_GROUPS),
    "policies": (PolicyLine.read, STANDARD_POLICIES),
    "links": (LinkLine.read, STANDARD_LINKS),
}


def _read_case(subject: str, row: Mapping[str, Any]) -> Case:
    values = dict(row)
    source = values.pop("source")
    values["source"] = tuple(source) if isinstance(source, list) else (source,)
    for key, (read, standard) in LINES.items():
        values[key] = tuple(read(text) for text in values.pop(key, standard))
    for key in ("units", "sites", "portal", "also"):
        values[key] = tuple(values.pop(key, ()))
    if "expert" in values:
        values["expert"] = Name.read(values["expert"])
    if "computer" in values:
        values["computer"] = ComputerLine.read(values["computer"])
    if values["expected"] not in EXPECTATIONS:
        raise UnreadableCase(f"{values['expected']!r} is none of {EXPECTATIONS}.")
    return Case(subject=subject, **values)


def cases() -> Iterator[Case]:
    """Every row that is built in the database, file by file."""
    for path in sorted(FOLDER.glob("*.toml")):
        if path.stem == LAB:
            continue
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            try:
                yield _read_case(path.stem.replace("_", " "), row)
            except (KeyError, TypeError, UnreadableCase) as error:
                raise UnreadableCase(f"{path.name}, {row.get('name')!r}: {error}") from error


@dataclass(frozen=True)
class LabCase:
    """One row on the lab's live forests.

    Attributes:
        state: What is changed there meanwhile.
        samba: In what Samba does otherwise than the document.
    """

    name: str
    expert: str
    computer: str
    expected: str
    rule: str
    source: str
    mode: str = "control"
    state: str = ""
    also: tuple[str, ...] = ()
    samba: str = ""
    note: str = ""
    awaits: str = ""

    def __str__(self) -> str:
        return f"{LAB}: {self.name}"


def lab_cases() -> Iterator[LabCase]:
    """Every row on the lab's forests."""
    for row in tomllib.loads((FOLDER / f"{LAB}.toml").read_text(encoding="utf-8"))["case"]:
        state, also = row.pop("while", ""), tuple(row.pop("also", ()))
        yield LabCase(state=state, also=also, **row)
