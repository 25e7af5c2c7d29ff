"""The Group Policy kit for this directory: helpers it knows, and policies it can be compared to."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from assist import audit
from assist.actors import Actor
from directory.comparison import fold_name
from directory.errors import PortalError
from directory.grouppolicy.firewall import FirewallPolicy
from directory.grouppolicy.kit import Difference, KitChoice, UnsuitableChoice, differences
from directory.grouppolicy.remote_assistance import ListedHelper, RemoteAssistancePolicy
from directory.models import Account, Group, GroupPolicy
from directory.names import UnknownName, find_account, find_group


class UnknownPolicy(PortalError):
    """No policy, or more than one, has that name."""

    code = "unknown_policy"
    status = 404


@dataclass(frozen=True)
class Helpers:
    """The helpers of a choice, as the directory has them.

    Attributes:
        names: As ``DOMAIN\\name``, each once, in the order given.
        remarks: What is not wrong but worth a thought.
    """

    names: tuple[str, ...]
    remarks: tuple[str, ...]


def known_helpers(texts: Iterable[str]) -> Helpers:
    """The accounts and groups that these names mean.

    Args:
        texts: Names in any form that the directory takes.

    Raises:
        UnsuitableChoice: One is unknown, ambiguous, disabled, or a group that grants nothing.
    """
    names: dict[str, str] = {}
    remarks: list[str] = []
    for text in texts:
        found = _account_or_group(text)
        if isinstance(found, Group):
            if not found.is_security:
                raise UnsuitableChoice(
                    f"{found} is a distribution group, which grants nothing.",
                    remedy="Name a security group.",
                    field="helpers",
                )
        elif not found.is_enabled:
            raise UnsuitableChoice(
                f"The account {found} is disabled.",
                remedy="Leave it out, or have it enabled.",
                field="helpers",
            )
        else:
            remarks.append(
                f"{found} is a single account. A group can change without changing the policy."
            )
        names.setdefault(fold_name(str(found)), str(found))
    return Helpers(tuple(names.values()), tuple(remarks))


def _account_or_group(text: str) -> Account | Group:
    try:
        try:
            return find_group(text, field="helpers")
        except UnknownName:
            return find_account(text, field="helpers")
    except PortalError as error:
        raise UnsuitableChoice(error.sentence, remedy=error.remedy, field="helpers") from error


def kit_archive(files: Mapping[str, bytes], now: datetime) -> bytes:
    """The files as one ZIP archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, content in files.items():
            packed.writestr(zipfile.ZipInfo(path, now.timetuple()[:6]), content)
    return archive.getvalue()


def find_policy(name: str) -> GroupPolicy:
    """The Group Policy object with this name or GUID.

    Raises:
        UnknownPolicy: There is none, or several have the name.
    """
    present = GroupPolicy.objects.filter(is_present=True).select_related("domain")
    try:
        found = list(present.filter(policy_guid=uuid.UUID(name)))
    except ValueError:
        found = [policy for policy in present if fold_name(policy.display_name) == fold_name(name)]
    if len(found) != 1:
        raise UnknownPolicy(
            f"{'Several policies have' if found else 'No policy has'} the name {name}.",
            remedy="Name it by its GUID." if found else "Write its whole name, or its GUID.",
            field="compare_with",
        )
    return found[0]


def drift(choice: KitChoice, policy: GroupPolicy) -> tuple[Difference, ...]:
    """How far a policy, as it was last read, is from a choice.

    Raises:
        UnknownPolicy: Its settings could not be read.
    """
    if policy.read_error:
        raise UnknownPolicy(
            f"The settings of {policy} could not be read: {policy.read_error}",
            remedy="Let the reading account read the policy's folder in SYSVOL; synchronise again.",
            field="compare_with",
        )
    said = RemoteAssistancePolicy(
        offers_allowed=policy.offers_allowed,
        control_allowed=policy.control_allowed,
        helpers=tuple(ListedHelper(name, data) for name, data in policy.listed_helpers),
        replaces_helpers=policy.replaces_helpers,
        has_soft_values=policy.has_soft_values,
        other=policy.other_settings,
    )
    return differences(choice, said, FirewallPolicy.from_json(policy.firewall))


def record_kit(actor: Actor, choice: KitChoice, *, form: str) -> None:
    """Tell the audit trail who took which kit along, with all that was chosen.

    Args:
        actor: Who took it.
        choice: What the policy shall say.
        form: ``zip`` or ``folder``.
    """
    audit.record(
        "group_policy_kit.taken",
        actor=actor,
        subject_kind="policy",
        subject_name=choice.name,
        data={
            "form": form,
            "control": choice.control,
            "helpers": list(choice.helpers),
            "profiles": sorted(choice.profiles),
            "generations": sorted(choice.generations),
            "event_log": choice.event_log,
            "session_logging": choice.session_logging,
            "view_message": choice.view_message,
            "control_message": choice.control_message,
        },
    )
