"""The zone model once more, in lists and plain words: one reading at a time, one regression a sensor."""

import math
from collections.abc import Sequence

import numpy as np

from rules.zones.options import Calls, Toward, ZoneOptions
from tests.rules.kinds.conformance import Reading


class Twin:
    """One zone with sensors numbered from 0; every reading is fresh and in the order of time."""

    def __init__(self, n: int, options: ZoneOptions, lowest: float) -> None:
        self.n, self.options, self.lowest = n, options, lowest
        self.step: int | None = None
        self.values: list[list[float]] = [[] for _ in range(n)]
        self.last = [math.nan] * n
        self.last_s = [-math.inf] * n
        self.origin = [math.nan] * n
        self.rows: list[list[float]] = []
        self.fitted: tuple | None = None
        self.fitted_at = 0
        self.up, self.down = [0.0] * n, [0.0] * n
        self.shared_up, self.shared_down, self.alone = [0.0] * n, [0.0] * n, [0.0] * n
        self.shift, self.drift = [0.0] * n, [[] for _ in range(n)]
        self.known: list[float | None] = [None] * n
        self.runs = False
        self.event_rows = 0
        self.callers = set()
        self.leader = None
        self.high, self.low = [0.0] * n, [0.0] * n

    def read(self, reading: Reading) -> tuple[float | None, int, float, float]:
        """Return the sum of the reading's sensor, None while unknown, how many others depart, its danger, and alone."""
        sensor, time_s, value, _ = reading
        step = int(time_s // self.options.step_s)
        if self.step is not None and step > self.step:
            self._close()
        self.step = step if self.step is None else max(self.step, step)
        self.values[sensor].append(value)
        self.last_s[sensor] = time_s
        return self.known[sensor], self._confirming(sensor), self._danger(sensor), self.alone[sensor]

    def _totals(self) -> list[float]:
        return [max(up, down) for up, down in zip(self.up, self.down, strict=True)]

    def _shared(self) -> list[float]:
        return [max(up, down) for up, down in zip(self.shared_up, self.shared_down, strict=True)]

    def _confirming(self, sensor: int) -> int:
        return sum(total >= self.options.confirm_at for i, total in enumerate(self._shared()) if i != sensor)

    def _danger(self, sensor: int) -> float:
        totals = self._shared()
        if self.options.calls is Calls.LEADER:
            return max(totals) if sensor in self.callers else 0.0
        is_confirmed = self._confirming(sensor) >= self.options.confirmed_by
        return totals[sensor] if is_confirmed and self._is_meant(sensor) else 0.0

    def _is_meant(self, sensor: int) -> bool:
        toward = Toward.HIGH if self.high[sensor] >= self.low[sensor] else Toward.LOW
        return self.options.toward in {Toward.BOTH, toward}

    def _close(self) -> None:
        is_new = [bool(each) for each in self.values]
        for i, each in enumerate(self.values):
            if each:
                self.last[i] = sum(each) / len(each)
                self.origin[i] = self.last[i] if math.isnan(self.origin[i]) else self.origin[i]
        self.values = [[] for _ in range(self.n)]
        end_s = (self.step + 1) * self.options.step_s
        fresh_s = self.options.fresh_ns / 1e9
        row = [
            self.last[i] - self.shift[i] - self.origin[i] if end_s - self.last_s[i] <= fresh_s else math.nan
            for i in range(self.n)
        ]
        if self.fitted:
            self._depart(row, is_new)
        if not self.runs and all(total < self.lowest for total in self._totals()):
            self._learn(row)

    def _learn(self, row: list[float]) -> None:
        mean = self._weighted(self.rows)[0] if self.rows else np.zeros(self.n)
        self.rows.append([float(mean[i]) if math.isnan(each) else each for i, each in enumerate(row)])
        n = len(self.rows)
        warm, due = self.options.warm_up_rows, n - self.fitted_at >= self.options.refit_rows
        if n == warm or (n > warm and due):
            self.fitted, self.fitted_at = self._weighted(self.rows), n

    def _weighted(self, rows: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
        keep = 1 - 1 / self.options.memory_rows
        weight = np.array([keep ** (len(rows) - 1 - i) for i in range(len(rows))])
        table = np.array(rows)
        mean = (weight[:, None] * table).sum(axis=0) / weight.sum()
        centred = table - mean
        return mean, (centred.T * weight) @ centred / weight.sum()

    def _depart(self, row: list[float], is_new: list[bool]) -> None:
        mean, covariance = self.fitted
        sd = np.sqrt(np.diag(covariance))
        correlation, z = covariance / np.outer(sd, sd), (np.array(row) - mean) / sd
        known = [i for i in range(self.n) if not math.isnan(row[i])]
        if len(known) < 3:
            return
        first = {i: self._foretold(i, [j for j in known if j != i], correlation, z) for i in known}
        far = max(known, key=lambda i: abs(first[i][0] / first[i][1]))
        is_far = abs(first[far][0] / first[far][1]) >= self.options.alone_at
        if is_far:
            rest = [i for i in known if i != far]
            first |= {i: self._foretold(i, [j for j in rest if j != i], correlation, z) for i in rest}
        total = {i: max(self.up[i] + r / s, self.down[i] - r / s) for i, (r, s) in first.items()}
        if is_far:
            total[far] = math.inf
        ranked = sorted(known, key=lambda i: (total[i], i))
        n_calm = max(sum(each < self.options.confirm_at for each in total.values()), math.ceil(len(known) / 2))
        calm = ranked[:n_calm]
        departure = {}
        last = {i: self._foretold(i, [j for j in calm if j != i], correlation, z) for i in known}
        score = {i: residual / sigma for i, (residual, sigma) in last.items()}
        for i in known:
            if is_new[i]:
                departure[i] = last[i][0] * float(sd[i])
                others = max(abs(score[j]) for j in known if j != i)
                is_far = abs(score[i]) >= self.options.alone_at
                self._add(i, score[i], is_alone=is_far and abs(score[i]) >= self.options.alone_ratio * others)
        self._event(departure)
        for i in departure:
            self.known[i] = self._totals()[i]

    def _foretold(self, i: int, others: list[int], correlation: np.ndarray, z: np.ndarray) -> tuple[float, float]:
        """Ridge regression of one sensor on others, from the normal equations."""
        others = sorted(others)
        within = correlation[np.ix_(others, others)]
        weight = np.linalg.solve(within + self.options.ridge * np.eye(len(others)), correlation[others, i])
        variance = correlation[i, i] - 2 * weight @ correlation[others, i] + weight @ within @ weight
        return float(z[i] - weight @ z[others]), math.sqrt(max(float(variance), 1e-6))

    def _add(self, i: int, score: float, *, is_alone: bool) -> None:
        shared = 0.0 if is_alone else score
        self._sum(self.up, i, score)
        self._sum(self.down, i, -score)
        self._sum(self.shared_up, i, shared)
        self._sum(self.shared_down, i, -shared)
        self._sum(self.alone, i, abs(score) if is_alone else 0.0)
        self.high[i] = max(self.high[i] + shared - self.options.slack, 0.0)
        self.low[i] = max(self.low[i] - shared - self.options.slack, 0.0)

    def _sum(self, total: list[float], i: int, departs: float) -> None:
        total[i] = min(max(total[i] + departs - self.options.slack, 0.0), 1.5 * self.lowest)

    def _event(self, departure: dict[int, float]) -> None:
        """Begin, go on with or end the event of the zone, and let lasting changes become usual."""
        totals, shared, was = self._totals(), self._shared(), self.runs
        led_by_one = self.options.calls is Calls.LEADER
        if self.runs and max(shared) < self.lowest / 2:
            self._over()
        elif led_by_one and (self.runs or self._begins(shared)):
            self.runs, self.event_rows = True, self.event_rows + 1
            self._lead(shared)
        if self.runs and not was:
            self.drift = [[] for _ in range(self.n)]
        for i in range(self.n):
            if not self.runs and totals[i] < self.lowest:
                self.drift[i] = []
            elif i in departure:
                self.drift[i].append(departure[i])
        rows = self.options.rebaseline_s / self.options.step_s
        if self.runs and self.event_rows >= rows:
            self._usual(range(self.n))
            self._over()
        elif not self.runs:
            self._usual([i for i in range(self.n) if len(self.drift[i]) >= rows])

    def _begins(self, totals: list[float]) -> bool:
        reach = [i for i in range(self.n) if totals[i] >= self.lowest]
        return any(self._confirming(i) >= self.options.confirmed_by for i in reach)

    def _lead(self, totals: list[float]) -> None:
        sizes = [max(pair) for pair in zip(self.high, self.low, strict=True)]
        most = sizes.index(max(sizes))
        overtakes = self.leader is None or (totals[most] >= self.lowest and sizes[most] >= 2 * sizes[self.leader])
        if most != self.leader and overtakes:
            self.leader = most
            if self._is_meant(most):
                self.callers.add(most)

    def _usual(self, sensors: Sequence[int]) -> None:
        for i in sensors:
            self.shift[i] += sum(self.drift[i]) / max(len(self.drift[i]), 1)
            self.up[i] = self.down[i] = self.high[i] = self.low[i] = 0.0
            self.shared_up[i] = self.shared_down[i] = self.alone[i] = 0.0
            self.drift[i] = []

    def _over(self) -> None:
        self.runs = False
        self.event_rows = 0
        self.callers = set()
        self.leader = None
