"""Take the pictures of README.md: the quickstart's page, and its runs compared in MLflow.

    python scripts/screenshots.py [folder of a project in which the quickstart is made]

It needs Chromium. Pictures show no images but the quickstart's handwritten digits.
"""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
WIDTH = 1280  # pixels of a picture
ASSISTANT = 452  # pixels of a window, at the right: MLflow's assistant, which is of no use here
PAGE, RUNS = 1580, 760  # their heights
PATIENCE = 30_000  # milliseconds of a page's own time, to draw and to load
MOST = 300_000  # bytes of a picture


def picture(address: str, height: int, beside: int = 0) -> Image.Image:
    """What a browser shows at an address, without what is `beside` it at the right."""
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        sys.exit(f"none of these is installed: {', '.join(CHROMIUM)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture.png"
        options = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}/profile",
            f"--window-size={WIDTH + beside},{height}", f"--virtual-time-budget={PATIENCE}", f"--screenshot={file}",
        ]  # fmt: skip
        subprocess.run([browser, *options, address], check=True, stderr=subprocess.DEVNULL, timeout=180)
        return Image.open(io.BytesIO(file.read_bytes())).crop((0, 0, WIDTH, height))


def save(image: Image.Image, name: str) -> None:
    """Write a picture into the documents. Ends the program if it is too large for them."""
    file = IMAGES / name
    file.parent.mkdir(exist_ok=True)
    image.convert("RGB").save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {image.width} × {image.height}, {size:,} bytes")
    if size > MOST:
        sys.exit(f"that is more than {MOST:,} bytes")


@contextmanager
def links(project: Path) -> Iterator[dict[str, str]]:
    """The links that `alexvgg ui` prints, while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    environment["PYTHONPATH"] = str(project / "src")
    command = [sys.executable, "-m", "alexvgg", "ui", "--port", str(port)]
    server = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True)
    found: dict[str, str] = {}
    try:
        assert server.stdout is not None
        for line in server.stdout:
            name, _, address = line.strip().partition(" ")
            found |= {name: address.strip()} if "://" in address else {}
            if "Ctrl-C" in line:
                break
        yield found
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def main() -> None:
    project = Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT
    page = project / "reports/quickstart/index.html"
    if not page.exists():
        sys.exit(f"{page} does not exist; make it: make repro PROFILE=quickstart")
    save(picture(page.as_uri(), PAGE), "page.png")
    with links(project) as found:
        if "curves" not in found:
            sys.exit("MLflow has no runs of the quickstart; make them: make repro PROFILE=quickstart")
        save(picture(found["curves"], RUNS, ASSISTANT), "mlflow.png")


if __name__ == "__main__":
    main()
