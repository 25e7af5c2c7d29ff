"""What can go wrong between the portal and a novice's computer.

Nothing but these leaves the package. ``may_have_started`` says whether Remote Assistance may have
been started on the novice's computer: then it must not be tried again by itself.
"""

from __future__ import annotations

from directory.errors import PortalError


class RemoteAssistanceError(PortalError):
    """The base: the novice's computer could not be offered help.

    Args:
        sentence: What happened; the class's own by default.
        remedy: What to do next; the class's own by default.
    """

    code = "novice_error"
    status = 502
    default_sentence = "The computer answered with an error."
    default_remedy = "Try again; if it happens again, look at the computer's event log."
    is_retryable = False
    is_refusal = False  # the computer said no before it did anything

    def __init__(self, sentence: str = "", *, remedy: str = "") -> None:
        super().__init__(sentence or self.default_sentence, remedy=remedy or self.default_remedy)
        self.may_have_started = False


class NoviceError(RemoteAssistanceError):
    """An HRESULT or RPC fault that has no class of its own; the sentence carries its number."""


class AccessDenied(RemoteAssistanceError):
    code = "access_denied"
    is_refusal = True
    default_sentence = "The computer refused: the portal's account is not a helper there."
    default_remedy = (
        "Add the portal's account to the helper list of the policy, wait until the policy has "
        "arrived, and check the group Offer Remote Assistance Helpers on the computer."
    )


class DisabledByPolicy(RemoteAssistanceError):
    code = "disabled_by_policy"
    is_refusal = True
    default_sentence = "The computer refused: Remote Assistance is disabled there by policy."
    default_remedy = "Enable Offer Remote Assistance in the policy that the computer gets."


class Busy(RemoteAssistanceError):
    code = "busy"
    is_refusal = True
    default_sentence = "Remote Assistance is already running on that computer."
    default_remedy = "Wait until the other session has ended, or ask the user to close it."


class NoSuchSession(RemoteAssistanceError):
    code = "no_such_session"
    is_refusal = True
    default_sentence = "The user's logon session does not exist any more."
    default_remedy = "Ask the user to log on, then offer again."


class Unreachable(RemoteAssistanceError):
    code = "unreachable"
    default_sentence = "The computer cannot be reached."
    default_remedy = "Check that it is switched on, in the network, and lets TCP port 135 in."
    is_retryable = True


class TimedOut(RemoteAssistanceError):
    code = "timed_out"
    default_sentence = "The computer did not answer in time."
    default_remedy = "Check that it is not asleep and that its firewall lets Remote Assistance in."
    is_retryable = True


class ProtocolUnsupported(RemoteAssistanceError):
    code = "protocol_unsupported"
    is_refusal = True
    default_sentence = "The computer does not know this form of Offer Remote Assistance."
    default_remedy = "It is older than Windows Vista, or Remote Assistance is not installed there."


class RequestRejected(RemoteAssistanceError):
    code = "request_rejected"
    is_refusal = True
    default_sentence = "The computer did not take the portal's request for a valid one."
    default_remedy = "Tell the operator; the computer's Windows speaks another form of it."


class ServerNotStarted(RemoteAssistanceError):
    code = "server_not_started"
    default_sentence = "Windows could not start its Remote Assistance server on the computer."
    default_remedy = (
        "Look at the computer's System event log for DistributedCOM errors, and try again after "
        "the computer was restarted."
    )


class Overloaded(NoviceError):
    code = "overloaded"
    default_sentence = "The computer has too little memory, or too much to do, for an offer."
    default_remedy = "Have the user close programs, then offer again."
    is_retryable = True


class BrokeDown(NoviceError):
    code = "broke_down"
    default_sentence = "The Remote Assistance server on the computer broke down during the call."
    default_remedy = "Look at the computer's event log, then offer again."


class BadAnswer(RemoteAssistanceError):
    code = "bad_answer"
    default_sentence = "The computer's answer makes no sense."
    default_remedy = "Make sure that a Windows computer has that address, and tell the operator."


class AuthenticationFailed(RemoteAssistanceError):
    code = "authentication_failed"
    default_sentence = "The portal's account could not authenticate to the computer."
    default_remedy = "Check the keytab, the clocks, and that the computer's name has its SPN."


class NoTicketForComputer(AuthenticationFailed):
    code = "no_service_ticket"
    default_sentence = "The domain gives no Kerberos ticket for that computer."
    default_remedy = (
        "Register the service principal name HOST/ of the computer's DNS name, and let the "
        "computer and the portal's account have an encryption type in common."
    )


