"""What can go wrong between here and a domain controller, and whose it is to mend."""

from __future__ import annotations

from directory.errors import PortalError


class DirectoryUnavailable(PortalError):
    """No domain controller answered as it should. Trying again later may help."""

    code = "directory_unavailable"
    status = 503


class CertificateRefused(DirectoryUnavailable):
    """A domain controller's certificate is not one to trust. Nothing was sent to it."""

    code = "certificate_refused"


class CredentialsRefused(PortalError):
    """The directory does not take that name and password.

    Args:
        sub_code: Active Directory's own reason, in hexadecimal, as ``52e``; empty if not given.
    """

    code = "credentials_refused"
    status = 401

    def __init__(
        self, sentence: str, *, remedy: str = "", field: str = "", sub_code: str = ""
    ) -> None:
        super().__init__(sentence, remedy=remedy, field=field)
        self.sub_code = sub_code
