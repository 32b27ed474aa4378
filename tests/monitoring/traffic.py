"""Simulated audits: sessions a day in the six cells, by rate, share of bad answers and plan."""

from dataclasses import dataclass

import numpy as np

from director_ai.monitoring import Plan, plan_for

IntArray = np.ndarray


@dataclass(frozen=True)
class Traffic:
    """Sessions of a day, of which bad ones are halted at ``catch``, good ones at ``rate``."""

    rate: float
    bad: float = 0.1
    catch: float = 0.73
    n: int = 1_000

    @property
    def n_halts(self) -> float:
        return self.n * ((1 - self.bad) * self.rate + self.bad * self.catch)

    def plan(self, budget: float, alpha: float) -> Plan:
        return plan_for(budget, n_halts=self.n_halts, n_passes=self.n - self.n_halts, alpha=alpha)

    def cells(self, plan: Plan) -> np.ndarray:
        """Return the probability of each cell, shape (6,)."""
        good_halt = (1 - self.bad) * self.rate
        bad_halt = self.bad * self.catch
        good_pass = (1 - self.bad) * (1 - self.rate)
        bad_pass = self.bad * (1 - self.catch)
        p, q = plan.p_halt, plan.p_pass
        return np.array(
            [
                (good_pass + bad_pass) * (1 - q),
                good_pass * q,
                bad_pass * q,
                (good_halt + bad_halt) * (1 - p),
                good_halt * p,
                bad_halt * p,
            ]
        )

    def draw(self, plan: Plan, n_days: int, n_runs: int, seed: int) -> IntArray:
        """Return counts of days, shape (n_runs, n_days, 1, 6)."""
        random = np.random.default_rng(seed)
        counts = random.multinomial(self.n, self.cells(plan), size=(n_runs, n_days))
        return counts[:, :, None, :]
