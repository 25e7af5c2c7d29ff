"""Checks of what port 135 answered to a worker of the portal. Pure."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

from assist.eligibility.decision import Reference
from assist.readiness.facts import ExporterFacts, ReadinessFacts
from assist.readiness.results import Answer, State
from directory.comparison import fold_name

TOLERATED = timedelta(minutes=5)  # Kerberos' own default, [RFC4120] 3.1.3 and Windows' policy
NOTICEABLE = timedelta(minutes=1)
NOT_CALLED = "Nothing was called: the name leads to no address that may be called."
SWITCH_ON = (
    "Check that the computer is switched on, awake and in the organisation's network (VPN), and "
    "that every firewall on the way lets the portal's workers reach TCP port 135."
)


def rpc(facts: ReadinessFacts) -> Answer:
    """TCP port 135 takes connections from a worker."""
    exporter, computer = facts.exporter, facts.computer.reference
    if exporter is None:
        return Answer(State.UNKNOWN, NOT_CALLED, (computer,))
    evidence = (computer, _address(exporter))
    if exporter.is_connected:
        said = f"{exporter.address} takes connections at TCP port 135."
        return Answer(State.READY, said, evidence)
    return Answer(State.NOT_READY, exporter.sentence, evidence, SWITCH_ON)


def object_exporter(facts: ReadinessFacts) -> Answer:
    """What listens there is the object exporter of DCOM."""
    exporter, computer = facts.exporter, facts.computer.reference
    if exporter is None or not exporter.is_connected:
        return Answer(State.UNKNOWN, "No connection came about, so nothing answered.", (computer,))
    evidence = (computer, _address(exporter))
    if not exporter.is_answering:
        return Answer(
            State.NOT_READY,
            exporter.sentence,
            evidence,
            "Check that a Windows computer has that address, that the service RpcSs runs, and that "
            "no firewall between takes connections for it.",
        )
    if exporter.refusal is not None:
        return Answer(
            State.WARNING,
            f"{exporter.sentence} Something that speaks RPC is there.",
            evidence,
            "See whether policy restricts unauthenticated RPC clients.",
        )
    return Answer(State.READY, f"The object exporter at {exporter.address} answers.", evidence)


def identity(facts: ReadinessFacts) -> Answer:
    """The computer that answers is the one that was meant."""
    exporter, computer = facts.exporter, facts.computer.reference
    if exporter is None or not exporter.is_answering:
        said = "Nothing answered that could say which computer it is."
        return Answer(State.UNKNOWN, said, (computer,))
    evidence = (computer, _address(exporter))
    said_names = [name for name in exporter.host_names if not _is_address(name)]
    if not said_names:
        return Answer(
            State.UNKNOWN, f"What answers at {exporter.address} does not say its name.", evidence
        )
    own = {fold_name(computer.name), fold_name(facts.names.dns_name)}
    listed = ", ".join(said_names)
    if any(_is_own(name, own) for name in said_names):
        return Answer(State.READY, f"It calls itself {listed}.", evidence)
    return Answer(
        State.NOT_READY,
        f"What answers at {exporter.address} calls itself {listed}, not {computer.name}: the "
        "address is another computer's.",
        evidence,
        "Whoever administers DNS can remove the stale record; on the computer, ipconfig "
        "/registerdns writes the right one.",
    )


def clock(facts: ReadinessFacts) -> Answer:
    """Its clock differs from the worker's by less than Kerberos tolerates."""
    exporter, computer = facts.exporter, facts.computer.reference
    skew = exporter.clock_skew if exporter else None
    if exporter is None or skew is None:
        return Answer(
            State.UNKNOWN,
            "The computer did not say what time it has: only one that answers an NTLM bind does.",
            (computer,),
            "On the computer, w32tm /query /status compares its clock with the domain's.",
        )
    evidence = (computer, _address(exporter))
    seconds = round(abs(skew).total_seconds())
    said = f"Its clock is {seconds} s {'ahead of' if skew > timedelta() else 'behind'} the worker's"
    remedy = (
        "On the computer, w32tm /resync sets its clock by the domain's; check the worker's too."
    )
    if abs(skew) > TOLERATED:
        said += ", and Kerberos tolerates five minutes."
        return Answer(State.NOT_READY, said, evidence, remedy)
    if abs(skew) > NOTICEABLE:
        said += "; at five minutes Kerberos refuses."
        return Answer(State.WARNING, said, evidence, remedy)
    return Answer(State.READY, f"{said}.", evidence)


def _is_own(name: str, own: set[str]) -> bool:
    folded = fold_name(name)
    return folded in own or folded.partition(".")[0] in own


def _is_address(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _address(exporter: ExporterFacts) -> Reference:
    return Reference("address", exporter.address, exporter.address)
