"""A logon session on the novice's computer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from assist.remote_assistance.errors import BadAnswer

_TEXT = re.compile(
    r"\A(?P<domain>[^\\:\x00-\x1f]{1,255})\\(?P<user>[^\\:\x00-\x1f]{1,255}):(?P<id>\d{1,10})\Z"
)
HIGHEST_ID = 0xFFFFFFFE  # 0xFFFFFFFF means "no session" in an activation


@dataclass(frozen=True)
class LogonSession:
    r"""One user's session, as ``DOMAIN\user:id`` ([MS-RAI] 3.3.4, GetSessionInfo)."""

    domain_name: str
    user_name: str
    session_id: int

    @classmethod
    def parse(cls, text: str) -> LogonSession:
        """Reads the text that Windows gives.

        Raises:
            BadAnswer: The text is not of that form.
        """
        match = _TEXT.match(text)
        if not match or int(match["id"]) > HIGHEST_ID:
            raise BadAnswer(f"The computer named a logon session in a form unknown: {text[:80]!r}.")
        return cls(match["domain"], match["user"], int(match["id"]))

    def __str__(self) -> str:
        return f"{self.domain_name}\\{self.user_name}:{self.session_id}"
