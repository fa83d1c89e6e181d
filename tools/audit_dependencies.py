"""Ask the advisory service for known vulnerabilities of the pinned dependencies.

    python tools/audit_dependencies.py

Ends with 1 where there is one. Where the service cannot be reached, or does not know a version,
that is said and nothing is refused: no answer is no finding.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
COMMAND = ("-m", "pip_audit", "-r", str(CONSTRAINTS), "--no-deps", "--format", "json",
           "--progress-spinner", "off")  # fmt: skip


def main() -> int:
    """Audit, print one line a finding and one in sum, and give the exit code."""
    done = subprocess.run([sys.executable, *COMMAND], capture_output=True, text=True, check=False)
    try:
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print("dependencies not audited: the advisory service gave no answer")
        return 0
    findings = [
        f"{dependency['name']} {dependency['version']}: {finding['id']}"
        for dependency in dependencies
        for finding in dependency.get("vulns", ())
    ]
    for finding in findings:
        print(finding)
    asked = sum("vulns" in dependency for dependency in dependencies)
    print(
        f"dependencies: {len(findings)} known vulnerabilities; {asked} of {len(dependencies)} "
        "versions are known to the advisory service"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
