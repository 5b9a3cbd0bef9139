"""The result of Recognise: a card per task, what each input added, and the same upload through other strategies."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from retail import charts
from retail.components.words import figure, plain
from retail.config.wish import DEFAULT_WISH
from retail.evaluation.attribution import attribution_of
from retail.files import home
from retail.pages._inputs import current_product
from retail.pages._recogniser import Chosen, all_recognisers, draw_link, load_from, strategy_title, words
from retail.recognizer import Recognizer, embed_once
from retail.report.findings import listed
from retail.schema import MODALITIES, Decision, Modality, Note, Prediction, Product, UserError
from retail.store import EmbeddingBatch
from retail.workspace import demo
from retail.workspace.background import Background
from retail.workspace.recognizers import of_demo

DECISION_WORDS: dict[Decision, str] = {"accept": "sure enough", "review": "have a look", "unknown": "unknown"}
MOST_OTHERS = 4  # classes that a sentence names beside the answer
# Class names with more letters than this get a card of full width.
WIDE = 24
IMAGE_FIRST: tuple[Modality, ...] = ("image", "text", "audio")
# Embeddings of inputs that a session remembers: a few products through a few encoders.
REMEMBERED = 64

Answers = dict[tuple[Modality, ...], Prediction]


@dataclass(frozen=True)
class Asked:
    """An upload that was answered: its embeddings, the inputs that are switched on, the answer for each mix."""

    product: Product
    batch: EmbeddingBatch
    used: tuple[Modality, ...]
    answers: Answers
    headline: DeltaGenerator  # place above the cards, for what is none of the classes
    notices: DeltaGenerator  # place below it for what the known products say about the answer


def embedded(product: Product, recognizer: Recognizer) -> tuple[EmbeddingBatch, list[Note]]:
    """Embeddings of the upload; what this session encoded before is not encoded again."""
    memory = st.session_state.setdefault("memory", {})
    if len(memory) > REMEMBERED:
        memory.clear()
    encoders = {modality: recognizer.encoders[modality] for modality in recognizer.modalities}
    return embed_once(product, encoders, memory)


def draw_switches(given: tuple[Modality, ...]) -> tuple[Modality, ...]:
    """One switch per input that can be used; returns those left on."""
    on = []
    with st.container(horizontal=True, gap="large"):
        for modality in given:
            st.session_state.setdefault(f"use_{modality}", True)
            if st.toggle(charts.WORDS[modality].capitalize(), key=f"use_{modality}"):
                on.append(modality)
    return tuple(modality for modality in MODALITIES if modality in on)


def draw_card(task: str, answer: Prediction, recognizer: Recognizer) -> None:
    """The best class, how sure and what that is worth, and the five likeliest with all others."""
    best, prob = answer.best(task)
    top, other = answer.top(task)
    classes = len(recognizer.vocabularies[task])
    with st.container(border=True):
        st.subheader(plain(words(task).capitalize()), anchor=False)
        if answer.unknown:  # what it would say if it had to is not the headline
            st.caption(f"A guess: {plain(best)} · {prob:.0%}")
        else:
            st.markdown(f"**{plain(best)}** · {prob:.0%} · *{DECISION_WORDS[answer.answers[task].decision]}*")
        if said := worth(task, answer, recognizer):
            st.caption(plain(said))
        truth = st.session_state.truth.get(task) if st.session_state.example else None
        if truth is not None and truth in answer.probs[task]:  # else it means something else by a task of this name
            st.caption(f"The example's label is {plain(truth)}: {'right' if truth == best else 'wrong'}.")
        figure(charts.answer_bars(top, other, classes, task))


def worth(task: str, answer: Prediction, recognizer: Recognizer) -> str:
    """How often such answers were right before, which other classes it may be, and what a promise would take."""
    own, promises = answer.answers[task], recognizer.certainty.promises
    if own.decision == "unknown":
        return ""
    said = []
    if own.like_this is not None:
        n, right = own.like_this
        alone = " alone" if len(answer.used) == 1 else ""
        given = charts.inputs_words(answer.used)
        said.append(f"With the {given}{alone}, answers this sure were right {right:,} of {n:,} times on validation.")
    if own.decision == "review":
        others = own.candidates[1:]
        if 0 < len(others) <= MOST_OTHERS:
            said.append(f"It may also be {listed(others)}.")
        if needed := promises.rows_needed(task, answer.used, DEFAULT_WISH):
            said.append(f"To promise {DEFAULT_WISH:.0%} it would take about {needed:,} validation products.")
    return " ".join(said)


def unknown_sentence(recognizer: Recognizer) -> str:
    """'Not one of the 24 known products', in the words of the question that tells most classes apart."""
    task, classes = max(recognizer.vocabularies.items(), key=lambda pair: len(pair[1]))
    if words(task) == "product":
        return f"Not one of the {len(classes)} known products"
    return f"Not a known product: unlike all {len(classes)} classes of {words(task)}"


def draw_unknown(recognizer: Recognizer) -> None:
    """The headline for an upload that is unlike all that the recogniser has learned."""
    st.subheader(plain(unknown_sentence(recognizer)), anchor=False)
    st.caption(
        "It is less like them than 95 % of the validation products are with these inputs. What stands below are "
        "guesses among the classes that it knows. Add it to the known products further down, or train on more data."
    )


def draw_cards(answer: Prediction, recognizer: Recognizer) -> None:
    """One card per task: side by side where the class names are short enough to fit beside their bars."""
    tasks = list(answer.probs)
    wide = [task for task in tasks if max(map(len, recognizer.vocabularies[task].classes)) > WIDE]
    for task in wide:
        draw_card(task, answer, recognizer)
    columns = st.columns(2)
    for place, task in enumerate(task for task in tasks if task not in wide):
        with columns[place % 2]:
            draw_card(task, answer, recognizer)


def without_sentences(answers: Answers, used: tuple[Modality, ...]) -> list[str]:
    """What would change if one input were missing."""
    sentences = []
    for modality in IMAGE_FIRST:
        rest = tuple(m for m in used if m != modality)
        if modality not in used or not rest:
            continue
        changed = [
            f"{words(task)} would be “{answers[rest].best(task)[0]}” ({answers[rest].best(task)[1]:.0%})"
            for task in answers[used].probs
            if answers[rest].best(task)[0] != answers[used].best(task)[0]
        ]
        if changed:
            sentences.append(f"Without the {charts.WORDS[modality]}: {'; '.join(changed)}.")
    return sentences or ["With any one of these inputs left out, every answer stays the same."]


def draw_why(answers: Answers, used: tuple[Modality, ...]) -> None:
    """What each input added to the answer of one task, and what would change without it."""
    if len(used) < 2:
        return
    st.subheader("Why: what each input added", anchor=False)
    tasks = list(answers[used].probs)
    task = tasks[0]
    if len(tasks) > 1:
        task = st.segmented_control("Task", tasks, default=task, required=True, format_func=_option, key="why_task")
    own = {subset: answer for subset, answer in answers.items() if set(subset) <= set(used)}
    attribution = attribution_of(own, task if task in tasks else tasks[0])
    st.markdown(plain(attribution.sentence))
    figure(charts.attribution_bars(attribution))
    st.caption(
        f"Percentage points, starting from {attribution.base:.0%} with no input "
        "(exact Shapley values over all mixes of the inputs)."
    )
    for sentence in without_sentences(answers, used):
        st.markdown(f"- {plain(sentence)}")


def _option(task: str) -> str:
    return plain(words(task))


def draw_subsets(answers: Answers) -> None:
    """The answer of the one model for every subset of the given inputs."""
    rows = [{"given": charts.inputs_words(subset)} | cells(answer) for subset, answer in reversed(answers.items())]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", alt="The answer for every mix of the inputs")


def cells(answer: Prediction) -> dict[str, str]:
    """Best class and probability per task."""
    return {words(task): f"{answer.best(task)[0]} ({answer.best(task)[1]:.0%})" for task in answer.probs}


def draw(chosen: Chosen) -> Asked | None:
    """The result's column: an empty state, or cards for the inputs that are switched on."""
    product = current_product()
    if not product.modalities:
        st.info("Any one input is enough: add a photo, type a description, or add a sound. Or try an example.")
        return None
    try:
        with st.spinner("Looking, reading, listening …"):
            batch, notes = embedded(product, chosen.recognizer)
            answers = chosen.recognizer.answer_subsets(product, batch, notes)
    except UserError as error:
        st.error(plain(str(error)))
        return None
    whole = list(answers.values())[-1]
    for note in whole.notes:
        st.warning(plain(note))
    ignored = [m for m in product.modalities if m not in chosen.recognizer.modalities]
    if ignored:
        st.caption(f"This recogniser does not use the {charts.inputs_words(ignored)}.")
    used = draw_switches(tuple(m for m in IMAGE_FIRST if m in whole.used))
    if not used:
        st.info("All inputs are switched off. Any one input is enough: switch one on.")
        return None
    st.caption(f"Used: {charts.inputs_words(used)}.")
    headline, notices = st.empty(), st.container()
    if answers[used].unknown:
        with headline.container():
            draw_unknown(chosen.recognizer)
    draw_cards(answers[used], chosen.recognizer)
    draw_link(chosen, used)
    draw_why(answers, used)
    if len(answers) > 1:
        with st.expander("The answer for every mix of these inputs"):
            draw_subsets(answers)
    return Asked(product, batch, used, answers, headline, notices)


