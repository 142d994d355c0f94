"""An exception that nobody expected, in one line: where it is, what it says, how to see more."""

import re
import shlex
import sys
import traceback
from pathlib import Path

# Where people add files of their own; in the rest of the package a fault is ours.
THEIRS = re.compile(r"alexvgg/(?:networks|data/sources)/(\w+)\.py$")
OURS = {"architecture", "blocks", "catalogue", "checking", "counting", "registry", "runtime"}
LONGEST = 300  # characters


def explain(error: BaseException) -> str:
    """The message for an exception: the user's file and line if it comes from there."""
    where, text = _their_line(error), f"{type(error).__name__}: {_cause(error)}"
    command = debug_command(sys.argv)
    if where:
        return f"{where}: {text}; the traceback: {command}"
    return f"{text} (a fault of alexvgg: please report it with what `alexvgg doctor` prints; the traceback: {command})"


def debug_command(argv: list[str]) -> str:
    """The command that was given, with a traceback."""
    program, *arguments = argv
    if Path(program).suffix == ".py" and "stages" in Path(program).parts:
        return shlex.join(["python", program, *[one for one in arguments if one != "--debug"], "--debug"])
    return shlex.join(["alexvgg", "--debug", *arguments])


def _their_line(error: BaseException) -> str:
    """File and line of the user's innermost frame; empty if there is none."""
    if isinstance(error, SyntaxError) and error.filename and _is_theirs(error.filename):
        return f"{_short(error.filename)}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    if frames:
        return f"{_short(frames[-1].filename)}, line {frames[-1].lineno}"
    # TensorFlow writes the frames of what it compiles into the message.
    written = re.findall(r'File "([^"]+)", line (\d+)', str(error))
    theirs = [f"{_short(file)}, line {line}" for file, line in written if _is_theirs(file)]
    return theirs[-1] if theirs else ""


def _is_theirs(file: str) -> bool:
    found = THEIRS.search(Path(file).as_posix())
    return found is not None and found[1] not in OURS


def _short(file: str) -> str:
    """Such as `src/alexvgg/networks/mine.py`."""
    parts = Path(file).parts
    return "/".join(parts[parts.index("src") :]) if "src" in parts else "/".join(parts[-3:])


def _cause(error: BaseException) -> str:
    """What an exception says, without what Keras and TensorFlow put around it."""
    if isinstance(error, SyntaxError):
        return error.msg
    text = str(error).split("Arguments received by")[0].strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    wrapped = text.startswith(("in user code:", "Exception encountered when calling"))
    said = (lines[-1] if wrapped else " ".join(lines)) if lines else "no message"
    return said if len(said) <= LONGEST else f"{said[:LONGEST]} …"
