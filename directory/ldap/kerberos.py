"""Binding by Kerberos with a keytab: SASL's GSSAPI mechanism (RFC 4752), inside TLS only.

TLS protects what follows, so no security layer of SASL's own is negotiated ([MS-ADTS] 5.1.1.1.2
forbids both at once). The exchange is bound to the certificate of the TLS connection (RFC 5929 4,
tls-server-end-point), which controllers may require. MIT Kerberos gets the tickets, into memory;
where the domain's Kerberos servers are is written in krb5.conf (``KRB5_CONFIG``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import gssapi
import krb5
import ldap3
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from ldap3.operation.bind import bind_operation

from directory.errors import PortalError
from directory.ldap.errors import CredentialsRefused, DirectoryUnavailable
from directory.ldap.settings import DirectoryConnectionSettings

NO_SECURITY_LAYER = 1  # RFC 4752 3.3
SASL_IN_PROGRESS = 14  # RFC 4511 4.1.9
MOST_STEPS = 8  # Kerberos needs two
KRB5_ERRORS_BEGIN = -1765328384  # RFC 4120 7.5.9's numbers, as MIT's library offsets them
# The account is at fault:
ACCOUNT_REFUSALS = {
    6: "the domain knows no such account",
    18: "the account is disabled, expired or locked",
    23: "the account's password has expired",
    24: "the keytab does not hold the account's present key",
}
# The portal's machine or the domain is:
OTHER_REFUSALS = {
    7: "the domain knows no service ldap/ of that name",
    14: "domain and keytab have no kind of encryption in common",
    37: "the clocks of portal and domain differ too much",
    156: "no Kerberos server of the domain answers",
    154: "the domain is not in krb5.conf",
}
Result = TypeVar("Result")


def require_keytab(settings: DirectoryConnectionSettings) -> None:
    """Stop before the network where there is no keytab.

    Raises:
        CredentialsRefused: The file is not there.
    """
    if not Path(settings.keytab_file).is_file():
        raise CredentialsRefused(
            f"The keytab {settings.keytab_file or '(none)'} of {settings.bind_principal} is not "
            "there.",
            remedy="Export the account's keys (ktpass, or samba-tool domain exportkeytab) to it.",
            field="keytab_file",
        )


def bind_with_keytab(
    connection: ldap3.Connection, settings: DirectoryConnectionSettings, controller: str
) -> None:
    """Bind a connection as the reading account, by the keys in its keytab.

    Args:
        connection: Open, with TLS.
        settings: Whose keytab, and how long it may take.
        controller: The domain controller's DNS name, which its certificate was verified for. The
            ticket is for its service, so that the exchange is worth nothing to anybody else.

    Raises:
        CredentialsRefused: The account or its keytab are at fault.
        DirectoryUnavailable: No Kerberos server answers, or the controller refuses the mechanism.
        LDAPException: The controller stopped answering.
    """
    certificate: bytes = connection.socket.getpeercert(True)
    service = f"ldap/{controller}@{settings.domain.upper()}"
    try:
        context, token = _within(
            settings.connect_timeout_seconds, lambda: _begin(settings, service, certificate)
        )
        _negotiate(connection, context, token)
    except krb5.Krb5Error as error:
        raise _refusal(settings, controller, error.err_code, str(error)) from error
    except gssapi.exceptions.GSSError as error:
        code = error.min_code
        # GSSAPI gives the library's negative numbers as unsigned ones.
        code = code - (1 << 32) if code >= 1 << 31 else code
        raise _refusal(settings, controller, code, str(error)) from error


def _begin(
    settings: DirectoryConnectionSettings, service: str, certificate: bytes
) -> tuple[gssapi.SecurityContext, bytes]:
    """Tickets for the account and the service: the context, and its first token."""
    context = krb5.init_context()
    cache = krb5.cc_new_unique(context, b"MEMORY")
    try:
        client = krb5.parse_name_flags(context, settings.bind_principal.encode())
        keytab = krb5.kt_resolve(context, f"FILE:{settings.keytab_file}".encode())
        options = krb5.get_init_creds_opt_alloc(context)
        granting = krb5.get_init_creds_keytab(context, client, options, keytab=keytab)
        krb5.cc_initialize(context, cache, client)
        krb5.cc_store_cred(context, cache, granting)
        store = {b"ccache": b"MEMORY:" + (cache.name or b"")}
        security = gssapi.SecurityContext(
            # A host-based name would be changed by what reverse DNS says.
            name=gssapi.Name(service, name_type=gssapi.NameType.kerberos_principal),
            creds=gssapi.Credentials(usage="initiate", store=store),
            mech=gssapi.MechType.kerberos,
            usage="initiate",
            channel_bindings=_channel_bindings(certificate),
        )
        return security, security.step() or b""
    finally:
        krb5.cc_destroy(context, cache)


def _channel_bindings(certificate: bytes) -> gssapi.raw.ChannelBindings:
    """RFC 5929 4.1: the certificate's digest by the algorithm of its signature."""
    algorithm = x509.load_der_x509_certificate(certificate).signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = hashes.SHA256()
    digest = hashes.Hash(algorithm)
    digest.update(certificate)
    return gssapi.raw.ChannelBindings(application_data=b"tls-server-end-point:" + digest.finalize())


