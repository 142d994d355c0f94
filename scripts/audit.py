"""Hold the pinned packages against known vulnerabilities; skip, and say so, where no advisory source is in reach.

python scripts/audit.py requirements.lock
"""

import json
import subprocess
import sys

OPTIONS = ["--disable-pip", "--progress-spinner", "off"]
BLOCKED = "your network may be blocking this service"  # what pip-audit says where it cannot connect
UNREACHABLE = "audit: skipped, no source of advisories can be reached from here"


def main(requirements: str) -> int:
    command = [sys.executable, "-m", "pip_audit", "--requirement", requirements, *OPTIONS]
    try:
        done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        print(UNREACHABLE)
        return 0
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        if BLOCKED in done.stderr:
            print(UNREACHABLE)
            return 0
        print(f"audit: pip-audit failed: {done.stderr}", file=sys.stderr)
        return 1
    audited = [package for package in packages if "skip_reason" not in package]
    if not audited:
        print(UNREACHABLE)
        return 0
    vulnerable = [package for package in audited if package["vulns"]]
    for package in vulnerable:
        ids = ", ".join(
            f"{v['id']} (fixed in {', '.join(v['fix_versions']) or 'no version'})" for v in package["vulns"]
        )
        print(f"audit: {package['name']} {package['version']}: {ids}; run `make lock`", file=sys.stderr)
    print(f"audit: {len(audited)} of {len(packages)} packages compared with advisories, {len(vulnerable)} vulnerable")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
