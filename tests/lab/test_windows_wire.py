"""The wire formats of the simulated computers, against bytes written by hand from the specs."""

from __future__ import annotations

import struct
import uuid

import pytest

from lab.windows import activation_properties as activation
from lab.windows import orpc, pdu, rasrv, spnego
from lab.windows.caller import parse_logon_information
from lab.windows.ndr import NdrError, NdrReader, NdrWriter, serialize_type
from lab.windows.safearray import TextArray, read_array_pointer, write_array_pointer

# [MS-OAUT] 2.2.30: max_count, cDims, fFeatures, cbElements, cLocks, sfType, Size, referent,
# bound (cElements, lLbound), max_count, two cells (null, one), FLAGGED_WORD_BLOB of R2\b:1.
ARRAY = bytes.fromhex(
    "01000000 0100 8001 04000000 00000800 08000000 02000000 00000200 02000000 00000000"
    "02000000 00000000 04000200 06000000 0c000000 06000000 5200 3200 5c00 6200 3a00 3100"
)
USER_FORM = bytes.fromhex("55736572 01000000") + ARRAY
LITERAL_FORM = bytes.fromhex("00000200") + ARRAY
TWO_CELLS = TextArray((None, r"R2\b:1"))
ORPCTHIS = bytes.fromhex("0500 0700 00000000 00000000") + bytes(16) + bytes(4)


def test_a_safearray_is_read_in_the_form_that_is_taken() -> None:
    assert read_array_pointer(NdrReader(USER_FORM), two_referents=True) == TWO_CELLS
    assert read_array_pointer(NdrReader(LITERAL_FORM), two_referents=False) == TWO_CELLS


def test_a_safearray_in_the_other_form_is_bad_stub_data() -> None:
    with pytest.raises(NdrError):
        read_array_pointer(NdrReader(LITERAL_FORM), two_referents=True)
    with pytest.raises(NdrError):
        read_array_pointer(NdrReader(USER_FORM), two_referents=False)


def test_a_safearray_is_written_as_the_specification_lays_it_out() -> None:
    writer = NdrWriter()
    write_array_pointer(writer, TWO_CELLS, two_referents=True)
    # The first referent number there is; only null or not null matters.
    assert writer.getvalue() == USER_FORM


@pytest.mark.parametrize("size", range(0, len(USER_FORM), 4))
def test_a_safearray_cut_short_is_bad_stub_data(size: int) -> None:
    with pytest.raises(NdrError):
        read_array_pointer(NdrReader(USER_FORM[:size]), two_referents=True)


def test_a_null_safearray_is_none() -> None:
    assert read_array_pointer(NdrReader(bytes(4)), two_referents=True) is None


def test_names_lie_between_null_cells_and_count_reaches_the_last() -> None:
    cells, count = rasrv.fill_cells([r"R2\a:1", r"R2\b:2"], 6)
    assert cells == (None, r"R2\a:1", None, r"R2\b:2", None, None)
    assert count == 4


def test_the_novices_string_comes_after_its_lengths() -> None:
    assert rasrv.pack_novice_user_info("<E/>") == bytes.fromhex(
        "00000000 00000000 00000200 05000000 00000000 05000000"
        "3c00 4500 2f00 3e00 0000 0000 00000000"
    )


def test_a_null_name_is_told_from_an_empty_one() -> None:
    empty = bytes.fromhex("00000200 01000000 00000000 01000000 0000 0000")
    assert rasrv.read_novice_user_info_request(ORPCTHIS + empty) == ""
    assert rasrv.read_novice_user_info_request(ORPCTHIS + bytes(4)) is None


def test_another_com_version_is_refused() -> None:
    with pytest.raises(NdrError):
        rasrv.read_novice_user_info_request(b"\x06" + ORPCTHIS[1:] + bytes(4))


def test_string_bindings_end_with_an_empty_one_and_security_follows() -> None:
    assert orpc.pack_dual_string_array(["A[1]"]) == bytes.fromhex(
        "1100 0700 0700 4100 5b00 3100 5d00 0000 0000"
        "0900 ffff 0000 0a00 ffff 0000 1000 ffff 0000 0000"
    )


def _activation(session: int, is_named: int) -> bytes:
    """Activation properties with InstantiationInfoData and SpecialPropertiesData."""
    instantiation = rasrv.CLSID_RASRV.bytes_le + struct.pack(
        "<IIIIIIIHHI", 0, 0, 0, 1, 0, 0x20000, 88, 5, 7, 1
    )
    special = struct.pack("<IiiiI16sIIIIQ5I", session, is_named, 0, 0, 0, bytes(16), *([0] * 10))
    return activation.pack_blob(
        [
            (
                activation.CLSID_INSTANTIATION,
                serialize_type(instantiation + rasrv.IID_IRASRV.bytes_le),
            ),
            (activation.CLSID_SPECIAL, serialize_type(special)),
        ]
    )


@pytest.mark.parametrize(
    ("session", "is_named", "expected"), [(3, 1, 3), (3, 0, None), (0xFFFFFFFF, 0, None)]
)
def test_an_activation_names_a_session_only_with_its_flag(
    session: int, is_named: int, expected: int | None
) -> None:
    request = activation.parse_activation(_activation(session, is_named))
    assert request == activation.ActivationRequest(rasrv.CLSID_RASRV, (rasrv.IID_IRASRV,), expected)


