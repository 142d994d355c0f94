"""Text from outside, such as a name in a damaged file, as part of a message."""

LONGEST = 600  # characters


def line(text: str) -> str:
    """The text in one line of characters that can be printed, cut off where it is long."""
    printed = "".join(one if one.isprintable() else "?" for one in " ".join(text.split()))
    return printed if len(printed) <= LONGEST else f"{printed[:LONGEST]}…"