def rivals(chosen: Chosen) -> list[tuple[str, Recognizer]]:
    """Other recognisers that answer at least one of the same questions, and what their rows are called."""
    found = []
    for title, folder in all_recognisers(str(home())).items():
        if folder == chosen.folder:
            continue
        try:
            other = load_from(folder)
        except (UserError, KeyError, RuntimeError, ValueError):
            continue
        if any(other.vocabularies.get(task) == own for task, own in chosen.recognizer.vocabularies.items()):
            found.append((strategy_title(other.strategy) if of_demo(folder) else title, other))
    return found


@st.cache_resource(show_spinner=False)
def demo_training(home_folder: str) -> Background:
    """Trains the demo's other strategies, once for all sessions."""
    return Background(demo.train_demo_strategies)


@st.fragment(run_every=1)
def draw_training(work: Background) -> None:
    """How far the training is; the page is drawn again when it ends."""
    if work.running:
        st.progress(work.share, f"{work.stage} ({work.done} of {work.total})" if work.total else "Starting")
        return
    demo_training.clear()
    all_recognisers.clear()
    st.session_state.update(training_demo=False, training_error=work.error)
    st.rerun()


def answer_of(recognizer: Recognizer, product: Product, used: tuple[Modality, ...]) -> Prediction | None:
    """Its answer from these inputs; None where it cannot use them, such as a clip in which it hears no words."""
    try:
        return recognizer.answer_subsets(product, *embedded(product, recognizer)).get(used)
    except UserError:
        return None


