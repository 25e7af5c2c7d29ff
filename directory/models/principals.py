"""Accounts, groups and computers: what has a SID; and who is a member of what."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from directory.models.base import DirectoryObject
from directory.models.domain import Domain, OrganizationalUnit


class Principal(DirectoryObject):
    """An object with a SID and an account name."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE)
    sid = models.CharField(max_length=184, db_index=True)
    sam_account_name = models.CharField(max_length=256)
    sam_account_name_folded = models.CharField(max_length=256, db_index=True)
    description = models.TextField(blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.domain.netbios_name}\\{self.sam_account_name}"


class Account(Principal):
    """A person's or a service's account. Trust accounts and computers are not accounts here."""

    user_principal_name = models.CharField(max_length=1024, blank=True)
    user_principal_name_folded = models.CharField(max_length=1024, blank=True, db_index=True)
    display_name = models.CharField(max_length=256, blank=True)
    mail = models.CharField(max_length=320, blank=True)
    title = models.CharField(max_length=256, blank=True)
    ou = models.ForeignKey(
        OrganizationalUnit,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="accounts",
    )
    user_account_control = models.BigIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    is_locked = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_logon_at = models.DateTimeField(null=True, blank=True)

    class Meta(Principal.Meta):
        ordering = ("sam_account_name_folded",)
        default_related_name = "accounts"

    def is_expired(self, now: datetime) -> bool:
        """Whether accountExpires has passed at ``now`` (an aware time)."""
        return self.expires_at is not None and self.expires_at <= now


class Group(Principal):
    """A group; only security groups grant anything."""

    class Scope(models.TextChoices):
        GLOBAL = "global"
        DOMAIN_LOCAL = "domain_local"
        UNIVERSAL = "universal"
        BUILTIN_LOCAL = "builtin_local", "local to the domain controllers"

    is_security = models.BooleanField()
    scope = models.CharField(max_length=16, choices=Scope.choices)

    class Meta(Principal.Meta):
        ordering = ("sam_account_name_folded",)
        default_related_name = "groups"


class Computer(Principal):
    """A computer of the domain. ``name`` is its account name without the dollar sign."""

    name = models.CharField(max_length=256)
    name_folded = models.CharField(max_length=256, db_index=True)
    dns_name = models.CharField(max_length=255, blank=True)
    dns_name_folded = models.CharField(max_length=255, blank=True, db_index=True)
    operating_system = models.CharField(max_length=256, blank=True)
    operating_system_version = models.CharField(max_length=256, blank=True)
    ou = models.ForeignKey(
        OrganizationalUnit,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="computers",
        help_text="The nearest unit above it, if any.",
    )
    managed_by = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, blank=True, related_name="managed_computers"
    )
    user_account_control = models.BigIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    is_domain_controller = models.BooleanField(default=False)
    last_logon_at = models.DateTimeField(null=True, blank=True)

    class Meta(Principal.Meta):
        ordering = ("name_folded",)
        default_related_name = "computers"

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One direct edge: the holder of ``member_sid`` is a member of ``group``.

    Edges are walked by SID, so that a foreign security principal leads to the account or group of
    another domain without either knowing of the other. The references are there for pages.
    """

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    member_sid = models.CharField(max_length=184, db_index=True)
    member_account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    member_group = models.ForeignKey(
        Group, on_delete=models.CASCADE, null=True, blank=True, related_name="nestings"
    )
    member_computer = models.ForeignKey(
        Computer, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    is_primary = models.BooleanField(default=False, help_text="By primaryGroupID, not by member.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("group", "member_sid"), name="membership_once"),
        )

    def __str__(self) -> str:
        return f"{self.member_sid} in {self.group_id}"
