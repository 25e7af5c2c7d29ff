"""Runs a command and writes what it used: ``launcher.py RESULT_FILE COMMAND ...``.

A process of its own, and small: Linux counts what the parent occupied at the fork into the peak
memory of the child, so a large parent would be measured instead (getrusage(2), ru_maxrss).
"""

import json
import os
import resource
import subprocess
import sys
import time

result_file, *command = sys.argv[1:]
began = time.monotonic()
process = subprocess.Popen(command)
_, status = os.waitpid(process.pid, 0)
wall = time.monotonic() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(result_file, "w", encoding="utf-8") as file:
    result = {
        "wall_s": wall,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_rss_mb": used.ru_maxrss / 1024,
    }
    json.dump(result, file)
sys.exit(os.waitstatus_to_exitcode(status))
