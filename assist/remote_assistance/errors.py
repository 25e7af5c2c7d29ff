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


class BadAnswer(RemoteAssistanceError):
    code = "bad_answer"
    default_sentence = "The computer's answer makes no sense."
    default_remedy = "Make sure that a Windows computer has that address, and tell the operator."


class AuthenticationFailed(RemoteAssistanceError):
    code = "authentication_failed"
    default_sentence = "The portal's account could not authenticate to the computer."
    default_remedy = "Check the keytab, the clocks, and that the computer's name has its SPN."


class DirectoryUnreachable(RemoteAssistanceError):
    code = "kdc_unreachable"
    default_sentence = "No Kerberos server of the domain answers."
    default_remedy = "Check the network between the worker and the domain controllers."
    is_retryable = True


# [MS-RAI] 3.3.4, [MS-ERREF] 2.1.1
_BY_HRESULT: dict[int, type[RemoteAssistanceError]] = {
    0x80070005: AccessDenied,
    0x80070052: Busy,
    0x8000401A: NoSuchSession,
    0x800704EC: DisabledByPolicy,
    0x80040154: ProtocolUnsupported,
}
# [C706] appendix E, [MS-ERREF] 2.2
_BY_FAULT: dict[int, type[RemoteAssistanceError]] = {
    0x00000005: AccessDenied,
    0x80070005: AccessDenied,
    0x1C010003: ProtocolUnsupported,  # nca_s_unk_if
}
BAD_STUB_DATA = 0x6F7


def for_hresult(hresult: int) -> RemoteAssistanceError:
    """The error that a failing HRESULT means."""
    kind = _BY_HRESULT.get(hresult)
    return kind() if kind else NoviceError(f"The computer answered with error 0x{hresult:08X}.")


def for_fault(status: int) -> RemoteAssistanceError:
    """The error that an RPC fault means."""
    kind = _BY_FAULT.get(status)
    return kind() if kind else NoviceError(f"The computer refused the call: fault 0x{status:08X}.")
