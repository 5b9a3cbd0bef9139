"""One product on the command line: its inputs in, the answer as JSON out."""

import argparse
import json

from . import Exported

parser = argparse.ArgumentParser(prog="retail_onnx", description="Recognise one product with an exported recogniser.")
parser.add_argument("folder", help="what `retail export --onnx` wrote")
parser.add_argument("--image", action="append", default=[], help="a photo; repeat it for more")
parser.add_argument("--text", default="", help="the description")
parser.add_argument("--audio", help="a WAV file")
given = parser.parse_args()
print(json.dumps(Exported(given.folder).recognise(given.image, given.text, given.audio), indent=1, ensure_ascii=False))
