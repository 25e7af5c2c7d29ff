"""The file that describes several domains (TOML), read and checked; nothing of it is believed.

Every mistake is found in one reading, so that an administrator mends them together. Knows no
Django; the settings that fill what the file leaves out are added in ``directory.configuration``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Literal

from directory.name_forms import LABEL, is_dns_name

TLS_WAYS = ("ldaps", "starttls")
MAXIMUM_CONNECTIONS = 16
MAXIMUM_TIMEOUT_SECONDS = 3600
SHORTEST_FULL_INTERVAL_SECONDS = 60
# What people write where a password could go; none of it is ever read.
PASSWORD_KEYS = frozenset({"bind_password", "password", "bind_pw", "secret"})


@dataclass(frozen=True)
class ConfigurationProblem:
    """One mistake in the configuration.

    Attributes:
        number: Of the system check, as ``E014``.
        sentence: What is wrong, with file, domain and key.
        remedy: What to write instead.
        domain: Whose table it is in; empty for none.
    """

    number: str
    sentence: str
    remedy: str
    domain: str = ""


@dataclass(frozen=True)
class DomainTable:
    """What the file says of one domain; None where it says nothing.

    Attributes:
        name: The domain's DNS name in lower case.
        bind_password: The content of the file that ``bind_password_file`` names.
    """

    name: str
    servers: tuple[str, ...] | None = None
    dns_servers: tuple[str, ...] | None = None
    ca_file: str | None = None
    tls: Literal["ldaps", "starttls"] | None = None
    site: str | None = None
    bind_user: str | None = None
    bind_password: str | None = field(default=None, repr=False)
    keytab_file: str | None = None
    connect_timeout_seconds: float | None = None
    read_timeout_seconds: float | None = None
    incremental_interval_seconds: float | None = None
    full_interval_seconds: float | None = None
    sweep_hour: int | None = None
    connections: int | None = None


@dataclass(frozen=True)
class DomainFile:
    """The tables that could be read, in the file's order, and everything that is wrong."""

    tables: tuple[DomainTable, ...]
    problems: tuple[ConfigurationProblem, ...]


class _Wrong(Exception):
    """A value that is not taken: what it is, and what to write instead."""

    def __init__(self, sentence: str, remedy: str, number: str = "E014") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.number = number


