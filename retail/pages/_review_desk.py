"""What one person does at the review desk: decide a row, skip it, take the last decision back.

In: a `Review`, the chosen recogniser, and who reviews. Out: corrections, and a queue that moves on.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from retail.catalogue.database import Catalogue
from retail.components.correct import sentence
from retail.pages._recogniser import Chosen
from retail.review.corrections import Corrections
from retail.review.record import Verdict
from retail.schema import Match, Prediction, UserError
from retail.workspace.reviews import Review

NOTED, FAILED = "review_noted", "review_failed"  # of the session: what was done last, or why not
NAMING = "review_naming"  # of the session: the row whose new product is being named
SAID = "review_said"  # of the session: (row, {question: class}) that were said of a row with several questions


@dataclass(frozen=True)
class Desk:
    """One reviewer's place; a session is one reviewer."""

    review: Review
    chosen: Chosen
    catalogue: Catalogue

    @property
    def reviewer(self) -> str:
        """The token of this session."""
        return st.session_state.setdefault("reviewer", secrets.token_hex(8))

    def said(self, number: int) -> dict[str, str]:
        """The questions of this row that are answered so far."""
        row, said = st.session_state.setdefault(SAID, (number, {}))
        if row != number:
            st.session_state[SAID] = (number, {})
        return st.session_state[SAID][1]

    def question(self, number: int) -> str:
        """The question of a row that is asked now; of an unknown product only the one with most classes."""
        return next(task for task in self.questions(number) if task not in self.said(number))

    def questions(self, number: int) -> list[str]:
        """All that are asked of a row."""
        wanted = self.review.open_tasks(number)
        columns = self.review.table.columns
        assert columns is not None
        row = self.review.table.rows[number]
        if any(columns.decision(row, task) == "unknown" for task in wanted):
            return [max(wanted, key=lambda task: len(self.chosen.recognizer.vocabularies[task]))]
        return wanted

    def pick(self, number: int, answer: Prediction, task: str, label: str) -> None:
        """Says the class of one question; the row is decided with the last."""
        product = self._product_called(answer, task, label)
        if product is not None:  # it settles every question
            verdict: Verdict = "right" if answer.recognised == product else "product"
            self.decide(number, answer, verdict, product_id=product.id)
            return
        said = self.said(number)
        said[task] = label
        if any(other not in said for other in self.questions(number)):
            return
        same = all(answer.best(one)[0] == label for one, label in said.items() if one in answer.probs)
        self.decide(number, answer, "right" if same else "class", labels=dict(said))

    def _product_called(self, answer: Prediction, task: str, label: str) -> Match | None:
        """The product of the catalogue that answers so, where the label is no class that the recogniser learned."""
        if self.chosen.recognizer.vocabularies[task].index(label) >= 0:
            return None
        return next((match for match in answer.matches if match.name == label), None)

    def decide(
        self,
        number: int,
        answer: Prediction,
        verdict: Verdict,
        labels: Mapping[str, str] | None = None,
        name: str = "",
        product_id: str = "",
    ) -> None:
        """Keeps what was said and closes the row; from a callback, so that the next row is drawn."""
        kept = None
        try:
            kept = Corrections().record(
                self.review.products[number],
                answer,
                verdict,
                recognizer=self.chosen.recognizer,
                bundle=self.chosen.folder,
                catalogue=self.catalogue,
                labels=labels,
                name=name,
                product_id=product_id,
                origin="review",
            )
            self.review.queue.decide(self.reviewer, number, kept.id)
        except UserError as error:
            if kept is not None:  # somebody else had decided it
                Corrections().undo(kept.id, self.catalogue)
            st.session_state[FAILED] = str(error)
            return
        self._leave(f"{self.review.places[number].capitalize()}: {sentence(kept)}")

    def skip(self, number: int) -> None:
        """Puts the row at the end."""
        try:
            self.review.queue.skip(self.reviewer, number)
        except UserError as error:
            st.session_state[FAILED] = str(error)
            return
        self._leave("Skipped; it comes again at the end.")

    def undo(self) -> None:
        """Opens the row that was decided last."""
        undone = self.review.queue.undo(self.reviewer)
        if undone is None:
            st.session_state[FAILED] = "There is nothing to undo: you have not decided any row yet."
            return
        Corrections().undo(undone.correction, self.catalogue)
        self._leave("Taken back.")

    def name_it(self, number: int) -> None:
        """Asks for the name of a new product, or stops asking."""
        asked = st.session_state.get(NAMING) == number
        st.session_state[NAMING] = None if asked else number

    def _leave(self, said: str) -> None:
        st.session_state[NOTED] = said
        st.session_state.pop(NAMING, None)
        st.session_state.pop(SAID, None)
