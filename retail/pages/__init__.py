"""One file a page: read, call one function, draw. The router finds them here."""
