"""What people say about answers: corrections, the queue of answers that need a person, the next version of a data set.

In: predictions and what somebody said about them. Out: labelled examples, kept, counted and learned from.
"""
