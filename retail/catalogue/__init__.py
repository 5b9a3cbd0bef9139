"""Known products: kept in an embedded database, found by words and by likeness, and answering beside the classifier.

`database` holds the products, `record` says what one is; `shelf` is a catalogue as one recogniser sees it.
"""
