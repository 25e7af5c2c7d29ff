"""The expert's viewer: FreeRDP on a virtual screen, as she would open the invitation."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

SCREEN = (1280, 800)


class Viewer:
    """FreeRDP with an invitation open; leaving the context closes it.

    Args:
        invitation: The content of a ``.msrcIncident`` file.
        password: The invitation's password.
    """

    def __init__(self, invitation: bytes, password: str) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="expert-")
        self._file = Path(self._directory.name) / "invitation.msrcIncident"
        self._file.write_bytes(invitation)
        self._password = password

    def __enter__(self) -> Viewer:
        self._screen = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24"]
            + ["-nolisten", "tcp"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        if self._screen.stdout is None:
            raise RuntimeError("Xvfb has no output")
        self.display = f":{self._screen.stdout.readline().decode().strip()}"
        self._log = (Path(self._directory.name) / "log").open("w+b")
        self._program = subprocess.Popen(
            ["xfreerdp", str(self._file), f"/assistance:{self._password}", "/cert:ignore"],
            env={"DISPLAY": self.display, "HOME": self._directory.name, "PATH": "/usr/bin:/bin"},
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._screen.terminate()
        self._screen.wait(10)
        self._log.close()
        self._directory.cleanup()

    def close(self) -> None:
        """The expert closes the viewer."""
        if self._program.poll() is None:
            self._program.terminate()
            self._program.wait(10)

    def log(self) -> str:
        """What FreeRDP has said so far."""
        self._log.flush()
        return (Path(self._directory.name) / "log").read_text(errors="replace")

    def colours(self) -> int:
        """How many colours the expert's screen shows; an empty one shows one."""
        done = subprocess.run(
            ["xwd", "-root", "-silent", "-display", self.display],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            return 0
        image = done.stdout
        header = int.from_bytes(image[0:4], "big")
        colour_table = int.from_bytes(image[76:80], "big") * 12
        pixels = memoryview(image)[header + colour_table :].cast("I")
        return len(Counter(pixels[::7]))

    def shows_a_picture(self, seconds: float) -> bool:
        """Whether a desktop (more than a plain colour) appears within the seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.colours() > 2:
                return True
            time.sleep(0.3)
        return False