def read_domain_file(path: Path) -> DomainFile:
    """Everything the file says, and everything that is wrong with it.

    Args:
        path: The file. Relative paths in it start at its folder.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return _nothing("E010", f"{path} cannot be read: {error.strerror}.", _READABLE)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return _nothing("E011", f"{path} is not TOML: {error}.", _FORM)
    problems = [
        ConfigurationProblem("E013", f"{path}: unknown key {key}.", _FORM)
        for key in document
        if key != "domains"
    ]
    domains = document.get("domains")
    if not isinstance(domains, dict) or not domains:
        problems.append(ConfigurationProblem("E012", f"{path} describes no domain.", _FORM))
        return DomainFile((), tuple(problems))
    tables: dict[str, DomainTable] = {}
    for name, content in domains.items():
        wrong = _wrong_name(name, content, tables)
        if wrong:
            problems.append(ConfigurationProblem("E012", f"{path}: {wrong}", _FORM))
            continue
        table, found = _read_table(path, name.lower(), content)
        tables[table.name] = table
        problems += found
    return DomainFile(tuple(tables.values()), tuple(problems))


_READABLE = "Let DIRECTORY_CONFIGURATION_FILE name a file that the portal's account may read."
_FORM = 'Write one table [domains."r2.local"] for each domain, as docs/settings.md shows.'


def _nothing(number: str, sentence: str, remedy: str) -> DomainFile:
    return DomainFile((), (ConfigurationProblem(number, sentence, remedy),))


def _wrong_name(name: str, content: object, tables: Mapping[str, DomainTable]) -> str:
    if not isinstance(content, dict):
        return f"domains.{name} is not a table (quote a name that has dots)."
    if not is_dns_name(name) or any(isinstance(value, dict) for value in content.values()):
        return f'domains."{name}" is not the DNS name of a domain (quote a name that has dots).'
    if name.lower() in tables:
        return f'domains."{name}" is there twice.'
    return ""


def _read_table(
    path: Path, name: str, content: Mapping[str, object]
) -> tuple[DomainTable, list[ConfigurationProblem]]:
    values: dict[str, Any] = {}
    problems: list[ConfigurationProblem] = []
    for key, value in content.items():
        try:
            column, read = _reader(key)
            values[column] = read(value, path.parent)
        except _Wrong as error:
            where = f'{path}, domains."{name}", {key}'
            problems.append(
                ConfigurationProblem(error.number, f"{where}: {error.sentence}", error.remedy, name)
            )
    return DomainTable(name=name, **values), problems


def _reader(key: str) -> tuple[str, Callable[[object, Path], object]]:
    if key in PASSWORD_KEYS:
        raise _Wrong(
            "passwords are not kept in this file.",
            "Put the password in a file of its own and name that in bind_password_file; consider "
            "the one written here as known.",
            "E015",
        )
    if key not in _READERS:
        raise _Wrong(
            "there is no such key.", f"The keys are {', '.join(sorted(_READERS))}.", "E013"
        )
    return _READERS[key]


def _names(value: object, _: Path) -> tuple[str, ...]:
    return _list(value, is_dns_name, 'a list of DNS names, as ["dc1.r2.local"]', str.lower)


def _addresses(value: object, _: Path) -> tuple[str, ...]:
    return _list(value, _is_address, 'a list of IP addresses, as ["10.0.0.10"]', str)


def _list(
    value: object, is_right: Callable[[str], bool], form: str, change: Callable[[str], str]
) -> tuple[str, ...]:
    items = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(items) < len(value) or not all(map(is_right, items)):
        raise _Wrong(f"{value!r} is not {form}.", f"Write {form}.")
    return tuple(change(item.removesuffix(".")) for item in items)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _tls(value: object, _: Path) -> str:
    if value not in TLS_WAYS:
        raise _Wrong(
            f"{value!r} is no way to encrypt.",
            "Write ldaps or starttls; passwords never go unencrypted.",
        )
    return str(value)


def _site(value: object, _: Path) -> str:
    if not isinstance(value, str) or not LABEL.fullmatch(value):
        raise _Wrong(f"{value!r} is not the name of a site.", "Write the site's name as text.")
    return value


def _user(value: object, _: Path) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _Wrong(f"{value!r} is not an account's name.", "Write it as svc@r2.local.")
    return value.strip()


def _number(value: object, _: Path, *, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        form = f"a number of seconds from {least:g} to {most:g}"
        raise _Wrong(f"{value!r} is not {form}.", f"Write {form}.")
    return float(value)


def _whole(value: object, _: Path, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        form = f"a whole number from {least} to {most}"
        raise _Wrong(f"{value!r} is not {form}.", f"Write {form}.")
    return value


def _path(value: object, folder: Path) -> str:
    if not isinstance(value, str) or not value or "\x00" in value:
        raise _Wrong(f"{value!r} is not a path.", "Write the path of a file as text.")
    return str(folder / value)


def _existing_path(value: object, folder: Path) -> str:
    path = _path(value, folder)
    try:
        with Path(path).open("rb"):
            return path
    except OSError as error:
        raise _unreadable(path, error) from error


def _secret(value: object, folder: Path) -> str:
    path = _path(value, folder)
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _unreadable(path, error) from error
    except UnicodeDecodeError as error:
        raise _Wrong(
            f"{path} is not text.", "Write the password into it as UTF-8.", "E016"
        ) from error
    if not secret:
        raise _Wrong(f"{path} is empty.", "Write the account's password into it.", "E016")
    return secret


def _unreadable(path: str, error: OSError) -> _Wrong:
    return _Wrong(
        f"{path} cannot be read: {error.strerror}.",
        "Name a file that the portal's account may read.",
        "E016",
    )


_timeout = partial(_number, least=0.1, most=MAXIMUM_TIMEOUT_SECONDS)
# Key of the file: field of DomainTable, and what checks and reads the value.
_READERS: dict[str, tuple[str, Callable[[object, Path], object]]] = {
    "servers": ("servers", _names),
    "dns_servers": ("dns_servers", _addresses),
    "ca_file": ("ca_file", _path),
    "tls": ("tls", _tls),
    "site": ("site", _site),
    "bind_user": ("bind_user", _user),
    "bind_password_file": ("bind_password", _secret),
    "keytab_file": ("keytab_file", _existing_path),
    "connect_timeout_seconds": ("connect_timeout_seconds", _timeout),
    "read_timeout_seconds": ("read_timeout_seconds", _timeout),
    "incremental_interval_seconds": (
        "incremental_interval_seconds",
        partial(_number, least=1, most=24 * 3600),
    ),
    "full_interval_seconds": (
        "full_interval_seconds",
        partial(_number, least=SHORTEST_FULL_INTERVAL_SECONDS, most=366 * 24 * 3600),
    ),
    "sweep_hour": ("sweep_hour", partial(_whole, least=0, most=23)),
    "connections": ("connections", partial(_whole, least=1, most=MAXIMUM_CONNECTIONS)),
}