def _negotiate(connection: ldap3.Connection, context: gssapi.SecurityContext, token: bytes) -> None:
    """RFC 4752 3.1: tokens until the context stands, then the choice of security layer."""
    for _ in range(MOST_STEPS):
        result = _send(connection, token)
        if result["result"] != SASL_IN_PROGRESS:
            raise DirectoryUnavailable("The controller ended the Kerberos bind before its end.")
        answer: bytes = result["saslCreds"] or b""
        if context.complete:
            offered = context.unwrap(answer).message
            if len(offered) != 4 or not offered[0] & NO_SECURITY_LAYER:
                raise DirectoryUnavailable(
                    "The controller wants a Kerberos security layer inside TLS.",
                    remedy="Allow SASL binds over TLS without signing at the domain controller.",
                )
            # No layer, no buffer, and no other identity than the ticket's.
            choice = context.wrap(bytes([NO_SECURITY_LAYER, 0, 0, 0]), False)
            if _send(connection, choice.message)["result"] != 0:
                raise DirectoryUnavailable("The controller did not accept the Kerberos bind.")
            connection.bound = True
            return
        token = context.step(answer) or b""
    raise DirectoryUnavailable("The controller did not come to an end of the Kerberos bind.")


def _send(connection: ldap3.Connection, token: bytes) -> dict[str, Any]:
    request = bind_operation(connection.version, ldap3.SASL, "", None, ldap3.KERBEROS, token)
    connection.post_send_single_response(connection.send("bindRequest", request, None))
    result: dict[str, Any] = connection.result
    return result


def _refusal(
    settings: DirectoryConnectionSettings, controller: str, code: int, text: str
) -> PortalError:
    number = code - KRB5_ERRORS_BEGIN
    who = settings.bind_principal
    if number in OTHER_REFUSALS:
        return DirectoryUnavailable(
            f"{who} got no Kerberos ticket for {controller}: {OTHER_REFUSALS[number]}.",
            remedy="Check KRB5_CONFIG, the clocks, and the controller's service principal names.",
        )
    reason = ACCOUNT_REFUSALS.get(number, text.removesuffix(f" {code}"))
    return CredentialsRefused(
        f"{who} got no Kerberos ticket: {reason}.",
        remedy="Check the account, and export its keys to the keytab again.",
    )


def _within(seconds: float, ask: Callable[[], Result]) -> Result:
    """Ask with a limit: the library's own is longer than a controller may keep a run waiting.

    A thread that hangs is left behind as a daemon; it holds nothing that others use.
    """
    outcome: list[Result | Exception] = []

    def run() -> None:
        try:
            outcome.append(ask())
        except Exception as error:  # raised again in the waiting thread
            outcome.append(error)

    thread = threading.Thread(target=run, name="kerberos", daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise DirectoryUnavailable("The Kerberos server does not answer in time.")
    result = outcome[0]
    if isinstance(result, Exception):
        raise result
    return result
