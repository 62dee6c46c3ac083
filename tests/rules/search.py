"""An exhaustive search: every state that a model can come to, each by a shortest way.

A model says where it starts, which steps lead on from a state, what is wrong with a state, and
whether a state may be the last. Steps are calm, or they are faults: what nobody hopes for, and
what the bounds of the model ration. Wrong is, beside what the model itself calls wrong,

- a state that only faults lead on from, and that may not be the last: somebody waits for ever;
- calm steps that lead in a circle: everybody is busy for ever.

So if nothing is found, then from every state, as soon as the faults end, every order of the steps
leads to an end as it should be. (States are hashed, equal ones are one. Nothing is sampled.)
"""

from collections import deque
from collections.abc import Hashable, Iterable
from typing import NamedTuple, Protocol

STUCK = "it waits for ever"
CIRCLES = "it goes round in circles"


class Step(NamedTuple):
    name: str
    state: Hashable
    is_calm: bool = True


class Model(Protocol):
    start: Hashable

    def steps(self, state) -> Iterable[Step]: ...

    def wrong(self, state) -> str:
        """What is wrong with this state, in words; empty if nothing is."""

    def may_be_last(self, state) -> bool: ...


class Search:
    """All of a model. `flaws`: to each kind of flaw, the names of the steps of a shortest way."""

    def __init__(self, model: Model) -> None:
        self.flaws: dict[str, list[str]] = {}
        self.states = {model.start: 0}  # in the order in which they were found, numbered
        self._came_by: list[tuple[int, str]] = [(0, "")]
        self._calm: list[list[int]] = []  # from each state, where the calm steps lead
        waiting = deque([model.start])
        while waiting:
            waiting.extend(self._look_at(model, waiting.popleft()))
        self._look_for_circles()

    def _look_at(self, model: Model, state: Hashable) -> list[Hashable]:
        """What is new behind this state. What comes of a flaw is of no interest."""
        here, calm, new = len(self._calm), [], []
        self._calm.append(calm)
        if wrong := model.wrong(state):
            self._note(wrong, here)
            return new
        for name, after, is_calm in model.steps(state):
            number = self.states.setdefault(after, len(self.states))
            if number == len(self._came_by):
                self._came_by.append((here, name))
                new.append(after)
            if is_calm:
                calm.append(number)
        if not calm and not model.may_be_last(state):
            self._note(STUCK, here)
        return new

    def _look_for_circles(self) -> None:
        """Take away what no calm step leads to, again and again: circles remain."""
        leading_to = [0] * len(self._calm)
        for number in (each for calm in self._calm for each in calm):
            leading_to[number] += 1
        free = [number for number, count in enumerate(leading_to) if not count]
        for number in free:
            for after in self._calm[number]:
                leading_to[after] -= 1
                if not leading_to[after]:
                    free.append(after)
        if len(free) < len(leading_to):
            self._note(CIRCLES, next(each for each, count in enumerate(leading_to) if count))

    def _note(self, flaw: str, number: int) -> None:
        if flaw not in self.flaws:
            self.flaws[flaw] = self._way_to(number)

    def _way_to(self, number: int) -> list[str]:
        names = []
        while number:
            number, name = self._came_by[number]
            names.append(name)
        return names[::-1]

    def __str__(self) -> str:
        told = [f"{len(self.states):,} states"]
        for flaw, way in self.flaws.items():
            told += ["", f"{flaw}:"] + [f"{place:3}. {name}" for place, name in enumerate(way, 1)]
        return "\n".join(told)
