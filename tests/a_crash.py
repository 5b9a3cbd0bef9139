"""A reader in a helper process that breaks as it is told: it crashes, hangs, fills memory, or answers."""

from __future__ import annotations

import os
import time


def answer(facts, content):
    """Does what the facts, or else the first word of the content, say."""
    told = facts.get("do") or content.partition(b" ")[0].decode()
    if told == "hang":
        time.sleep(60)
    if told == "fill":
        content = b"x" * 2**33
    if told == "answer":
        return {"process": os.getpid()}, content
    os.abort()
