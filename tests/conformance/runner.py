"""op_db in parallel processes, any of which may crash or hang on a sample without taking the rest along."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.connection import Connection, wait

from liteport.check.litert import evaluate
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.passes.pipeline import optimise
from tests.conformance.results import Tally
from tests.conformance.samples import MOST_SAMPLES, OPERATORS, Outcome, Status, count, run, samples
from tests.harness import SIGNATURE

SECONDS = 60.0  # that one result may take

# Workers are forks: PyTorch is imported once, and a new one is there at once.
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Task:
    """The samples of one operator and type."""

    operator: str
    dtype: str
    most: int = MOST_SAMPLES


@dataclass
class _Job:
    """A task under way: how many samples are done, and with what result."""

    task: Task
    done: int = 0
    tally: Tally = field(default_factory=Tally)

    def add(self, outcome: Outcome) -> None:
        self.tally.add(self.done, outcome)
        self.done += 1


class _Worker:
    """A process that runs one job after another."""

    def __init__(self) -> None:
        self.job: _Job | None = None
        self._start()

    def _start(self) -> None:
        self.pipe, there = _FORK.Pipe()
        self.process = _FORK.Process(target=_work, args=(there, self.pipe), daemon=True)
        self.process.start()
        there.close()

    def give(self, job: _Job) -> None:
        self.job, self.deadline = job, time.monotonic() + SECONDS
        self.pipe.send(job)

    def take(self, ready: bool) -> _Job | None:
        """Takes what there is; the job, if that ends it."""
        job = self.job
        if job is None:
            return None
        if not ready:
            if time.monotonic() > self.deadline:
                self.process.kill()
                self._again(job, f"no result after {SECONDS:.0f} seconds")
            return None
        try:
            outcome = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            self._again(job, f"the process ended with code {self.process.exitcode}")
            return None
        if isinstance(outcome, int):
            job.tally.there = outcome
            self.job = None
            return job
        job.add(outcome)
        self.deadline = time.monotonic() + SECONDS
        return None

    def _again(self, job: _Job, reason: str) -> None:
        self.process.join()
        self.pipe.close()
        job.add(Outcome(Status.FAILED, reason))
        self._start()
        self.give(job)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def run_all(tasks: Sequence[Task], jobs: int = 2) -> Iterator[tuple[Task, Tally]]:
    """Runs the tasks in `jobs` processes; each with its tally as soon as it is done."""
    _warm_up()
    waiting = [_Job(task) for task in reversed(tasks)]
    workers = [_Worker() for _ in range(min(jobs, len(tasks)))]
    try:
        while waiting or any(worker.job for worker in workers):
            for worker in workers:
                if worker.job is None and waiting:
                    worker.give(waiting.pop())
            ready = wait([worker.pipe for worker in workers], timeout=1.0)
            ended = [worker.take(worker.pipe in ready) for worker in workers]
            yield from ((job.task, job.tally) for job in ended if job)
    finally:
        for worker in workers:
            worker.stop()


def _warm_up() -> None:
    """A first conversion, which imports what every worker would have to; LiteRT itself is left to them."""
    module, tensors = next(samples(OPERATORS["add"], "float32"))
    optimise(TorchModel({SIGNATURE: Entry(module, tensors)}).to_ir(), evaluate)


def _work(pipe: Connection, parents: Connection) -> None:
    """The process: for each job, an Outcome for each sample from where it stands, then how many there are."""
    parents.close()
    while True:
        job: _Job = pipe.recv()
        task = job.task
        for sample in islice(samples(OPERATORS[task.operator], task.dtype, task.most), job.done, None):
            pipe.send(run(*sample))
        pipe.send(count(OPERATORS[task.operator], task.dtype))
