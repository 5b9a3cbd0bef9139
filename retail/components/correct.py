"""What somebody says about an answer: "Right", "It is …", or "None of these: new product", and the way back.

In: what was shown, what was answered, and by whom. Out: a kept `Correction`, which counts from the next answer on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from retail.catalogue.candidates import Candidate, candidates, likely
from retail.escaping import plain
from retail.outside.limits import MAX_NAME_LETTERS
from retail.schema import Prediction, Product, UserError, Vocabulary
from retail.wording import number_of, task_words

if TYPE_CHECKING:
    from retail.catalogue.database import Catalogue
    from retail.recognizer import Recognizer
    from retail.review.record import Correction, Place, Verdict

FIRST = 8  # candidates that are shown before anything is typed
LIST_HEIGHT_PX = 260  # about seven lines of a list, the rest is scrolled to


@dataclass(frozen=True)
class Verdicts:
    """Who is corrected, and where what was said is kept."""

    key: str
    product: Product
    answer: Prediction
    recognizer: Recognizer
    bundle: Path
    catalogue: Catalogue
    origin: Place

    def say(
        self, verdict: Verdict, labels: Mapping[str, str] | None = None, name: str = "", product_id: str = ""
    ) -> None:
        """Keeps it; the sentence and the way back are drawn in its place. A refusal is kept to be shown."""
        from retail.review.corrections import Corrections

        try:
            kept = Corrections().record(
                self.product,
                self.answer,
                verdict,
                recognizer=self.recognizer,
                bundle=self.bundle,
                catalogue=self.catalogue,
                labels=labels,
                name=name,
                product_id=product_id,
                origin=self.origin,
            )
        except UserError as error:
            self.state["error"] = str(error)
            return
        self.state.clear()
        self.state["correction"] = kept

    def undo(self) -> None:
        """Takes it back."""
        from retail.review.corrections import Corrections

        Corrections().undo(self.state.pop("correction").id, self.catalogue)
        self.state["taken_back"] = True

    @property
    def state(self) -> dict:
        """What the session knows about this answer."""
        return st.session_state.setdefault(f"correct_{self.key}", {})


def draw_correct(
    key: str,
    product: Product,
    answer: Prediction,
    recognizer: Recognizer,
    bundle: Path,
    catalogue: Catalogue,
    origin: Place = "recognise",
) -> None:
    """The control under an answer; `key` tells this upload or row from all others.

    The page is drawn again after each word, so that an answer that counts the new example is asked for anew.
    """
    verdicts = Verdicts(key, product, answer, recognizer, bundle, catalogue, origin)
    state = verdicts.state
    if error := state.pop("error", ""):
        st.error(plain(error))
    if kept := state.get("correction"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(sentence(kept)), width="content")
            st.button("Undo", key=f"undo_{key}", on_click=verdicts.undo)
        return
    if state.pop("taken_back", False):
        st.caption("Taken back.")
    with st.container(horizontal=True, key=f"verdicts_{key}"):
        right = "The guess is right" if answer.unknown else "Right"
        st.button(right, key=f"right_{key}", icon=":material/check:", on_click=verdicts.say, args=("right",))
        _opener(verdicts, "It is …", "it_is")
        _opener(verdicts, "None of these: new product", "new")
    if state.get("open") == "it_is":
        st.fragment(lambda: _draw_it_is(verdicts))()
    elif state.get("open") == "new":
        draw_new(f"new_{key}", lambda name: verdicts.say("new", name=name))


def _opener(verdicts: Verdicts, label: str, name: str) -> None:
    """A button that opens what is below, and closes it again."""
    opened = verdicts.state.get("open") == name

    def turn() -> None:
        verdicts.state["open"] = "" if opened else name

    icon = ":material/expand_less:" if opened else None
    st.button(label, key=f"{name}_{verdicts.key}", on_click=turn, icon=icon)


def _draw_it_is(verdicts: Verdicts) -> None:
    """Search over classes and catalogue. One question: a click says it; of several, the answers are collected."""
    tasks = verdicts.recognizer.vocabularies
    said: dict[str, str] = verdicts.state.setdefault("said", {})

    def take(candidate: Candidate) -> None:
        if candidate.product_id:
            verdicts.say("product", product_id=candidate.product_id)
        elif len(tasks) == 1:
            verdicts.say("class", {candidate.task: candidate.title})
        else:
            said[candidate.task] = candidate.title
            return
        st.rerun()

    draw_search(verdicts.key, verdicts.answer, tasks, verdicts.catalogue, take)
    if not said:
        return
    words = ", ".join(f"{task_words(task)} is “{label}”" for task, label in said.items())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(f"So {words}."), width="content")
        if st.button("Save", key=f"save_{verdicts.key}", type="primary"):
            verdicts.say("class", dict(said))
            st.rerun()


def draw_search(
    key: str,
    answer: Prediction | None,
    tasks: Mapping[str, Vocabulary],
    catalogue: Catalogue | None,
    take: Callable[[Candidate], None],
    label: str = "What is it?",
    without: str = "",
) -> None:
    """Search as one types; `take` gets what is chosen, never the product `without`.

    Draw it in a fragment: each pause of the typist draws it again.
    """
    typed = st.text_input(
        label,
        key=f"words_{key}",
        type="search",
        live=True,
        placeholder=search_words(tasks, catalogue),
    )
    found = candidates(typed, tasks, catalogue) if typed.strip() else likely(answer, FIRST) if answer else []
    found = [one for one in found if not without or one.product_id != without]
    if typed.strip() and not found:
        st.caption("Nothing is called so. Try fewer letters, or add it as a new product.")
    if chosen := _draw_list(key, found, several=len(tasks) > 1):
        take(chosen)


def search_words(tasks: Mapping[str, Vocabulary], catalogue: Catalogue | None) -> str:
    """'Type to search 30 classes and 412 products'."""
    classes = sum(len(known) for known in tasks.values())
    products = len(catalogue) if catalogue is not None else 0
    counts = [
        number_of(n, one, many)
        for n, one, many in ((classes, "class", "classes"), (products, "product", "products"))
        if n
    ]
    return f"Type to search {' and '.join(counts)}"


def _draw_list(key: str, found: Sequence[Candidate], several: bool) -> Candidate | None:
    """A button a candidate; where there are several questions it says whose class it is."""
    chosen = None
    height: int | Literal["content"] = LIST_HEIGHT_PX if len(found) > FIRST else "content"
    with st.container(height=height, border=len(found) > FIRST, gap=None, key=f"found_{key}"):
        for candidate in found:
            hint = "in the catalogue" if candidate.product_id else task_words(candidate.task) if several else ""
            label = plain(candidate.title) + (f" · *{plain(hint)}*" if hint else "")
            place = f"take_{key}_{candidate.task}_{candidate.product_id}_{candidate.title}"
            if st.button(label, key=place, type="tertiary"):
                chosen = candidate
    return chosen


def draw_new(key: str, keep: Callable[[str], None]) -> None:
    """Asks for the name of a new product; `keep` gets it."""
    with st.form(key, border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name of the new product", max_chars=MAX_NAME_LETTERS, key=f"name_{key}")
            sent = st.form_submit_button("Save", type="primary")
    if not sent:
        return
    if not name.strip():
        st.error("A new product needs a name.")
        return
    keep(name.strip())
    st.rerun()


def sentence(kept: Correction) -> str:
    """What happened, in one sentence."""
    right = f"“{kept.name}”" if kept.name else ", ".join(f"“{label}”" for label in kept.labels.values() if label)
    match kept.verdict:
        case "right":
            said = f"Noted: {right} is right."
        case "new":
            said = f"Added: {right} is now a product of “{kept.catalogue}”."
        case _:
            said = f"Corrected: it is {right}."
    return f"{said} It counts from the next upload on, and is learned when you train again."
