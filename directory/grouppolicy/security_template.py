r"""GptTmpl.inf: the security settings of a Group Policy object ([MS-GPSB] 2.2).

Only its registry values (2.2.5): ``MACHINE\...\MachineAccessRestriction=1,"O:BAG:BAD:..."``.
"""

from __future__ import annotations

import re
import struct

from directory.errors import PortalError
from directory.grouppolicy.registry_pol import REG_DWORD, REG_SZ, RegistryPolicyEntry

# The client-side extension of security settings, [MS-GPSB] 1.9.
SECURITY_EXTENSION = "{827D319E-6EAC-11D2-A4EA-00C04F79F83A}"
PATH = r"Machine\Microsoft\Windows NT\SecEdit\GptTmpl.inf"
# Windows' own templates have some 100 KB; a domain controller's owner could offer anything.
MAXIMUM_BYTES = 1024 * 1024
BYTE_ORDER_MARK = b"\xff\xfe"
SECTION = "[registry values]"
MACHINE = "machine\\"
NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10}")
REG_MULTI_SZ = 7
UNKNOWN_TYPE = 0


class MalformedSecurityTemplate(PortalError):
    """The bytes are not a security template."""

    code = "malformed_security_template"
    status = 502


def parse_security_template(raw: bytes) -> tuple[RegistryPolicyEntry, ...]:
    """The registry values of a template, as entries of a Registry.pol; others are left out.

    A line that breaks the grammar comes back as a value of no type.

    Args:
        raw: The whole file.

    Raises:
        MalformedSecurityTemplate: It is too large, or no text.
    """
    if len(raw) > MAXIMUM_BYTES:
        raise MalformedSecurityTemplate("GptTmpl.inf is larger than any real one.")
    entries = []
    is_inside = False
    for line in _text(raw).splitlines():
        line = line.strip()
        if line.startswith("["):
            is_inside = line.lower() == SECTION
        elif is_inside and "=" in line and not line.startswith(";"):
            entry = _entry(line)
            if entry is not None:
                entries.append(entry)
    return tuple(entries)


def _text(raw: bytes) -> str:
    try:
        if raw.startswith(BYTE_ORDER_MARK):
            return raw[len(BYTE_ORDER_MARK) :].decode("utf-16-le")
        return raw.decode("ascii")  # written by hand: Windows reads that too
    except UnicodeDecodeError as error:
        raise MalformedSecurityTemplate("GptTmpl.inf is not text.") from error


def _entry(line: str) -> RegistryPolicyEntry | None:
    path, _, setting = line.partition("=")
    path = _unquoted(path)
    key, _, name = path.rpartition("\\")
    if not path.lower().startswith(MACHINE) or not name:
        return None
    key = key[len(MACHINE) :]
    kind, comma, value = (part.strip() for part in setting.partition(","))
    number = int(kind) if comma and re.fullmatch(r"[0-9]{1,2}", kind) else UNKNOWN_TYPE
    return RegistryPolicyEntry(key, name, number, _data(number, value))


def _data(kind: int, value: str) -> bytes:
    if kind == REG_DWORD:
        found = NUMBER.fullmatch(_unquoted(value))
        number = int(found[0], 0 if found[0][:2].lower() == "0x" else 10) if found else 2**32
        return struct.pack("<I", number) if number < 2**32 else b""
    if kind == REG_SZ:
        return f"{_unquoted(value)}\x00".encode("utf-16-le", "surrogatepass")
    if kind == REG_MULTI_SZ:
        lines = (_unquoted(part) for part in value.split(","))
        return "".join(f"{text}\x00" for text in lines).encode("utf-16-le", "surrogatepass")
    return b""


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
