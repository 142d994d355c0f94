"""First import of every stage: the code beside this folder is what runs, in the project's environment.

A stage begins again in variables that the project has set (`system/process.py`) before it imports anything else. DVC
runs experiments in copies of the project, where an installed `alexvgg` would be the wrong one; and it
calls whatever `python` is on the PATH, which may not be the one in `.venv`.
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path

# Until `console.stage` says how a stage ends, Ctrl-C ends it without a word: libraries are imported for seconds.
if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

root = Path(__file__).resolve().parent.parent
main = Path(os.environ.get("DVC_ROOT", root))
sys.path.insert(0, str(root / "src"))

NEEDED = ("mlflow", "pydantic", "ruamel", "sklearn", "tensorflow", "tqdm")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if missing or sys.version_info < (3, 11):
    environment = next((p for p in (main / ".venv/bin/python", main / ".venv/Scripts/python.exe") if p.exists()), None)
    if environment is None or Path(sys.prefix) == main / ".venv":
        lacking = f"{missing[0]} is not installed here" if missing else "this Python is older than 3.11"
        print(f"error: {lacking}; run `make setup`", file=sys.stderr)
        sys.exit(6)
    os.execv(environment, [str(environment), *sys.argv])

from alexvgg.system import console, process  # noqa: E402

process.begin_again(main)

sys.excepthook = console.excepthook