@pytest.mark.parametrize("size", [0, 4, 8, 24, 56, 100, 180])
def test_activation_properties_cut_short_are_bad_stub_data(size: int) -> None:
    with pytest.raises(NdrError):
        activation.parse_activation(_activation(1, 1)[:size])


def test_a_spnego_answer_is_the_der_of_the_rfc() -> None:
    # RFC 4178 4.2.2: negTokenResp [1] { negState [0] accept-incomplete }
    assert spnego.pack_response(spnego.ACCEPT_INCOMPLETE) == bytes.fromhex("a1073005a0030a0101")
    token = bytes.fromhex("a10b3009a0030a0100a2020400")
    assert spnego.parse_response(token) == spnego.ResponseToken(b"", b"")


def test_a_spnego_message_cut_short_is_none() -> None:
    whole = bytes.fromhex("a1073005a0030a0101")
    for size in range(len(whole)):
        with pytest.raises(spnego.SpnegoError):
            spnego.parse_response(whole[:size])


def test_the_framing_that_mit_refuses_is_taken_off() -> None:
    framed = bytes.fromhex("600f 0609 2a864886f712010202 0100 6e00")
    assert spnego.strip_framing(framed) == b"\x6e\x00"
    assert spnego.strip_framing(b"\x6e\x00") == b"\x6e\x00"


def test_a_bind_nak_and_a_fault_have_their_fixed_layout() -> None:
    assert pdu.pack_bind_nak(pdu.AUTHENTICATION_TYPE_NOT_RECOGNIZED) == bytes.fromhex(
        "0800 01 0500 000000"
    )
    assert pdu.pack_fault(7, 1, pdu.FAULT_ACCESS_DENIED) == bytes.fromhex(
        "05000303 10000000 2000 0000 07000000 00000000 0100 00 00 05000000 00000000"
    )


@pytest.mark.parametrize(
    "header",
    [
        "04000b03100000004800000001000000",  # version 4
        "05000b03000000004800000001000000",  # big-endian
        "05000b03100000000f00000001000000",  # shorter than its own header
        "05000b0310000000ffff000001000000",  # longer than was agreed
    ],
)
def test_a_header_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(pdu.PduError):
        pdu.fragment_length(bytes.fromhex(header))


def test_a_security_trailer_longer_than_its_fragment_is_refused() -> None:
    data = bytes.fromhex("05000003100000001800ff00010000000000000000000000")
    with pytest.raises(pdu.PduError):
        pdu.parse_pdu(data)


def test_ndr64_is_refused_and_feature_negotiation_acknowledged() -> None:
    ndr64 = uuid.UUID("71710533-beba-4937-8319-b5dbef9ccc36")
    features = uuid.UUID("6cb71c2c-9812-4540-0300-000000000000")
    interface = rasrv.IID_IRASRV

    def answer(syntax: tuple[uuid.UUID, int]) -> int:
        offered = pdu.PresentationContext(0, interface, 0, (syntax,))
        return pdu.answer_context(offered, frozenset({interface})).result

    assert answer((ndr64, 1)) == pdu.PROVIDER_REJECTION
    assert answer((features, 1)) == pdu.NEGOTIATE_ACK
    assert answer(pdu.NDR_SYNTAX) == pdu.ACCEPTANCE


def _logon_information() -> bytes:
    """KERB_VALIDATION_INFO ([MS-PAC] 2.5) of R2\\eve, RID 1105, groups 513 and 1142."""

    def text_header(text: str, pointer: int) -> bytes:
        return struct.pack("<HHI", 2 * len(text), 2 * len(text), pointer)

    def text_body(text: str) -> bytes:
        data = struct.pack("<III", len(text), 0, len(text)) + text.encode("utf-16-le")
        return data + bytes(-len(data) % 4)

    def sid(*numbers: int) -> bytes:
        head = struct.pack("<IBB", len(numbers), 1, len(numbers)) + bytes.fromhex("000000000005")
        return head + struct.pack(f"<{len(numbers)}I", *numbers)

    body = struct.pack("<I", 0x20000) + bytes(48)
    body += text_header("eve", 0x20004) + text_header("", 0) * 5
    body += struct.pack("<HHII", 1, 0, 1105, 513) + struct.pack("<II", 2, 0x20008)
    body += bytes(4 + 16) + text_header("DC1", 0x2000C) + text_header("R2", 0x20010)
    body += struct.pack("<I", 0x20014) + bytes(40) + struct.pack("<II", 1, 0x20018)
    body += struct.pack("<III", 0, 0, 0)
    body += text_body("eve") + struct.pack("<I4I", 2, 513, 7, 1142, 7)
    body += text_body("DC1") + text_body("R2") + sid(21, 1, 2, 3)
    body += struct.pack("<III", 1, 0x2001C, 7) + sid(32, 544)
    return serialize_type(body)


def test_the_caller_is_read_from_the_pac() -> None:
    caller = parse_logon_information(_logon_information())
    assert (caller.name, caller.sid) == (r"R2\eve", "S-1-5-21-1-2-3-1105")
    assert caller.group_sids == {"S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-1142", "S-1-5-32-544"}


@pytest.mark.parametrize("size", [0, 16, 100, 200, 260])
def test_a_pac_cut_short_is_refused(size: int) -> None:
    with pytest.raises(NdrError):
        parse_logon_information(_logon_information()[:size])
