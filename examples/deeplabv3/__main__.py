"""A script alone, whose factory loads its own weights; the output keeps the name that the network gives it.

python -m examples.deeplabv3
"""

from __future__ import annotations

from examples.support.command import liteport, output_folder, say


def main() -> None:
    out = output_folder("deeplabv3")
    converted = out / "deeplabv3.tflite"
    say("The source is a script and a factory in it.")
    liteport("convert", "examples/deeplabv3/model.py:deeplabv3", "--input", "1,3,256,256", "-o", converted)

    say("What is in the file:")
    liteport("inspect", converted)


if __name__ == "__main__":
    main()
