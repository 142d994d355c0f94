"""`alexvgg predict`: what a trained network says of images."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from alexvgg.cli import given_images, trained
from alexvgg.cli.trained import BATCH, Trained
from alexvgg.params import file
from alexvgg.params.schema import Params
from alexvgg.pipeline import layout
from alexvgg.system.errors import DataError, ParamsError
from alexvgg.system.lines import line

TOP = 5
DIGITS = 6  # as in answers.csv


@dataclass(frozen=True)
class Answer:
    """The likeliest classes of an image, and their probabilities."""

    name: str
    classes: list[tuple[str, float]]

    def table(self, width: int) -> str:
        """For a terminal, with names in a column of that width."""
        first = [line(self.name)] + [""] * (len(self.classes) - 1)
        rows = zip(first, self.classes, strict=True)
        return "\n".join(f"{shown:<{width}}  {share:>11.4f}  {name}" for shown, (name, share) in rows)

    def json(self) -> dict[str, object]:
        return {"file": self.name, "classes": [{"class": name, "probability": share} for name, share in self.classes]}


class Images:
    """The images that were named. Those that cannot be read are counted, and said on standard error."""

    def __init__(self, names: list[str], here: Path) -> None:
        self._here, self._errors = here, list[DataError]()
        typed = [each for name in names for each in self._unless_wrong(given_images.typed, name)]
        self.names = [each for name in typed for each in self._unless_wrong(given_images.inside, name, here)]
        self._count = len(self.names) + len(self._errors)
        for error in self._errors:
            self._say(error)

    def _unless_wrong(self, function: Callable[..., list[str]], *arguments: object) -> list[str]:
        try:
            return function(*arguments)
        except DataError as error:
            self._errors.append(error)
            return []

    def _say(self, error: DataError) -> None:
        if self._count > 1:
            print(f"error: {error}", file=sys.stderr, flush=True)

    def read(self, side: int) -> Iterator[tuple[str, np.ndarray]]:
        """Each that can be read, uint8 (side, side, 3), by its name."""
        for name in self.names:
            try:
                yield name, given_images.read(name, self._here, side)
            except DataError as error:
                self._errors.append(error)
                self._say(error)

    def raise_if_wrong(self) -> None:
        """Raises DataError if there is one that could not be read."""
        if self._count == 1 and self._errors:
            raise self._errors[0]
        if self._errors:
            what = f"{len(self._errors)} of {self._count} images have no answer"
            raise DataError(f"{what}; the lines that begin with `error:` above say why")


def predict(images: list[str], here: Path, model: str | None, seed: int | None, as_json: bool) -> None:
    """Print the likeliest classes of each image. Raises DataError, at the end, if some could not be read."""
    params, given = file.load(layout.PARAMS), Images(images, here)
    if not given.names:
        given.raise_if_wrong()
    with _network(params, model, seed) as network:
        answers = _answers(network, given)
        _print_json(network, answers) if as_json else _print_table(network, answers, given.names)
    given.raise_if_wrong()


def _network(params: Params, model: str | None, seed: int | None) -> AbstractContextManager[Trained]:
    if model is None and seed is not None:
        raise ParamsError(f"--seed {seed} is of a model; name it, too: --model NAME")
    if model is None:
        return trained.best_of(params.profile)
    return nullcontext(trained.of_roster(params, model, seed))


def _answers(network: Trained, given: Images) -> Iterator[Answer]:
    """The network is started when there is an image."""
    ask, waiting = None, list[tuple[str, np.ndarray]]()
    readable = given.read(network.description.side)
    while waiting := list(islice(readable, BATCH)):
        ask = ask or network.start()
        for (name, _), shares in zip(waiting, ask(np.stack([image for _, image in waiting])), strict=True):
            best = np.argsort(-shares, kind="stable")[:TOP]
            yield Answer(name, [(network.description.classes[i], round(float(shares[i]), DIGITS)) for i in best])


def _print_table(network: Trained, answers: Iterator[Answer], names: list[str]) -> None:
    width = max([len(line(name)) for name in names], default=0)
    for number, answer in enumerate(answers):
        if number == 0:
            print(f"{network.title}\n\n{'file':<{width}}  probability  class")
        print(answer.table(width), flush=True)


def _print_json(network: Trained, answers: Iterator[Answer]) -> None:
    if images := [answer.json() for answer in answers]:
        print(json.dumps({"network": network.title, "images": images}, indent=2))
