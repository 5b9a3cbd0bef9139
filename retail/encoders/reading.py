"""What of descriptions is read otherwise than as they stand, in sentences for people.

In: a text encoder and descriptions. Out: one sentence for each thing that somebody should know; [] for usual ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from retail.encoders import Encoder
from retail.media import characters_unread, clean_text
from retail.media.language import language_note
from retail.media.text import MAX_TEXT_CHARACTERS


def reading_notes(encoder: Encoder, texts: Sequence[str]) -> list[str]:
    """Descriptions in pieces, cut descriptions and descriptions in a language that the encoder does not know."""
    given = [text for text in texts if text]
    notes = [pieces_note(encoder, given), unread_note(given)]
    if encoder.language == "English":
        notes.append(language_note(given))
    return [note for note in notes if note]


def pieces_note(encoder: Encoder, texts: Sequence[str]) -> str:
    """How many descriptions are longer than the encoder reads at once; "" for none."""
    most = {text: len(encoder.pieces(clean_text(text))) for text in dict.fromkeys(texts)}
    counts = [most[text] for text in texts if most[text] > 1]
    if not counts:
        return ""
    verb, them = ("is", "it is") if len(counts) == 1 else ("are", "they are")
    return (
        f"{len(counts):,} of {len(texts):,} descriptions {verb} longer than the {encoder.reads_at_once} that are read "
        f"at once; {them} read sentence by sentence, in up to {max(counts):,} pieces, which are averaged."
    )


def unread_note(texts: Sequence[str]) -> str:
    """How many descriptions have characters that nobody reads; "" for none."""
    cut = sum(characters_unread(text) > 0 for text in texts)
    if not cut:
        return ""
    verb = "description is" if cut == 1 else "descriptions are"
    return f"{cut:,} {verb} longer than {MAX_TEXT_CHARACTERS:,} characters; what follows is not read."
