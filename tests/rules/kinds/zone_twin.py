"""The zone model once more, in lists and plain words: one reading at a time, one regression a sensor."""

import math
from collections.abc import Sequence

import numpy as np

from rules.zones import ZoneOptions
from tests.rules.kinds.conformance import Reading


class Twin:
    """One zone whose sensors are numbered from 0; every reading is fresh and in the order of time."""

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
        self.shift, self.drift = [0.0] * n, [[] for _ in range(n)]
        self.known: list[float | None] = [None] * n

    def read(self, reading: Reading) -> tuple[float | None, int]:
        """Return the sum of the reading's sensor, None while unknown, and how many others depart."""
        sensor, time_s, value, _ = reading
        step = int(time_s // self.options.step_s)
        if self.step is not None and step > self.step:
            self._close()
        self.step = step if self.step is None else max(self.step, step)
        self.values[sensor].append(value)
        self.last_s[sensor] = time_s
        departs = [max(up, down) >= self.options.confirm_at for up, down in zip(self.up, self.down, strict=True)]
        return self.known[sensor], sum(departs) - departs[sensor]

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
        if all(max(up, down) < self.lowest for up, down in zip(self.up, self.down, strict=True)):
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
        total = {i: max(self.up[i] + r / s, self.down[i] - r / s) for i, (r, s) in first.items()}
        ranked = sorted(known, key=lambda i: (total[i], i))
        n_calm = max(sum(each < self.options.confirm_at for each in total.values()), math.ceil(len(known) / 2))
        calm = ranked[:n_calm]
        for i in known:
            if is_new[i]:
                residual, sigma = self._foretold(i, [j for j in calm if j != i], correlation, z)
                self._add(i, residual * float(sd[i]), residual / sigma)

    def _foretold(self, i: int, others: list[int], correlation: np.ndarray, z: np.ndarray) -> tuple[float, float]:
        """Ridge regression of one sensor on others, from the normal equations."""
        others = sorted(others)
        within = correlation[np.ix_(others, others)]
        weight = np.linalg.solve(within + self.options.ridge * np.eye(len(others)), correlation[others, i])
        variance = correlation[i, i] - 2 * weight @ correlation[others, i] + weight @ within @ weight
        return float(z[i] - weight @ z[others]), math.sqrt(max(float(variance), 1e-6))

    def _add(self, i: int, departure: float, score: float) -> None:
        ceiling, slack = 1.5 * self.lowest, self.options.slack
        self.up[i] = min(max(self.up[i] + score - slack, 0.0), ceiling)
        self.down[i] = min(max(self.down[i] - score - slack, 0.0), ceiling)
        if max(self.up[i], self.down[i]) < self.lowest:
            self.drift[i] = []
        else:
            self.drift[i].append(departure)
            if len(self.drift[i]) * self.options.step_s >= self.options.rebaseline_s:
                self.shift[i] += sum(self.drift[i]) / len(self.drift[i])
                self.up[i] = self.down[i] = 0.0
                self.drift[i] = []
        self.known[i] = max(self.up[i], self.down[i])