class DelegationRefused(RemoteAssistanceError):
    code = "delegation_refused"
    status = 403
    is_refusal = True
    default_sentence = "The portal may not call the computer as you."
    default_remedy = (
        "Accounts in Protected Users, and those marked as sensitive, are never delegated: open "
        "Remote Assistance by hand-off instead. For others an administrator of the domain lets "
        "the portal's web account be delegated to the computer."
    )


class DirectoryUnreachable(RemoteAssistanceError):
    code = "kdc_unreachable"
    default_sentence = "No Kerberos server of the domain answers."
    default_remedy = "Check the network between the worker and the domain controllers."
    is_retryable = True


# What each HRESULT means ([MS-RAI] 3.1.4.1, 3.3.4.1; [MS-ERREF] 2.1.1). An RPC fault carries one of
# these too, or a number of the second table. docs/protocol.md has both.
BY_HRESULT: dict[int, type[RemoteAssistanceError]] = {
    0x80070005: AccessDenied,  # E_ACCESSDENIED
    0x80070052: Busy,  # ERROR_CANNOT_MAKE
    0x800704EC: DisabledByPolicy,  # ERROR_ACCESS_DISABLED_BY_POLICY
    0x8000401A: NoSuchSession,  # CO_E_RUNAS_LOGON_FAILURE
    0x80070520: NoSuchSession,  # ERROR_NO_SUCH_LOGON_SESSION
    0x80070534: NoSuchSession,  # ERROR_NONE_MAPPED: a user or domain that is none
    0x80071B6E: NoSuchSession,  # ERROR_CTX_WINSTATION_NOT_FOUND
    0x80040154: ProtocolUnsupported,  # REGDB_E_CLASSNOTREG
    0x80004002: ProtocolUnsupported,  # E_NOINTERFACE
    0x80010110: ProtocolUnsupported,  # RPC_E_VERSION_MISMATCH
    0x80004003: RequestRejected,  # E_POINTER
    0x80070057: RequestRejected,  # E_INVALIDARG
    0x80080005: ServerNotStarted,  # CO_E_SERVER_EXEC_FAILURE
    0x80070422: ServerNotStarted,  # ERROR_SERVICE_DISABLED
    0x80004024: ServerNotStarted,  # CO_E_ACTIVATIONFAILED_TIMEOUT
    0x8007000E: Overloaded,  # E_OUTOFMEMORY
    0x80010105: BrokeDown,  # RPC_E_SERVERFAULT
    0x80010108: BrokeDown,  # RPC_E_DISCONNECTED
    0x80010114: BrokeDown,  # RPC_E_INVALID_OBJECT
    0x8000FFFF: BrokeDown,  # E_UNEXPECTED
    0x80004005: BrokeDown,  # E_FAIL
}
# [C706] appendix E, [MS-ERREF] 2.2, [MS-RPCE] 2.2.2.9
BY_FAULT: dict[int, type[RemoteAssistanceError]] = {
    0x00000005: AccessDenied,  # ERROR_ACCESS_DENIED
    0x00000721: AuthenticationFailed,  # RPC_S_SEC_PKG_ERROR
    0x1C010003: ProtocolUnsupported,  # nca_s_unk_if
    0x1C010002: ProtocolUnsupported,  # nca_s_op_rng_error
    0x000006F7: RequestRejected,  # RPC_X_BAD_STUB_DATA
    0x000006F4: RequestRejected,  # RPC_X_NULL_REF_POINTER
    0x1C01000B: RequestRejected,  # nca_s_proto_error
    0x1C010014: Overloaded,  # nca_s_server_too_busy
    0x000006BB: Overloaded,  # RPC_S_SERVER_TOO_BUSY
    0x0000000E: Overloaded,  # ERROR_OUTOFMEMORY
    0x1C00001B: Overloaded,  # nca_s_fault_remote_no_memory
    0x000006BE: BrokeDown,  # RPC_S_CALL_FAILED
    0x1C000012: BrokeDown,  # nca_s_fault_unspec
}
BAD_STUB_DATA = 0x6F7


def for_hresult(hresult: int) -> RemoteAssistanceError:
    """The error that a failing HRESULT means."""
    kind = BY_HRESULT.get(hresult)
    return kind() if kind else NoviceError(f"The computer answered with error 0x{hresult:08X}.")


def for_fault(status: int) -> RemoteAssistanceError:
    """The error that an RPC fault means."""
    kind = BY_FAULT.get(status) or BY_HRESULT.get(status)
    return kind() if kind else NoviceError(f"The computer refused the call: fault 0x{status:08X}.")


def after_start(error: RemoteAssistanceError) -> RemoteAssistanceError:
    """Marks what came after the request left: only a refusal proves that nothing was started.

    A fault such as "the server broke down" (0x6BE, 0x80010105) may follow the start.
    """
    error.may_have_started = not error.is_refusal
    return error
