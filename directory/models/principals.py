"""Accounts, groups and computers: what has a SID; and who is a member of what."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from directory.models.base import DirectoryObject
from directory.models.domain import Domain, OrganizationalUnit

NOT_DELEGATED = 0x00100000  # userAccountControl, [MS-ADTS] 2.2.16


class Principal(DirectoryObject):
    """An object with a SID and an account name."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE)
    sid = models.CharField(max_length=184)
    sam_account_name = models.CharField(max_length=256)
    sam_account_name_folded = models.CharField(max_length=256, db_index=True)
    description = models.TextField(blank=True)

    class Meta:
        abstract = True
        # SIDs are looked up whole. With db_index PostgreSQL would get a second index for LIKE, and
        # indexes are most of what storing a directory costs.
        indexes: ClassVar[tuple[models.Index, ...]] = (
            models.Index(fields=("sid",), name="%(class)s_sid"),
        )

    def __str__(self) -> str:
        return f"{self.domain.netbios_name}\\{self.sam_account_name}"


class Account(Principal):
    """A person's or a service's account. Trust accounts and computers are not accounts here."""

    user_principal_name = models.CharField(max_length=1024, blank=True)
    user_principal_name_folded = models.CharField(max_length=1024, blank=True, db_index=True)
    display_name = models.CharField(max_length=256, blank=True)
    mail = models.CharField(max_length=320, blank=True)
    department = models.CharField(max_length=256, blank=True)
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
    locked_at = models.DateTimeField(
        null=True, blank=True, help_text="lockoutTime: when wrong passwords locked it."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    last_logon_at = models.DateTimeField(null=True, blank=True)
    primary_group_sid = models.CharField(max_length=184, blank=True)
    sid_history = models.JSONField(
        default=list, blank=True, help_text="SIDs it had in domains it was migrated from."
    )
    service_principal_names = models.JSONField(default=list, blank=True, db_default=[])
    delegates_to = models.JSONField(
        default=list,
        blank=True,
        db_default=[],
        help_text="msDS-AllowedToDelegateTo: its constrained delegation.",
    )

    class Meta(Principal.Meta):
        ordering = ("sam_account_name_folded",)
        default_related_name = "accounts"
        indexes = (
            *Principal.Meta.indexes,
            models.Index(fields=("primary_group_sid",), name="account_primary_group_sid"),
            # For directory.membership.members_of: without it every account is looked at.
            models.Index(
                fields=("guid",), condition=~Q(sid_history=[]), name="account_with_past_sids"
            ),
        )

    def is_expired(self, now: datetime) -> bool:
        """Whether accountExpires has passed at ``now`` (an aware time)."""
        return self.expires_at is not None and self.expires_at <= now

    def is_locked(self, now: datetime) -> bool:
        """Whether wrong passwords keep it locked at ``now`` (an aware time).

        The domain's lockoutDuration decides for how long; a fine-grained password policy with
        another duration is not looked at ([MS-ADTS] 3.1.1.4.5.17).
        """
        if self.locked_at is None:
            return False
        duration = self.domain.lockout_duration
        return duration is None or now < self.locked_at + duration

    @property
    def may_be_delegated(self) -> bool:
        """False for accounts marked *sensitive and cannot be delegated*."""
        return not self.user_account_control & NOT_DELEGATED


class Group(Principal):
    """A group; only security groups grant anything."""

    class Scope(models.TextChoices):
        GLOBAL = "global"
        DOMAIN_LOCAL = "domain_local"
        UNIVERSAL = "universal"
        BUILTIN_LOCAL = "builtin_local", "local to the domain controllers"

    is_security = models.BooleanField()
    scope = models.CharField(max_length=16, choices=Scope.choices)
    sid_history = models.JSONField(default=list, blank=True)

    class Meta(Principal.Meta):
        ordering = ("sam_account_name_folded",)
        default_related_name = "groups"


class Computer(Principal):
    """A computer of the domain. ``name`` is its account name without the dollar sign."""

    sam_account_name_folded = models.CharField(max_length=256)  # nobody looks for it: no index
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
    # managedBy may name a group, or an account that is not in the picture: no constraint.
    managed_by = models.ForeignKey(
        Account,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="managed_computers",
    )
    location = models.TextField(blank=True)
    service_principal_names = models.JSONField(default=list, blank=True)
    user_account_control = models.BigIntegerField(default=0)
    is_enabled = models.BooleanField(default=True)
    is_domain_controller = models.BooleanField(default=False)
    last_logon_at = models.DateTimeField(null=True, blank=True)
    primary_group_sid = models.CharField(max_length=184, blank=True)
    encryption_types = models.BigIntegerField(
        null=True, blank=True, help_text="msDS-SupportedEncryptionTypes"
    )
    delegates_to = models.JSONField(
        default=list, blank=True, help_text="msDS-AllowedToDelegateTo: its constrained delegation."
    )
    allowed_to_act = models.JSONField(
        null=True,
        blank=True,
        help_text="msDS-AllowedToActOnBehalfOfOtherIdentity: who may act for others there, entry "
        "by entry, or why that cannot be read; empty: not read yet.",
    )
    allowed_to_authenticate = models.JSONField(
        null=True,
        blank=True,
        help_text="What its permissions say of Allowed to Authenticate, entry by entry, or why "
        "they cannot be read; empty: not asked, since no trust is selective.",
    )

    class Meta(Principal.Meta):
        ordering = ("name_folded",)
        default_related_name = "computers"

    def __str__(self) -> str:
        return self.name


class ForeignSecurityPrincipal(DirectoryObject):
    """The stand-in for an account or group of another forest that is a member here."""

    domain = models.ForeignKey(Domain, on_delete=models.CASCADE, related_name="foreign_principals")
    sid = models.CharField(max_length=184, db_index=True)

    class Meta:
        ordering = ("sid",)

    def __str__(self) -> str:
        return self.sid


class Membership(models.Model):
    """One direct edge: the holder of ``member_sid`` is in the ``member`` attribute of ``group``.

    Edges are walked by SID, so that a foreign security principal leads to the account or group of
    another domain without either knowing of the other. ``member_guid`` is of the object that the
    group names; it stays when a SID changes. The primary group makes no edge: it is a column of
    the account and the computer.
    """

    # By group one finds them by the constraint below.
    group = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    member_guid = models.UUIDField(db_index=True)
    member_sid = models.CharField(max_length=184)

    class Meta:
        indexes = (models.Index(fields=("member_sid",), name="membership_member_sid"),)
        constraints = (
            models.UniqueConstraint(fields=("group", "member_guid"), name="membership_once"),
        )

    def __str__(self) -> str:
        return f"{self.member_sid} in {self.group_id}"
