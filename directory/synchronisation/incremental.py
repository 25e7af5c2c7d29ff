"""Reading what has changed since the last run.

The directory tells only *which* objects changed; each of those is then read whole, as a full run
would, and stored the same way. What a change of one object does to others without their being
reported is worked out here:

- a renamed or moved container takes everything below it along: all of that is read again;
- an object that comes back is linked to again: the groups it is in are read again, and the like;
- a deleted object leaves its groups: storing takes care of that.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from directory.ldap.changes import CookieRefused, DirSyncRefused, read_changed_since, read_changes
from directory.ldap.entries import Entry
from directory.ldap.extended_names import parse_extended_name
from directory.ldap.search import Scope, search, search_by_guid
from directory.models import (
    Computer,
    GroupPolicy,
    Membership,
    OrganizationalUnit,
    ReplicationCursor,
    Subnet,
)
from directory.synchronisation.batches import Batch, RowMaker
from directory.synchronisation.errors import FullReadingNeeded
from directory.synchronisation.full import stage
from directory.synchronisation.kinds import (
    ACCOUNTS,
    COMPUTERS,
    FOREIGN_PRINCIPALS,
    GROUPS,
    KINDS,
    POLICIES,
    SITES,
    SUBNETS,
    UNITS,
    Kind,
    Place,
)
from directory.synchronisation.session import HEAD_ATTRIBUTES, Session
from directory.synchronisation.staging import Staging
from directory.synchronisation.storing import Findings, NewCursor, in_parts

# With more than this, reading everything in pages is quicker than asking object by object.
MANY_CHANGES = 20_000
# Up to so many objects of a kind in a renamed unit are asked for one by one.
FEW_IN_A_UNIT = 500
# What can hold computers.
HOLDERS = "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=domainDNS))"
# Of these, one is looked up below a container to see whether it has another name now.
ANY_PRINCIPAL = "(|(objectCategory=person)(objectCategory=computer)(objectCategory=group))"


@dataclass(frozen=True)
class Link:
    """A linked attribute: where it stands, and how what it names knows of it.

    Attributes:
        source: The kind that has it.
        back_link: The attribute of its targets that names its holders.
        targets: The kinds it can name.
        known: Who holds links to some targets in the picture of a domain: (holder, target).
    """

    source: Kind
    back_link: str
    targets: tuple[Kind, ...]
    known: Callable[[uuid.UUID, Collection[uuid.UUID]], Iterable[tuple[uuid.UUID, uuid.UUID]]]


def _known_members(
    domain: uuid.UUID, members: Collection[uuid.UUID]
) -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    edges = Membership.objects.filter(group__domain=domain, member_guid__in=members)
    return edges.values_list("group_id", "member_guid")


def _known_managed(
    domain: uuid.UUID, managers: Collection[uuid.UUID]
) -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    computers = Computer.objects.filter(domain=domain, is_present=True, managed_by__in=managers)
    return ((guid, manager) for guid, manager in computers.values_list("guid", "managed_by_id"))


def _known_subnets(
    domain: uuid.UUID, sites: Collection[uuid.UUID]
) -> Iterable[tuple[uuid.UUID, uuid.UUID]]:
    subnets = Subnet.objects.filter(is_present=True, site_guid__in=sites)
    return ((guid, site) for guid, site in subnets.values_list("guid", "site_guid") if site)


IN_UNITS = (ACCOUNTS, GROUPS, COMPUTERS)
PRINCIPALS = (*IN_UNITS, FOREIGN_PRINCIPALS)
LINKS = (
    Link(GROUPS, "memberOf", PRINCIPALS, _known_members),
    Link(COMPUTERS, "managedObjects", PRINCIPALS, _known_managed),
    Link(SUBNETS, "siteObjectBL", (SITES,), _known_subnets),
)


@dataclass(frozen=True)
class MovedUnit:
    """An organizational unit that took its content along.

    Attributes:
        name: Its name now.
        known_name: Its name in the picture.
        units: In the picture: itself and those in it.
    """

    name: str
    known_name: str
    units: frozenset[uuid.UUID]


@dataclass
class Changes:
    """What changed in one naming context.

    Attributes:
        naming_context: Which.
        guids: Of objects that changed, came or went.
        renamed: Those that came or have another name or place, with their name now.
        cookie: From where to go on; None where DirSync is refused.
    """

    naming_context: str
    guids: set[uuid.UUID] = field(default_factory=set)
    renamed: dict[uuid.UUID, str] = field(default_factory=dict)
    cookie: bytes | None = None


def find_changes(session: Session) -> dict[Place, Changes]:
    """Which objects changed since the cursors that the last run left.

    Raises:
        FullReadingNeeded: There is no telling; the error says why.
        DirectoryUnavailable: The controller does not answer.
    """
    cursors = {
        cursor.naming_context: cursor
        for cursor in ReplicationCursor.objects.filter(domain_id=session.head.entry.guid)
    }
    if not cursors:
        raise FullReadingNeeded("The domain has not been read before.")
    changes = {}
    for place, naming_context in session.naming_contexts.items():
        cursor = cursors.get(naming_context)
        if cursor is None:
            raise FullReadingNeeded(f"{naming_context} has not been read before.")
        _refuse_other_history(session, cursor)
        changes[place] = _changes_since(session, place, cursor)
    if sum(len(each.guids) for each in changes.values()) > MANY_CHANGES:
        raise FullReadingNeeded(f"More than {MANY_CHANGES} objects changed since the last run.")
    return changes


def _refuse_other_history(session: Session, cursor: ReplicationCursor) -> None:
    """A controller that was restored counts anew; its cookies and numbers mean something else."""
    same_controller = cursor.controller == session.controller.dns_name
    if same_controller and cursor.invocation_id != session.root.invocation_id:
        raise FullReadingNeeded(
            f"The database of {cursor.controller} is another one than before: it was restored "
            "from a backup or built anew."
        )
    if (
        cursor.invocation_id == session.root.invocation_id
        and session.root.highest_committed_usn < cursor.usn
    ):
        raise FullReadingNeeded(
            f"{cursor.controller} has gone back to an earlier state of its database."
        )


def followed_attributes(place: Place) -> tuple[str, ...]:
    """What DirSync is asked about: it reports objects of which one of these has changed."""
    attributes = {name for kind in KINDS if place in kind.places for name in kind.attributes}
    return tuple(sorted(attributes | {"name", "isDeleted"} | set(HEAD_ATTRIBUTES)))


def _changes_since(session: Session, place: Place, cursor: ReplicationCursor) -> Changes:
    found = Changes(cursor.naming_context)
    if cursor.cookie is None:
        if cursor.invocation_id != session.root.invocation_id:
            raise FullReadingNeeded(
                "Another controller answers than before, and without DirSync its numbering of "
                "changes is its own."
            )
        for entry in read_changed_since(session.connection, cursor.naming_context, cursor.usn):
            found.guids.add(entry.guid)
            found.renamed[entry.guid] = entry.distinguished_name
        return found
    try:
        for page in read_changes(
            session.connection,
            cursor.naming_context,
            bytes(cursor.cookie),
            followed_attributes(place),
            keep=("name", "isDeleted"),
        ):
            found.cookie = page.cookie
            for entry in page.entries:
                found.guids.add(entry.guid)
                if entry.first("name") is not None and entry.first("isDeleted") != b"TRUE":
                    found.renamed[entry.guid] = entry.distinguished_name
    except CookieRefused as error:
        raise FullReadingNeeded(
            f"{session.controller.dns_name} does not accept the cookie of the last run."
        ) from error
    except DirSyncRefused as error:
        raise FullReadingNeeded(
            f"{session.controller.dns_name} does not offer DirSync to the reading account any more."
        ) from error
    return found


def read_changed(
    session: Session,
    changes: dict[Place, Changes],
    staging: Staging,
    report: Callable[[int], None],
    *,
    with_all_computers: bool = False,
) -> Findings:
    """Read the objects that changed, and those that changed with them, into the staging tables.

    Args:
        session: With the controller.
        changes: What :func:`find_changes` found.
        staging: Takes the rows.
        report: Told how many objects have been read.
        with_all_computers: Something is wanted of computers that was never read of them.

    Raises:
        DirectoryUnavailable: The controller stopped answering. Nothing was stored.
    """
    return _Reading(session, changes, staging, report, with_all_computers).read()


def stale_policies(session: Session) -> set[uuid.UUID]:
    """Policies whose files could not be read, or are of another version than their object."""
    policies = GroupPolicy.objects.filter(
        domain_id=session.surroundings.domain_guid, is_present=True
    )
    return {
        guid
        for guid, version, file_version, error in policies.values_list(
            "guid", "version", "file_version", "read_error"
        )
        if error or (file_version is not None and file_version != version)
    }


def _units_in(name: str, known: Mapping[uuid.UUID, str]) -> frozenset[uuid.UUID]:
    """The known units that are of a name, or lie in the unit of that name."""
    return frozenset(
        guid for guid, each in known.items() if each == name or each.endswith(f",{name}")
    )


class _Reading:
    """The reading of one set of changes."""

    def __init__(
        self,
        session: Session,
        changes: dict[Place, Changes],
        staging: Staging,
        report: Callable[[int], None],
        with_all_computers: bool,
    ) -> None:
        self._session = session
        self._changes = changes
        self._with_all_computers = with_all_computers
        self._report = report
        self._maker = RowMaker(session)
        self._findings = Findings(
            staging,
            cursors=[NewCursor(each.naming_context, each.cookie) for each in changes.values()],
        )
        self._done = 0

    def read(self) -> Findings:
        moved = self._read_units()
        for kind in KINDS:
            if kind is not UNITS:
                for entries in self._searches(kind, moved):
                    self._stage(kind, entries)
        for name in self._moved_containers():
            for kind in KINDS:
                if kind is not UNITS and Place.DOMAIN in kind.places and not kind.below:
                    self._stage(kind, self._below(kind, name))
        self._read_what_links_to_changed()
        self._read_strangers()
        for kind in KINDS:
            if self._findings.staging.has(kind):
                self._findings.staging.prepare(kind)
            self._findings.vanished[kind.name] = self._vanished(kind)
        return self._findings

    def _stage(self, kind: Kind, entries: Iterable[Entry]) -> None:
        for batch in self._maker.batches(kind, entries):
            self._take(batch)

    def _take(self, batch: Batch) -> None:
        stage(batch, self._findings)
        self._done += batch.size
        self._report(self._done)

    def _guids(self, kind: Kind) -> set[uuid.UUID]:
        found: set[uuid.UUID] = set()
        for place in kind.places:
            if place in self._changes:
                found |= self._changes[place].guids
        return found | stale_policies(self._session) if kind is POLICIES else found

    # --- containers that took their content along ----------------------------------------------

    def _read_units(self) -> list[MovedUnit]:
        """Read changed units and those in them; the units whose content has another name now."""
        known = dict(
            OrganizationalUnit.objects.filter(
                domain_id=self._session.surroundings.domain_guid, is_present=True
            ).values_list("guid", "distinguished_name")
        )
        names = dict(known)
        entries: dict[uuid.UUID, Entry] = {}
        for changed in self._searches(UNITS, ()):
            entries |= {entry.guid: entry for entry in changed}
        for guid in self._changes[Place.DOMAIN].guids - entries.keys():
            names.pop(guid, None)
        moved = [
            MovedUnit(entry.distinguished_name, known[guid], _units_in(known[guid], known))
            for guid, entry in entries.items()
            if guid in known and known[guid] != entry.distinguished_name
        ]
        for unit in moved:
            entries |= {entry.guid: entry for entry in self._below(UNITS, unit.name)}
        names |= {guid: entry.distinguished_name for guid, entry in entries.items()}
        self._session.use_units({name: guid for guid, name in names.items()})
        self._stage(UNITS, entries.values())
        return moved

    def _moved_containers(self) -> list[str]:
        """The containers, other than organizational units, that took their content along."""
        domain = self._changes[Place.DOMAIN]
        read = {guid for kind in KINDS for guid in self._findings.staging.staged_guids(kind)}
        return [
            name
            for guid, name in domain.renamed.items()
            if guid not in read and self._has_moved(name)
        ]

    def _has_moved(self, container: str) -> bool:
        """Whether what lies in a container is known under another name, or not at all."""
        # Most have nothing in them, which a look one level down tells soonest: below a container a
        # controller may go through all principals that it has.
        if self._first_in(container, "(objectClass=*)", "LEVEL") is None:
            return False
        found = self._first_in(container, ANY_PRINCIPAL, "SUBTREE")
        if found is None:
            return False
        return not any(
            kind.model._default_manager.filter(
                pk=found.guid, distinguished_name=found.distinguished_name, is_present=True
            ).exists()
            for kind in (ACCOUNTS, GROUPS, COMPUTERS)
        )

    def _first_in(self, container: str, search_filter: str, scope: Scope) -> Entry | None:
        found = search(
            self._session.connection,
            container,
            search_filter,
            ("1.1",),
            scope=scope,
            with_extended_names=True,
            page_size=1,
        )
        return next(found, None)

    # --- searches ------------------------------------------------------------------------------

    def _searches(self, kind: Kind, moved: Iterable[MovedUnit]) -> Iterator[Iterable[Entry]]:
        """The searches that find a kind's changed objects and those in moved units."""
        guids = sorted(self._guids(kind))
        for naming_context in self._contexts_of(kind):
            yield self._by_guid(kind, naming_context, guids)
        if kind in IN_UNITS:
            for unit in moved:
                yield self._in_moved(kind, unit)
        if kind is COMPUTERS and self._with_all_computers:
            yield self._below(kind, self._session.root.default_naming_context)
        elif kind is COMPUTERS and self._session.reads_permissions:
            for name in self._changed_holders():
                yield self._below(kind, name)

    def _changed_holders(self) -> list[str]:
        """Changed objects whose permissions computers inherit, which is no change of their own."""
        found = search_by_guid(
            self._session.connection,
            self._session.root.default_naming_context,
            sorted(self._changes[Place.DOMAIN].guids),
            ("1.1",),
            search_filter=HOLDERS,
            with_extended_names=True,
        )
        return [entry.distinguished_name for entry in found]

    def _in_moved(self, kind: Kind, unit: MovedUnit) -> Iterator[Entry]:
        """What lies in a moved unit. What came there since is reported on its own.

        A few objects are read one by one: below a unit a controller may go through all that it
        has of their kind.
        """
        in_it: dict[str, object] = {"ou__in": unit.units}
        if kind is GROUPS:
            in_it = {"distinguished_name__endswith": f",{unit.known_name}"}
        known = kind.model._default_manager.filter(is_present=True, **in_it)
        guids = list(known.values_list("pk", flat=True)[: FEW_IN_A_UNIT + 1])
        if len(guids) > FEW_IN_A_UNIT:
            return self._below(kind, unit.name)
        (naming_context,) = self._contexts_of(kind)
        return self._by_guid(kind, naming_context, guids)

    def _by_guid(
        self, kind: Kind, naming_context: str, guids: Iterable[uuid.UUID]
    ) -> Iterator[Entry]:
        return search_by_guid(
            self._session.connection,
            kind.base(naming_context),
            list(guids),
            self._session.attributes(kind),
            search_filter=kind.search_filter,
            with_extended_names=True,
            with_security_descriptor=self._session.with_security_descriptor(kind),
        )

    def _below(self, kind: Kind, name: str) -> Iterator[Entry]:
        return search(
            self._session.connection,
            name,
            kind.search_filter,
            self._session.attributes(kind),
            with_extended_names=True,
            with_security_descriptor=self._session.with_security_descriptor(kind),
        )

    # --- what follows ----------------------------------------------------------------------------

    def _read_what_links_to_changed(self) -> None:
        """Read the holders of links to changed objects where the picture has other ones.

        An object that was deleted, restored, or both since the last run lost its links or found
        them again without a change of who holds them.
        """
        for link in LINKS:
            unread: set[uuid.UUID] = set()
            for kind in link.targets:
                # Those read for their new name alone are linked to as before.
                targets = self._findings.staging.staged_guids(kind) & self._guids(kind)
                for part in in_parts(sorted(targets)):
                    now = self._holders_now(link, kind, part)
                    known = set(link.known(self._session.head.entry.guid, part))
                    unread |= {holder for holder, _ in now ^ known}
            unread -= self._findings.staging.staged_guids(link.source)
            for naming_context in self._contexts_of(link.source) if unread else ():
                self._stage(link.source, self._by_guid(link.source, naming_context, unread))

    def _holders_now(
        self, link: Link, kind: Kind, targets: Iterable[uuid.UUID]
    ) -> set[tuple[uuid.UUID, uuid.UUID]]:
        """Who holds links to the targets, by what the directory says: (holder, target)."""
        found = set()
        for naming_context in self._contexts_of(kind):
            for entry in search_by_guid(
                self._session.connection,
                naming_context,
                targets,
                (link.back_link,),
                with_extended_names=True,
            ):
                for raw in entry.all(link.back_link):
                    holder = parse_extended_name(raw).guid
                    if holder is not None:
                        found.add((holder, entry.guid))
        return found

    def _read_strangers(self) -> None:
        """Read all foreign principals, which are few, if anything in the domain changed.

        Their own coming and going is not reported: a plain account may not read their uSNChanged.
        """
        if not self._changes[Place.DOMAIN].guids:
            return
        (naming_context,) = self._contexts_of(FOREIGN_PRINCIPALS)
        self._findings.staging.add(FOREIGN_PRINCIPALS, [])
        self._stage(FOREIGN_PRINCIPALS, self._below(FOREIGN_PRINCIPALS, naming_context))

    def _contexts_of(self, kind: Kind) -> list[str]:
        held = self._session.naming_contexts
        return [held[place] for place in kind.places if place in held]

    def _vanished(self, kind: Kind) -> list[uuid.UUID]:
        """Objects that are in the picture but were not found any more."""
        staging, scope = self._findings.staging, self._session.scope(kind)
        if kind is FOREIGN_PRINCIPALS and staging.has(kind):  # all of them were read
            return staging.missing(kind, scope)
        return staging.unstaged(kind, sorted(self._guids(kind)), scope)
