"""The peer of `benchmarks.serving`: LitServe around the same recogniser, as its documentation would have it.

In: a bundle, a port, and how many requests may be joined. Out: a server that answers `/recognise` as ours does.
"""

from __future__ import annotations

import sys

import litserve

from retail.recognizer import Recognizer
from retail.schema import Prediction, Product

BATCH_TIMEOUT = 0.005  # seconds that LitServe waits for more


class Api(litserve.LitAPI):
    """One product a request."""

    def __init__(self, bundle: str, **options) -> None:
        super().__init__(**options)
        self.bundle = bundle

    def setup(self, device) -> None:
        """In LitServe's own process for the model."""
        self.recognizer = Recognizer.load(self.bundle)
        self.recognizer.predict(text="a product")

    def decode_request(self, request) -> Product:
        """The form as it came."""
        photos = tuple(photo.file.read() for photo in request.getlist("image"))
        return Product("product", photos, request.get("text", ""))

    def predict(self, product):
        """One product, or the list of them that LitServe joined."""
        if isinstance(product, Product):
            return self.recognizer.predict(product)
        return self.recognizer.predict_many(product)

    def encode_response(self, output: Prediction) -> dict:
        """The whole prediction."""
        return output.to_dict()


def main(bundle: str, port: int, together: int) -> None:
    """Until it is ended."""
    joined = {"max_batch_size": together, "batch_timeout": BATCH_TIMEOUT} if together > 1 else {}
    api = Api(bundle, api_path="/recognise", **joined)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=together > 1)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
