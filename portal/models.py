"""The person who signs in. Who she is in Active Directory is an Account of the directory."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Viewer(models.TextChoices):
    """The program that opens an expert's invitations."""

    WINDOWS = "windows", "Windows Remote Assistance"
    FREERDP = "freerdp", "FreeRDP"


class User(AbstractBaseUser):
    """Someone who has signed in at least once.

    The account's SID is the identity: names change and are re-used. No password is kept here,
    Active Directory checks it at every sign-in.
    """

    sid = models.CharField(max_length=184, unique=True)
    name = models.CharField(max_length=256, help_text=r"As DOMAIN\name, at the last sign-in.")
    display_name = models.CharField(max_length=256, blank=True)
    viewer = models.CharField(max_length=16, choices=Viewer, default=Viewer.WINDOWS)
    password = None  # type: ignore[assignment]  # Django's column for one is left out
    roles = models.CharField(
        max_length=128, blank=True, help_text="At the last sign-in, by name, with commas."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "sid"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects: ClassVar[BaseUserManager[User]] = BaseUserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name

    def get_username(self) -> str:
        return self.name


class ShownTicket(models.Model):
    """A Kerberos authenticator that let somebody in: shown again, at any process, it does not."""

    digest = models.CharField(max_length=64, primary_key=True, help_text="SHA-256.")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"shown at {self.at}"


class SignInAttempt(models.Model):
    """A sign-in that was tried and not yet let in; counted against a name and an address."""

    account_key = models.CharField(
        max_length=256, help_text="The account's SID, or the SHA-256 of a name that nobody has."
    )
    source_address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["account_key", "at"]),
            models.Index(fields=["source_address", "at"]),
        ]

    def __str__(self) -> str:
        return f"{self.account_key} from {self.source_address}"
