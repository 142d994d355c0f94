"""An exception that nobody expected, in one line: where it is, what it says, how to see more."""

import ast
import os
import re
import shlex
import sys
import traceback
from pathlib import Path

# Where people add files of their own and name them; in the rest of the package a fault is ours.
THEIRS = re.compile(r"(?:src/)?alexvgg/(?:(?:networks|data/sources)/(?P<file>.+)|data/registry)\.py$")
OURS = re.compile(r"(architecture|blocks|catalogue|checking|counting|runtime|layers/.+|cifar100|digits|images)$")
PACKAGE = re.compile(r"alexvgg/(?:\w+/)*\w+\.py$")
LONGEST = 300  # characters
# A frame as TensorFlow writes it, with its line of code.
FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+), in .*\n(?:.*\S.*\n)?', re.MULTILINE)
# What Keras, TensorFlow and Pydantic put before a message, in it and after it.
WRAPPED = re.compile(r"Exception encountered when calling .*\n|Could not automatically infer (?:.*\n)*?.*encountered:")
NOISE = re.compile(
    r"\x1b\[\d*m"  # bold
    r"|(?:Call )?[Aa]rguments received by .*"
    r"|For further information visit \S+"
    r"| for '\{\{node [^']*'"
    r"|\{\{function_node [^}]*\}\}"
    r"|\[Op:[^\]]*\]",
    re.DOTALL,
)
NODE = re.compile(r"\[\[\{\{node ([^}]*)\}\}\]\]")
FROM = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
KERAS = re.compile(r"(keras|tensorflow|alexvgg\.networks\.(blocks|layers))(\.|$)")


def explain(error: BaseException) -> str:
    """The message for an exception: the user's file and line if it comes from there."""
    where, text, command = line_of(error), said(error), debug_command(sys.argv)
    if where:
        return f"{where}: {text}; the traceback: {command}"
    return f"{text} (a fault of alexvgg: please report it with what `alexvgg doctor` prints; the traceback: {command})"


def left_behind(error: BaseException) -> str:
    """What to do about a file that is in the project, and not in the copy of it in which an experiment runs.

    Empty if the error is another one. DVC makes such a copy with git, and tells its stages where the project is.
    """
    main, here = Path(os.environ.get("DVC_ROOT", ".")).resolve(), Path.cwd()
    if not isinstance(error, ImportError) or main == here:
        return ""
    found = FROM.search(error.msg or "")
    module = Path("src", *(f"{found[2]}.{found[1]}" if found else error.name or "").split("."))
    for file in (module.with_suffix(".py"), module / "__init__.py", module):
        if (main / file).exists() and not (here / file).exists():
            return (
                f"{file.as_posix()} is not in this experiment's copy of the project, since git does not know it; "
                f"`git add -N {shlex.quote(file.as_posix())}`, then run or queue the experiment again"
            )
    return ""


def debug_command(argv: list[str]) -> str:
    """The command that was given, with a traceback."""
    program, *given = argv
    arguments = [one for one in given if one != "--debug"]
    if Path(program).suffix == ".py" and "stages" in Path(program).parts:
        return shlex.join(["python", program, *arguments, "--debug"])
    return shlex.join(["alexvgg", "--debug", *arguments])


def line_of(error: BaseException) -> str:
    """File and line of the user's innermost frame, such as `src/alexvgg/networks/mine.py, line 3`; empty if none is."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    # TensorFlow writes the frames of what it compiles into the message.
    frames += [(frame["file"], int(frame["line"])) for frame in FRAME.finditer(str(error))]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno))
    deeper = False  # a registry is where something of ours was imported, unless it is the last of the package's frames
    for file, line in reversed(frames):
        if _is_theirs(file) and not (deeper and file.endswith("registry.py")):
            return f"{short(file)}, line {line}"
        deeper = deeper or PACKAGE.search(Path(file).as_posix()) is not None
    return ""


def short(file: str) -> str:
    """Such as `src/alexvgg/networks/mine.py`."""
    found = THEIRS.search(Path(file).as_posix())
    return found[0] if found else "/".join(Path(file).parts[-3:])


def said(error: BaseException) -> str:
    """Kind and message of an exception, without what Keras, TensorFlow and Pydantic put around them."""
    kind, text = type(error).__name__, error.msg if isinstance(error, SyntaxError) else str(error)
    if text.startswith("in user code:"):
        kind, text = "", FRAME.split(text)[-1]
    elif text.startswith("Graph execution error:"):
        text = FRAME.split(text)[-1]
    text = NODE.sub(r"(in \1)", NOISE.sub("", WRAPPED.sub("", text)))
    text = " ".join(text.split()) or "no message"
    text = f"{kind}: {text}" if kind else text
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def early_import() -> str:
    """File and line where a file of the user's imported TensorFlow before it was set up; empty if none did."""
    if "tensorflow" not in sys.modules or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1":
        return ""
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    for file in sorted(filter(_is_theirs, files)):
        for node in ast.parse(Path(file).read_bytes()).body:
            origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names = (
                [origin + alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            if any(map(KERAS.match, names)):
                return f"{short(file)}, line {node.lineno}"
    return ""


def _is_theirs(file: str) -> bool:
    found = THEIRS.search(Path(file).as_posix())
    return found is not None and not OURS.match(found["file"] or "")
