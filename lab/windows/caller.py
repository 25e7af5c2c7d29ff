"""Who calls: the account and groups in the PAC of a Kerberos ticket ([MS-PAC] 2.5)."""

from __future__ import annotations

from dataclasses import dataclass

from lab.windows.ndr import NdrError, NdrReader, deserialize_type


@dataclass(frozen=True)
class Caller:
    """An authenticated caller.

    Attributes:
        name: ``DOMAIN\\name``.
        sid: The account's SID.
        group_sids: SIDs of its groups, nested ones included, as the domain controller said.
        by: The protocol that it authenticated by.
    """

    name: str
    sid: str
    group_sids: frozenset[str]
    by: str = "Kerberos"

    @property
    def sids(self) -> frozenset[str]:
        return self.group_sids | {self.sid}


def _read_sid(reader: NdrReader) -> str:
    count = reader.count(4)
    revision, declared = reader.take(2)
    if declared != count or revision != 1:
        raise NdrError("malformed SID")
    authority = int.from_bytes(reader.take(6), "big")
    return "-".join(["S", "1", str(authority), *(str(reader.u32()) for _ in range(count))])


def _read_text(reader: NdrReader, pointer: int) -> str:
    if not pointer:
        return ""
    maximum, offset, actual = reader.u32(), reader.u32(), reader.u32()
    if offset or actual > maximum:
        raise NdrError("malformed string")
    return reader.take(actual * 2).decode("utf-16-le")


def _text_pointer(reader: NdrReader) -> int:
    reader.align(4)
    reader.u16()
    reader.u16()
    return reader.u32()


def _read_relative_ids(reader: NdrReader) -> list[int]:
    found = []
    for _ in range(reader.count(8)):
        found.append(reader.u32())
        reader.u32()
    return found


def parse_logon_information(data: bytes) -> Caller:
    """Reads KERB_VALIDATION_INFO as a PAC holds it.

    Raises:
        NdrError: the bytes are something else.
    """
    reader = deserialize_type(data)
    reader.u32()  # the structure's own pointer
    reader.take(6 * 8)  # times of logon, logoff, kick-off and of the password
    texts = [_text_pointer(reader) for _ in range(6)]  # the first is EffectiveName
    reader.u32()  # LogonCount, BadPasswordCount
    user_id, primary_group = reader.u32(), reader.u32()
    reader.u32()
    groups = reader.u32()
    reader.take(4 + 16)  # UserFlags, UserSessionKey
    texts += [_text_pointer(reader) for _ in range(2)]  # LogonServer, LogonDomainName
    domain = reader.u32()
    reader.take(8 + 4 + 4 + 8 + 8 + 4 + 4)
    reader.u32()
    extra = reader.u32()
    resource_domain = reader.u32()
    reader.u32()
    resource_groups = reader.u32()

    names = [_read_text(reader, pointer) for pointer in texts[:6]]
    relative_ids = _read_relative_ids(reader) if groups else []
    names += [_read_text(reader, pointer) for pointer in texts[6:]]
    if not domain:
        raise NdrError("no domain SID")
    domain_sid = _read_sid(reader)
    sids = {f"{domain_sid}-{number}" for number in (*relative_ids, primary_group)}
    if extra:
        present = []
        for _ in range(reader.count(8)):
            present.append(reader.u32())
            reader.u32()
        sids |= {_read_sid(reader) for pointer in present if pointer}
    if resource_domain and resource_groups:
        resource_sid = _read_sid(reader)
        sids |= {f"{resource_sid}-{number}" for number in _read_relative_ids(reader)}
    return Caller(rf"{names[7]}\{names[0]}", f"{domain_sid}-{user_id}", frozenset(sids))
