"""The whole graph in a process's memory. Knows no Django: what is measured is the graph alone."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

EVERYBODY = ("S-1-5-11", "S-1-1-0")


@dataclass(frozen=True)
class MembershipGraph:
    """Both directions of every edge, by SID.

    Attributes:
        groups_of: The security groups that name a SID, the primary group among them.
        members: The SIDs that a security group names, and those whose primary group it is; every
            group has an entry, for a distribution group without members.
    """

    groups_of: dict[str, list[str]]
    members: dict[str, list[str]]

    @classmethod
    def load(cls, database_url: str) -> MembershipGraph:
        groups_of: defaultdict[str, list[str]] = defaultdict(list)
        same: dict[str, str] = {}  # one string for each SID, however many edges name it
        with psycopg.connect(database_url) as connection:
            groups = connection.execute("SELECT sid FROM directory_group")
            members: dict[str, list[str]] = {
                same.setdefault(sid, sid): [] for (sid,) in groups.fetchall()
            }
            cursor = connection.cursor("edges")
            cursor.itersize = 20_000
            cursor.execute(
                "SELECT edge.member_sid, target.sid FROM directory_membership edge "
                "JOIN directory_group target ON target.guid = edge.group_id "
                "WHERE target.is_present AND target.is_security "
                "UNION ALL SELECT account.sid, target.sid FROM directory_account account "
                "JOIN directory_group target ON target.sid = account.primary_group_sid "
                "WHERE target.is_present AND target.is_security"
            )
            for member, group in cursor:
                member, group = same.setdefault(member, member), same.setdefault(group, group)
                groups_of[member].append(group)
                members[group].append(member)
        return cls(dict(groups_of), members)

    def above(self, sids: Iterable[str], *, until: str | None = None) -> set[str]:
        """The groups above some SIDs; stops once ``until`` is among them."""
        return self._walk(self.groups_of, sids, until)

    def is_member(self, sid: str, group: str) -> bool:
        return group in self.above((sid, *EVERYBODY), until=group)

    def below(self, groups: Iterable[str]) -> set[str]:
        """The SIDs in some groups, those of groups among them."""
        return self._walk(self.members, groups, None)

    @staticmethod
    def _walk(edges: dict[str, list[str]], start: Iterable[str], until: str | None) -> set[str]:
        reached = set[str]()
        waiting = list(start)
        while waiting and until not in reached:
            for sid in edges.get(waiting.pop(), ()):
                if sid not in reached:
                    reached.add(sid)
                    waiting.append(sid)
        return reached


@dataclass(frozen=True)
class Asked:
    """Answers and how long each took.

    Attributes:
        milliseconds: Of each question.
        answers: Whether, or how many.
    """

    milliseconds: list[float]
    answers: list[int]


@dataclass(frozen=True)
class Loaded:
    """What the graph costs a process, and what it answers.

    Attributes:
        seconds: To load it.
        megabytes: Resident memory that it added, in MiB.
    """

    seconds: float
    megabytes: float
    members: Asked
    groups: Asked
    lists: Asked


def measure(
    database_url: str, pairs: Sequence[tuple[str, str]], lists: Sequence[Sequence[str]]
) -> Loaded:
    """Loads the graph in this process and asks it; to be run in a process of its own.

    Args:
        pairs: SIDs of an account and a group.
        lists: Of SIDs of groups.
    """
    before, began = _resident_mb(), time.perf_counter()
    graph = MembershipGraph.load(database_url)
    seconds, megabytes = time.perf_counter() - began, _resident_mb() - before
    members, groups, below = Asked([], []), Asked([], []), Asked([], [])
    for sid, group in pairs:
        began = time.perf_counter()
        answer = graph.is_member(sid, group)
        members.milliseconds.append((time.perf_counter() - began) * 1000)
        members.answers.append(answer)
        began = time.perf_counter()
        above = graph.above((sid, *EVERYBODY))
        groups.milliseconds.append((time.perf_counter() - began) * 1000)
        groups.answers.append(len(above))
    for sids in lists:
        began = time.perf_counter()
        found = graph.below(sids)
        accounts = [sid for sid in found if sid not in graph.members]
        below.milliseconds.append((time.perf_counter() - began) * 1000)
        below.answers.append(len(accounts))
    return Loaded(seconds, megabytes, members, groups, below)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
