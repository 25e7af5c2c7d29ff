"""Who a Kerberos ticket says that the browser's user is (RFC 4559), by the web account's keytab.

MIT's library decrypts and checks the ticket, its time, and that it was not shown before (its
replay cache, shared by the processes of one machine; :mod:`portal.signin.single_sign_on` keeps
one for all of them). The SID is from the PAC, which the domain controller signed for this account.
"""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from hashlib import sha256

from gssapi import raw

from assist.remote_assistance.der import DerError, content, part, parts
from portal.signin.negotiate_token import NotKerberos, kerberos_request
from portal.signin.pac import PacError, parse_user_sid

LOGON_INFORMATION = b"urn:mspac:logon-info"
KERBEROS = "1.2.840.113554.1.2.2"
AP_REQ = 0x6E
# The library's keytab and replay cache are files: one acceptance of a process at a time.
_one_at_a_time = threading.Lock()


class TicketRefused(ValueError):
    """The token lets nobody in; the text is for the log, not for the browser."""


@dataclass(frozen=True)
class Accepted:
    """What an accepted ticket says.

    Attributes:
        principal: As ``name@REALM``.
        sid: The account's.
        answer: What proves the portal to the browser, for ``WWW-Authenticate``.
        request: The AP-REQ, which the ticket is in.
        digest: Of the authenticator, which no two honest requests share.
    """

    principal: str
    sid: str
    answer: str
    request: bytes = field(repr=False)
    digest: str = ""

    @property
    def realm(self) -> str:
        return self.principal.rpartition("@")[2]


def accept(token: bytes, keytab_file: str) -> Accepted:
    """Check a token.

    Args:
        token: From :func:`portal.signin.negotiate_token.parse_header`.
        keytab_file: The web account's keytab.

    Raises:
        NotKerberos: The browser sent something else, as NTLM.
        TicketRefused: The ticket is not for this account, not of now, shown before, or says
            nothing that the domain controller signed.
    """
    request = kerberos_request(token)
    try:
        digest = _digest(request)
        with _one_at_a_time:
            store = {b"keytab": f"FILE:{keytab_file}".encode()}
            credentials = raw.acquire_cred_from(store, usage="accept").creds
            result = raw.accept_sec_context(token, credentials)
        if result.more_steps or result.mech.dotted_form != KERBEROS:
            raise NotKerberos("the browser wants to go on negotiating")
        attribute = raw.get_name_attribute(result.initiator_name, LOGON_INFORMATION)
        if not attribute.authenticated:
            raise TicketRefused("the ticket's PAC is not signed for this account")
        return Accepted(
            principal=raw.display_name(result.initiator_name, name_type=False).name.decode(),
            sid=parse_user_sid(attribute.values[0]),
            answer=base64.b64encode(result.token or b"").decode(),
            request=request,
            digest=digest,
        )
    except (raw.GSSError, DerError, PacError, UnicodeDecodeError) as error:
        raise TicketRefused(str(error)) from error


def _digest(request: bytes) -> str:
    sealed = parts(part(parts(content(request, AP_REQ), 0x30), 0xA4), 0x30)
    return sha256(part(sealed, 0xA2)).hexdigest()
