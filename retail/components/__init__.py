"""Parts that several pages of the dashboard share.

In: what a page knows. Out: elements on the page.
"""
