"""People of the lab with Kerberos tickets, as their browsers would have them."""

from __future__ import annotations

import base64

import gssapi
import krb5

from lab import world

SPNEGO = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
KERBEROS = gssapi.MechType.kerberos
PORTAL = f"HTTP/{world.PORTAL_HOST}"


class Person:
    """Somebody signed in to Windows: holds a ticket-granting ticket in a memory cache.

    Args:
        name: Of the lab, in ``r2.local`` or as ``alee@CONTOSO.TEST``.
        forwardable: Whether her ticket may be acted on by others.
    """

    def __init__(self, name: str, *, forwardable: bool = True) -> None:
        principal = name if "@" in name else f"{name}@{world.REALM}"
        self._context = krb5.init_context()
        client = krb5.parse_name_flags(self._context, principal.encode())
        options = krb5.get_init_creds_opt_alloc(self._context)
        krb5.get_init_creds_opt_set_forwardable(options, forwardable)
        password = world.PERSON_PASSWORD.encode()
        granting = krb5.get_init_creds_password(self._context, client, options, password)
        self._cache = krb5.cc_new_unique(self._context, b"MEMORY")
        krb5.cc_initialize(self._context, self._cache, client)
        krb5.cc_store_cred(self._context, self._cache, granting)
        self.granting_ticket: bytes = granting.ticket

    def token(self, service: str = PORTAL, mechanism: gssapi.OID = SPNEGO) -> bytes:
        """The first token of an exchange with a service of ``r2.local``."""
        store = {b"ccache": b"MEMORY:" + (self._cache.name or b"")}
        name = gssapi.Name(f"{service}@{world.REALM}", gssapi.NameType.kerberos_principal)
        context = gssapi.SecurityContext(
            name=name,
            creds=gssapi.Credentials(usage="initiate", store=store),
            usage="initiate",
            mech=mechanism,
        )
        return context.step() or b""

    def header(self, service: str = PORTAL, mechanism: gssapi.OID = SPNEGO) -> str:
        """The same as a browser sends it."""
        return negotiate(self.token(service, mechanism))


def negotiate(token: bytes) -> str:
    return f"Negotiate {base64.b64encode(token).decode()}"
