"""What can go wrong when a computer's event log is read. Connections fail as any contact does."""

from __future__ import annotations

from assist.remote_assistance.errors import RemoteAssistanceError, for_fault

NO_MORE_ITEMS = 0x103
TIMED_OUT = (0x5B4, 0x5BF)  # ERROR_TIMEOUT, and as [MS-EVEN6] 3.1.4.13 prints it


class EventLogError(RemoteAssistanceError):
    """A Win32 error that has no class of its own; the sentence carries its number."""

    code = "event_log_error"
    default_sentence = "The computer could not read its event log."
    default_remedy = "Look at the computer's own event log; forward its events meanwhile."


class EventLogDenied(EventLogError):
    code = "event_log_denied"
    is_refusal = True
    default_sentence = "The computer refused: the portal's account may not read its event log."
    default_remedy = "Add the portal's account to the computer's group Event Log Readers by policy."


class EventLogClosed(EventLogError):
    code = "event_log_closed"
    is_refusal = True
    default_sentence = "The computer's event log service cannot be found over the network."
    default_remedy = (
        "Check that the computer runs Windows Vista or later with the service Windows Event Log."
    )


class EventLogFirewalled(EventLogError):
    code = "event_log_unreachable"
    is_retryable = True
    default_sentence = "The port of the computer's event log service cannot be reached."
    default_remedy = "Enable the firewall rules Remote Event Log Management by policy."


class EventLogMissing(EventLogError):
    code = "event_log_missing"
    is_refusal = True
    default_sentence = "The computer has no event log of Remote Assistance."
    default_remedy = "Check that Remote Assistance is installed and its Operational log enabled."


# [MS-ERREF] 2.2
_BY_ERROR: dict[int, type[EventLogError]] = {
    0x0005: EventLogDenied,  # ERROR_ACCESS_DENIED
    0x0522: EventLogDenied,  # ERROR_PRIVILEGE_NOT_HELD
    0x3A98: EventLogMissing,  # ERROR_EVT_INVALID_CHANNEL_PATH
    0x3A9F: EventLogMissing,  # ERROR_EVT_CHANNEL_NOT_FOUND
    0x138A: EventLogMissing,  # ERROR_RESOURCE_NOT_FOUND: a channel that was taken away
    0x1069: EventLogClosed,  # ERROR_INVALID_STATE: the service stops
}
_BY_FAULT: dict[int, type[EventLogError]] = {
    0x00000005: EventLogDenied,
    0x80070005: EventLogDenied,
    0x1C010003: EventLogClosed,  # nca_s_unk_if
    0x16C9A0D6: EventLogClosed,  # ept_s_not_registered
}


def for_error(error: int) -> EventLogError:
    """The error that a failing Win32 error of a call means."""
    kind = _BY_ERROR.get(error)
    if kind:
        return kind()
    return EventLogError(f"The computer could not read its event log: error 0x{error:08X}.")


def for_log_fault(status: int) -> RemoteAssistanceError:
    """The error that an RPC fault means."""
    kind = _BY_FAULT.get(status)
    return kind() if kind else for_fault(status)
