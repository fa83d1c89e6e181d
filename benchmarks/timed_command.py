"""Run one command and print, as JSON, how long it took and the most memory it held.

    python -S benchmarks/timed_command.py COMMAND [ARGUMENT ...]

Linux counts the memory of whoever starts a process among that process's own, so a benchmark that
has loaded PyTorch cannot measure a smaller command. This file imports next to nothing.
"""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    """Time the command; its complaints stay on stderr, and its exit status is in the JSON."""
    started = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    megabytes = usage.ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    print(json.dumps({"seconds": seconds, "peak_mb": megabytes, "exit": process.returncode}))


if __name__ == "__main__":
    main()
