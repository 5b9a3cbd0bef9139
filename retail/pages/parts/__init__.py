"""What pages are made of where one page needs more than a file, or two pages the same."""
