"""Parts that several pages of the dashboard share.

In: what a page has at hand. Out: elements on the page.
"""
