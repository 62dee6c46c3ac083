"""Runs the double until SIGTERM: `python -m tests.double --port 9999 --rate 50 --deltas 400`."""

import argparse
import signal
from itertools import cycle, islice

from . import ENDING, ProviderDouble, Text
from .steps import words

STOP = {signal.SIGTERM, signal.SIGINT}
TEXT = "The quick brown fox jumps over the lazy dog, and then does so again."


def main() -> None:
    options = _parse()
    pieces = list(islice(cycle(words(options.text + " ")), options.deltas))
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)  # before the thread, which inherits it
    with ProviderDouble(port=options.port) as double:
        double.script(Text(pieces=pieces, every=1 / options.rate), *ENDING)
        print(double.base_url, flush=True)
        signal.sigwait(STOP)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser("tests.double")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=float, default=50, help="deltas a second")
    parser.add_argument("--deltas", type=int, default=400, help="deltas an answer")
    parser.add_argument("--text", default=TEXT, help="words, one a delta, over and over")
    return parser.parse_args()


main()
