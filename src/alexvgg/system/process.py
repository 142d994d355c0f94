"""How a stage's process begins."""

import os
import sys

HUGE_PAGES = "glibc.malloc.hugetlb=1"


def with_huge_pages() -> None:
    """Begin this program again, on Linux, with a C library that asks for pages of 2 MB; return if it already does.

    Every step allocates its tensors anew, and mapping them in pages of 4 KB takes a part of its time. The C library
    reads this setting before a program begins (docs/decisions/0009-huge-pages.md).
    """
    earlier = os.environ.get("GLIBC_TUNABLES", "")
    if sys.platform == "linux" and "glibc.malloc.hugetlb" not in earlier:
        os.environ["GLIBC_TUNABLES"] = ":".join(filter(None, (earlier, HUGE_PAGES)))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
