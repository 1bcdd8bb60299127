"""Making text that a model wrote safe to show: no control of the terminal, no reordering of what stands beside it."""

import unicodedata

# Control, format (bidirectional marks, invisible tags), surrogate, private use, and the two separators that end a line.
UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
# Persian, Hindi and emoji are spelled with these two.
JOINERS = {"\u200c", "\u200d"}
LINE_ENDS = {"\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"}
# More marks on one letter than any language has would spill over the lines above and below.
MOST_MARKS = 4


def sanitise(text: str, limit: int = 400) -> str:
    """Return `text` on one line, without control characters and not much longer than `limit`.

    Line ends become `⏎`, so that no reply can look like the next line of a transcript. Markup is not escaped: show the
    result as plain text (`rich.text.Text`), never as markup.
    """
    shown: list[str] = []
    marks = 0
    for character in text[: limit + 1]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if character in LINE_ENDS:
            shown.append("⏎")
        elif character == "\t":
            shown.append(" ")
        elif marks <= MOST_MARKS and (character in JOINERS or unicodedata.category(character) not in UNSHOWN):
            shown.append(character)
    if len(text) > limit:
        return f"{''.join(shown[:limit])}… ({len(text)} characters)"
    return "".join(shown)
