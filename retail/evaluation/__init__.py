"""One recogniser judged: its scores, its robustness, what each input adds, how far its answers agree.

In: a `Recognizer` or a head, and labelled rows. Out: JSON-ready rows.
"""
