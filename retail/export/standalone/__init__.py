"""An exported recogniser without PyTorch: onnxruntime, NumPy, Pillow and tokenizers are all that it takes.

    from retail_onnx import Exported

    answer = Exported("my_onnx").recognise(image="front.jpg", text="oat drink, 1 l", audio="name.wav")
    answer["answers"]["category"]["label"]

`retail export` copies these files beside the graphs as `retail_onnx`; in that folder,
`python -m retail_onnx . --image front.jpg` prints the same.
"""

from .recognise import Exported

__all__ = ["Exported"]
