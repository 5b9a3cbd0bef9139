"""Names that act wherever somebody forgot to make text of them.

`HOSTILE` goes through every page and file; `made_up` puts more of the same together, the same for the same number.
"""

from __future__ import annotations

import random

EVIL = "evil.example"
NAMES_FILE = "names.json"  # of a home folder, for the page that shows them
HOSTILE = (
    f'=HYPERLINK("http://{EVIL}/x","a") ![x](http://{EVIL}/i.png) [l](javascript:alert(1)) $x^2$ :material/home: '
    f":red[r] :smile: *b* `c` <img src=x onerror=alert(1)> <script>alert(1)</script> \x1b]8;;http://{EVIL}\x07 "
    f"../../etc/passwd %n {{{{7*7}}}} \\input{{x}} https://{EVIL} \u202eback -> a@{EVIL}"
)
# As ids and names of files, which hold no slash, and no control sign that a file system or ZIP would refuse.
HOSTILE_FILE = (
    f"![x](http:&#x2F;&#x2F;{EVIL}) [l](javascript:alert(1)) $x^2$ :red[r] :smile: <img src=x onerror=alert(1)> "
    f"www.{EVIL}"
)
PARTS = (
    "=1+1", "@SUM(1)", "＝1", "+cmd|' /C calc'!A0", f'=HYPERLINK("http://{EVIL}")', "-2+3", "a;=1+1",
    f"![x](http://{EVIL}/i.png)", "[l](javascript:alert(1))", f"[a]: http://{EVIL}", f"<http://{EVIL}>", "[^1]",
    "- [x] x", f"https://{EVIL}/p?q=1", f"www.{EVIL}", f"a@{EVIL}", f"HTTP://{EVIL}", f"mailto:a@{EVIL}", "$x^2$",
    "$$y$$", r"\input{/etc/passwd}", r"\\[1cm]", r"\write18{x}", "[1em]", "*", "100 %", "a & b", "#1", "{x}", "~^",
    ":material/home:", ":material_home:", ":streamlit:", ":smile:", ":+1:", ":100:", ":red[r]", ":red-badge[r]",
    ":help[x]", ":small[x]", "::red[x]", ":::note", "**b**", "_i_", "~~s~~", "`c`", "```", "# h", "> q", "- l",
    "1. l", "---", "===", "| a | b |", "->", "<-", "<->", "--", ">=", "<=", "~=", "&amp;", "&#58;smile:",
    "&lt;b&gt;", "a  \nb", "a\n\n# b", "a\r\nError: b", "\ta", "<b>b</b>", "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>", "</style><script>alert(1)</script>", "<svg/onload=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>", "\"><script>alert(1)</script>", "' onmouseover='alert(1)", "{{7*7}}",
    "{% raw %}", "${7*7}", "%s%n", "{0}", "<!--", "-->", "]]>", "<?php", "%00", "%2e%2e%2f",
    f"\x1b]8;;http://{EVIL}\x07x\x1b]8;;\x07", "\x1b[31mred\x1b[0m", "\x9b31m", "\x08\x08", "\x7f", "\x85", "\u2028",
    "\0", "\u202eback\u202c", "\u2066x\u2069", "\ud800", "\ufeff", "\uffff", "e\u0301" * 9, "漢字", "👩‍👩‍👧", "אבג",
    "../../etc/passwd", "..\\..\\x", "/etc/passwd", "C:\\x", "con", "nul.txt", "a:b", ".hidden", "trailing.",
    "x" * 300, "key: value", "- a: b", "---\nlicense: mit", "!!python/object:os.system", "__proto__", "constructor",
    "null", "NaN",
)  # fmt: skip
NAMES = (HOSTILE, HOSTILE_FILE, *PARTS)


def made_up(count: int, seed: int = 0) -> list[str]:
    """So many names of one to six parts, in any order, with or without something between them."""
    drawn = random.Random(seed)
    return [
        drawn.choice(("", " ", "  ", "\n", ":", ";")).join(drawn.choices(PARTS, k=drawn.randint(1, 6)))
        for _ in range(count)
    ]
