"""A language model with its cache in one file: greedy decoding in LiteRT, with and without the cache.

python -m examples.llm
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter

import liteport
from examples.llm.model import VOCABULARY, language_model
from examples.support.command import liteport as command
from examples.support.command import output_folder, say
from examples.support.weights import seeded

PREFILL, CACHE, NEW = 64, 256, 48


class Decoder:
    """What a program needs around the file: the cache is handed from call to call."""

    def __init__(self, path: Path) -> None:
        self.file = Interpreter(str(path), num_threads=1)
        self.prefill = self.file.get_signature_runner("prefill")
        self.decode = self.file.get_signature_runner("decode")

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        """The prompt and `count` tokens more."""
        details = self.decode.get_input_details()
        cache = {n: np.zeros(d["shape"], d["dtype"]) for n, d in details.items() if n not in ("tokens", "position")}
        filled = np.zeros((1, PREFILL), np.int32)
        filled[0, : len(prompt)] = prompt
        cache = self.prefill(tokens=filled, position=np.array(0, np.int32), **cache)
        tokens = list(prompt)
        for _ in range(count):
            place = np.array(len(tokens) - 1, np.int32)
            cache = self.decode(tokens=np.array([tokens[-1:]], np.int32), position=place, **cache)
            tokens.append(int(cache.pop("logits").argmax()))
        return tokens


def greedy_without_cache(path: Path, prompt: list[int], count: int) -> list[int]:
    """The same from a file that is run on all tokens for every new one."""
    file = Interpreter(str(path), num_threads=1).get_signature_runner()
    tokens = list(prompt)
    for _ in range(count):
        filled = np.zeros((1, CACHE), np.int64)
        filled[0, : len(tokens)] = tokens
        tokens.append(int(file(input_ids=filled)["logits"][0, len(tokens) - 1].argmax()))
    return tokens


def timed(what: str, decode: Any, *arguments: Any) -> list[int]:
    """The tokens, and on the screen how many of them were made in a second."""
    start = time.perf_counter()
    tokens: list[int] = decode(*arguments)
    print(f"{what:22} {NEW / (time.perf_counter() - start):8.1f} tokens per second")
    return tokens


def main() -> None:
    out = output_folder("llm")
    torch.set_num_threads(1)
    network: Any = seeded(language_model)
    prompt = torch.randint(VOCABULARY, (1, 16), generator=torch.Generator().manual_seed(1))

    say("prefill() and decode() around the cache; the file is verified on random tokens and a random cache.")
    model = liteport.convert(liteport.decoder(network, prefill=PREFILL, cache=CACHE))
    print(model.save(out / "llm.tflite", verify=2).verification)

    say("The embedding table, which is the last layer's weights as well, is stored once:")
    command("inspect", out / "llm.tflite")

    say("The same network without a cache, to compare:")
    liteport.convert(network, torch.arange(CACHE)[None]).save(out / "llm_no_cache.tflite")

    def generate() -> list[int]:
        mask = torch.ones_like(prompt)
        settings = {"max_new_tokens": NEW, "do_sample": False, "pad_token_id": 0}
        return network.generate(prompt, attention_mask=mask, **settings)[0].tolist()

    tokens = prompt[0].tolist()
    theirs = timed("PyTorch, with cache", generate)
    ours = timed("LiteRT, with cache", Decoder(out / "llm.tflite").greedy, tokens, NEW)
    slow = timed("LiteRT, without cache", greedy_without_cache, out / "llm_no_cache.tflite", tokens, NEW)
    if not theirs == ours == slow:
        raise SystemExit("the tokens differ")
    print(f"the same {NEW} tokens from all three: {' '.join(map(str, theirs[-NEW:][:12]))} ...")


if __name__ == "__main__":
    main()