def draw_strategies(chosen: Chosen, asked: Asked) -> None:
    """One row a strategy: the same upload, the same switches; each encoder was asked once."""
    st.subheader("The same upload through other fusion strategies", anchor=False)
    rows = [{"strategy": f"{strategy_title(chosen.recognizer.strategy)} (chosen)"} | cells(asked.answers[asked.used])]
    for title, other in rivals(chosen):
        used = tuple(m for m in asked.used if m in other.modalities)
        answer = answer_of(other, asked.product, used)
        own = {task: v for task, v in chosen.recognizer.vocabularies.items() if other.vocabularies.get(task) == v}
        shown = cells(answer) if answer else {}
        rows.append({"strategy": title} | {words(task): shown.get(words(task), "–") for task in own})
    if len(rows) > 1:
        st.caption(f"Used: {charts.inputs_words(asked.used)}, as switched on above. All share the same embeddings.")
        frame = pd.DataFrame(rows).fillna("–")
        st.dataframe(frame, hide_index=True, width="stretch", alt="Answers of every strategy to this upload")
    else:
        st.caption("There is no other recogniser for these questions yet.")
    if not of_demo(chosen.folder) or not demo.missing_demo_strategies():
        return
    if st.session_state.get("training_demo"):
        draw_training(demo_training(str(home())))
        return
    if error := st.session_state.get("training_error"):
        st.error(f"The strategies could not be trained. {error}")
    if st.button("Train the other strategies on the demo data (about 40 s)"):
        st.session_state.training_demo = True
        st.rerun()
