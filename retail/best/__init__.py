"""Makes a recogniser without questions: tries the sensible methods within a time, keeps the best on validation.

In: a data set and minutes. Out: a `Recognizer`, and a `BestReport` of what was tried, how long and with what result.
"""
