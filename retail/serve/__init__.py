"""A recogniser behind HTTP, for other people's programs: recognise, a catalogue, health and metrics.

In: a bundle and `ServeSettings`. Out: `server.serve`, or `app.create_app` for a server of one's own. FastAPI is an
extra and appears in this room alone; PyTorch is imported by the thread that uses it.
"""
