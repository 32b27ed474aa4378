"""Fit the coefficients of the lexical scorer on labelled answers.

Usage: ``python tests/benchmarks/lexical_fit.py FOLDER [--write]``. The folder holds the files
named in ``SETS``, ``.jsonl.gz`` with one object a line: ``context`` is the fact, ``text`` the
answer in ``tokens``, ``prompt`` the question, ``label`` 1 where the answer is not supported,
``group`` what it shares with others. Every line is used; a file or a field that is missing ends
the run.

Two readings of one state are fitted, each linear in the unsupported share of an answer's words by
role, and each on the prefix where it is lowest, as a halt is decided there (multiple-instance
learning): one of all words, by how well it orders faithful and unsupported answers, and one of
claims alone, which decides. The zero of the second is moved to where false halts average
``FALSE_HALTS``; the probabilities on either side of it are fitted by maximum likelihood with
unsupported answers weighted to ``PREVALENCE``. The printed table is that of cross-validation: each
fifth of the groups is judged by coefficients fitted on the other four.
"""

import argparse
import gzip
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import clone  # noqa: F401
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from director_ai import GroundTruthStore
from director_ai.core.scoring.calibration import FILE, NAME, VERSION
from director_ai.core.scoring.roles import ROLES, AnswerReader

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SETS: Final = {"begin_wow": 1.0, "q2_wow": 0.02, "frank_cnndm": 0.02}
"""Sets to fit on, and the weight of each: the first alone is large enough to order answers by."""

MEMORY: Final = 15.0
LIGHT: Final = 0.4
"""Words that a word counts as that makes no claim."""
LIGHT_ROLES: Final = frozenset(
    ("function", "negation", "person", "aside", "question", "hedge", "talk")
)
PASSING: Final = frozenset(("aside", "question", "hedge", "talk", "negation"))
"""Roles that claim nothing, and so do not halt."""
PASSING_SLOPE: Final = -3.0
"""Logit of what claims nothing in the reading of claims: a tenth of a claim's."""
FIRST_SLOPES: Final = 16.0 * np.array(
    [
        -{"number": 2.0, "name": 2.0, "person": 1.25, "negation": 1.5, "function": 0.4}.get(role, 1)
        for role in ROLES
    ]
)
"""Slopes that those fitted are drawn to, in the proportions of the scorer's first version."""
SUPPORT_PRIOR, CLAIMS_PRIOR = 16.0, 6.0
SUPPORT_RIDGE, CLAIMS_RIDGE = 0.3, 1e-4
TOLERANCE, TOLERANCE_AT = 6.3, 10.0
SHARPNESS: Final = 30.0
FALSE_HALTS, MOST_FALSE_HALTS = 0.05, 0.12
"""Mean of the sets, and the most of any."""
PREVALENCE: Final = 0.5
UPHELD, REFUTED = (0.61, 0.73), (0.02, 0.42)
"""Asymptotes of the probabilities on either side of the decision. None is near one half, so that a
halt is no matter of the last digit; how far the first may be apart: see ``Calibration``."""
SHORT, LONG = 13, 20
N_FOLDS: Final = 5


class Answers(NamedTuple):
    """Labelled answers, prefix by prefix.

    Attributes
    ----------
    lacks
        Decayed count of unsupported words by role; shape (n_prefixes, n_roles).
    n_words
        Decayed count of words; shape (n_prefixes,).
    starts
        First prefix of each answer, and the number of all; shape (n_answers + 1,).
    is_bad, lengths, groups
        Labels, tokens and groups; shape (n_answers,).
    digest
        SHA-256 of the file.
    """

    lacks: Floats
    n_words: Floats
    starts: NDArray[np.int64]
    is_bad: Bools
    lengths: NDArray[np.int64]
    groups: NDArray[np.str_]
    digest: str

    def shares(self, prior: float) -> Floats:
        """Return the unsupported share of the words of each prefix, by role."""
        return self.lacks / (prior + self.n_words)[:, None]

    def select(self, answers: Bools) -> "Answers":
        """Return some of the answers."""
        chosen = np.flatnonzero(answers)
        rows = np.concatenate([np.arange(self.starts[i], self.starts[i + 1]) for i in chosen])
        starts = np.concatenate([[0], np.cumsum(np.diff(self.starts)[chosen])])
        return self._replace(
            lacks=self.lacks[rows],
            n_words=self.n_words[rows],
            starts=starts,
            is_bad=self.is_bad[chosen],
            lengths=self.lengths[chosen],
            groups=self.groups[chosen],
        )

    def lowest(self, values: Floats) -> Floats:
        """Return the lowest value of each answer's prefixes."""
        return np.minimum.reduceat(values, self.starts[:-1])

    def lowest_rows(self, values: Floats) -> NDArray[np.int64]:
        """Return the prefix of each answer where a value is lowest."""
        ends = self.starts[1:]
        return np.array(
            [
                start + values[start:end].argmin()
                for start, end in zip(self.starts, ends, strict=False)
            ]
        )


WEIGHTS: Final = np.array([LIGHT if role in LIGHT_ROLES else 1.0 for role in ROLES])


def read_answers(path: Path) -> Answers:
    """Return the answers of a file, each scored as its tokens come."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    items: list[dict[str, Any]] = [json.loads(line) for line in lines]
    rows: list[Floats] = []
    starts = [0]
    for number, item in enumerate(items, start=1):
        if not item["context"].strip():
            raise ValueError(f"{path.name}, line {number}: context must hold a fact, got none")
        rows += prefixes(item["context"], item["prompt"] or "", item["tokens"])
        starts.append(len(rows))
    table = np.array(rows)
    return Answers(
        table[:, :-1],
        table[:, -1],
        np.array(starts),
        np.array([item["label"] == 1 for item in items]),
        np.array([len(item["tokens"]) for item in items]),
        np.array([item["group"] for item in items]),
        hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def prefixes(context: str, prompt: str, tokens: Sequence[str]) -> list[Floats]:
    """Return the decayed counts after each token, and before the first."""
    facts = GroundTruthStore.from_mapping({"context": context}).index
    reader, text = AnswerReader(facts, prompt), ""
    state = np.zeros(len(ROLES) + 1)
    states = [state.copy()]
    for token in tokens:
        text += token
        for role, judgement in reader.read(text):
            place = ROLES.index(role)
            state *= (1 - 1 / MEMORY) ** WEIGHTS[place]
            state[place] += 1 - judgement.support
            state[-1] += WEIGHTS[place]
        states.append(state.copy())
    return states


class Linear(NamedTuple):
    """Bias and slopes of a reading."""

    bias: float
    slopes: Floats

    def logits(self, shares: Floats) -> Floats:
        """Return the logit of each prefix."""
        return self.bias + shares @ self.slopes


def fit_linear(
    sets: dict[str, Answers],
    shares: dict[str, Floats],
    offsets: dict[str, Floats],
    *,
    good_weights: Callable[[Answers], Floats],
    ordering: float,
    ridge: float,
    n_steps: int = 1_200,
) -> Linear:
    """Fit a reading by Adam on the lowest prefix of each answer, its slopes at most 0.

    Parameters
    ----------
    sets, shares, offsets
        Answers, their shares, and what is added to the logit of each prefix.
    good_weights
        Weight of each faithful answer in the logistic loss.
    ordering
        Weight of the pairwise loss on the first set beside the logistic one.
    ridge
        Weight of the squared distance of the standardised slopes from ``FIRST_SLOPES``.
    """
    scale = np.concatenate(list(shares.values())).std(0) + 1e-3
    scaled = {name: values / scale for name, values in shares.items()}
    first = FIRST_SLOPES * scale
    parameters = np.append(first, 2.0)
    mean, square = np.zeros_like(parameters), np.zeros_like(parameters)
    random = np.random.default_rng(0)
    rows: dict[str, NDArray[np.int64]] = {}
    for step in range(n_steps):
        gradient = np.append(ridge * (parameters[:-1] - first), 0.0)
        for place, (name, answers) in enumerate(sets.items()):
            if step % 15 == 0:
                whole = scaled[name] @ parameters[:-1] + offsets[name]
                rows[name] = answers.lowest_rows(whole)
            lowest = scaled[name][rows[name]]
            logits = lowest @ parameters[:-1] + parameters[-1] + offsets[name][rows[name]]
            bad = answers.is_bad
            weights = np.where(bad, 1 / bad.sum(), good_weights(answers) / (~bad).sum())
            errors = SETS[name] * weights * (1 / (1 + np.exp(-logits)) - ~bad)
            gradient += np.append(lowest.T @ errors, errors.sum())
            if ordering and place == 0:
                good = random.choice(np.flatnonzero(~bad), 3_000)
                worse = random.choice(np.flatnonzero(bad), 3_000)
                pull = ordering / (1 + np.exp(1.5 * (logits[good] - logits[worse]))) / good.size
                gradient[:-1] -= (lowest[good] - lowest[worse]).T @ pull
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        rate = 0.05 * 0.1 ** (step / n_steps)
        corrected = mean / (1 - 0.9 ** (step + 1))
        parameters -= rate * corrected / (np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-9)
        parameters[:-1] = np.minimum(parameters[:-1], 0.0)
    return Linear(float(parameters[-1]), parameters[:-1] / scale)


def evenly(answers: Answers) -> Floats:
    """Weigh faithful answers alike."""
    return np.ones(answers.lengths.size)


def by_length(answers: Answers) -> Floats:
    """Weigh long faithful answers more: they have more chances to be halted, and are fewer."""
    bounds = np.digitize(answers.lengths, (SHORT + 1, LONG + 1))
    # Summaries are long throughout.
    factors = np.array([0.3, 3.0, 60.0]) if answers.lengths.mean() < 2 * LONG else np.full(3, 3.0)
    return factors[bounds]


def fit(sets: dict[str, Answers]) -> dict[str, Any]:
    """Return the coefficients fitted on some sets, as their file holds them."""
    nothing = {name: np.zeros(answers.n_words.size) for name, answers in sets.items()}
    all_shares = {name: answers.shares(SUPPORT_PRIOR) for name, answers in sets.items()}
    support = fit_linear(
        sets, all_shares, nothing, good_weights=evenly, ordering=1.0, ridge=SUPPORT_RIDGE
    )

    claiming = np.array([role not in PASSING for role in ROLES])
    shares = {name: answers.shares(CLAIMS_PRIOR) for name, answers in sets.items()}
    passing = {name: PASSING_SLOPE * values[:, ~claiming].sum(1) for name, values in shares.items()}
    claims = fit_linear(
        sets,
        {name: values * claiming for name, values in shares.items()},
        passing,
        good_weights=by_length,
        ordering=4.0,
        ridge=CLAIMS_RIDGE,
    )
    claims = claims._replace(slopes=np.where(claiming, claims.slopes, PASSING_SLOPE))
    tolerant = {
        name: claims.logits(shares[name])
        + TOLERANCE * answers.n_words / (answers.n_words + TOLERANCE_AT)
        for name, answers in sets.items()
    }
    lows = {name: answers.lowest(tolerant[name]) for name, answers in sets.items()}
    zero = threshold(sets, lows)
    decided = {name: values - zero for name, values in tolerant.items()}
    supports = {name: support.logits(all_shares[name]) for name in sets}
    upheld, refuted = probabilities(sets, decided, supports)
    coefficients = {
        "memory": MEMORY,
        "weights": dict(zip(ROLES, WEIGHTS.tolist(), strict=True)),
        "support": reading(support, SUPPORT_PRIOR),
        "claims": reading(claims._replace(bias=claims.bias - zero), CLAIMS_PRIOR),
        "tolerance": TOLERANCE,
        "tolerance_at": TOLERANCE_AT,
        "sharpness": SHARPNESS,
        "upheld": upheld,
        "refuted": refuted,
    }
    return shifted(sets, coefficients)


def shifted(sets: dict[str, Answers], coefficients: dict[str, Any]) -> dict[str, Any]:
    """Move the decision until false halts at one half, not at the zero, are as many as allowed."""
    bias = coefficients["claims"]["bias"]
    for step in np.linspace(-0.3, 1.0, 131):
        coefficients["claims"]["bias"] = round(bias + float(step), 4)
        lows = {name: lowest_scores(sets[name], coefficients) for name in sets}
        rates = [(lows[name][~sets[name].is_bad] < 0.5).mean() for name in sets]
        if np.mean(rates) <= FALSE_HALTS and max(rates) <= MOST_FALSE_HALTS:
            break
    return coefficients


def reading(linear: Linear, prior: float) -> dict[str, Any]:
    """Return a reading as plain values, four decimals each."""
    slopes = {
        role: round(float(slope), 4) for role, slope in zip(ROLES, linear.slopes, strict=True)
    }
    return {"bias": round(linear.bias, 4), "prior": prior, "slopes": slopes}


def threshold(sets: dict[str, Answers], lows: dict[str, Floats]) -> float:
    """Return the logit below which false halts are as many as they may be."""
    best = -9.0
    for candidate in np.linspace(-9.0, 4.0, 521):
        rates = [(lows[name][~sets[name].is_bad] < candidate).mean() for name in sets]
        if np.mean(rates) <= FALSE_HALTS and max(rates) <= MOST_FALSE_HALTS:
            best = float(candidate)
    return best


def probabilities(
    sets: dict[str, Answers], decided: dict[str, Floats], supports: dict[str, Floats]
) -> tuple[dict[str, float], dict[str, float]]:
    """Fit the probability of being supported on either side of the decision."""
    logits, is_bad, halted, weights = [], [], [], []
    for name, answers in sets.items():
        is_refuted = answers.lowest(decided[name]) < 0
        bad = answers.is_bad
        logits.append(answers.lowest(supports[name]))
        is_bad.append(bad)
        halted.append(is_refuted)
        weights.append(np.where(bad, PREVALENCE / bad.sum(), (1 - PREVALENCE) / (~bad).sum()))
    logit, bad, stop, weight = map(np.concatenate, (logits, is_bad, halted, weights))

    def fitted(side: Bools, lowest: float, highest: float) -> dict[str, float]:
        def loss(parameters: Floats) -> float:
            rising = np.clip(np.exp(parameters[0]) * (logit[side] - parameters[1]), -50, 50)
            p = lowest + (highest - lowest) / (1 + np.exp(-rising))
            return float(-(weight[side] * np.log(np.where(bad[side], 1 - p, p))).sum())

        slope, middle = minimize(loss, [0.0, 0.0], method="Nelder-Mead").x
        values = {"slope": float(np.clip(np.exp(slope), 0.3, 2.0)), "middle": float(middle)}
        return {
            "lowest": lowest,
            "highest": highest,
            **{name: round(value, 4) for name, value in values.items()},
        }

    return fitted(~stop, *UPHELD), fitted(stop, *REFUTED)


def lowest_scores(answers: Answers, coefficients: dict[str, Any]) -> Floats:
    """Return the lowest probability of each answer."""

    def logits(name: str) -> Floats:
        of = coefficients[name]
        slopes = np.array([of["slopes"][role] for role in ROLES])
        return of["bias"] + answers.shares(of["prior"]) @ slopes

    def sigmoid(of: dict[str, float], values: Floats) -> Floats:
        rising = of["slope"] * (values - of["middle"])
        return of["lowest"] + (of["highest"] - of["lowest"]) / (1 + np.exp(-rising))

    support = logits("support")
    claims = logits("claims") + coefficients["tolerance"] * answers.n_words / (
        answers.n_words + coefficients["tolerance_at"]
    )
    refuted = 1 / (1 + np.exp(np.minimum(50, coefficients["sharpness"] * claims)))
    upheld, fallen = (sigmoid(coefficients[side], support) for side in ("upheld", "refuted"))
    return answers.lowest((1 - refuted) * upheld + refuted * fallen)


def auroc(good: Floats, bad: Floats) -> float:
    """Return the chance that a faithful answer outscores an unsupported one; ties count half."""
    below = np.searchsorted(np.sort(bad), good)
    up_to = np.searchsorted(np.sort(bad), good, side="right")
    return float((below + up_to).mean() / 2 / bad.size)


def table(title: str, sets: dict[str, Answers], lows: dict[str, Floats]) -> None:
    """Print false halts, catch and AUROC by set, and false halts by length of the first."""
    print(title)
    for name, answers in sets.items():
        good, bad = lows[name][~answers.is_bad], lows[name][answers.is_bad]
        print(
            f"  {name:14} false halts {100 * (good < 0.5).mean():5.1f} %"
            f"  catch {100 * (bad < 0.5).mean():5.1f} %  AUROC {auroc(good, bad):.4f}"
        )
    name, answers = next(iter(sets.items()))
    halted, good = lows[name] < 0.5, ~answers.is_bad
    rates = [
        100 * halted[good & length].mean()
        for length in (answers.lengths <= SHORT, answers.lengths > LONG)
    ]
    print(
        f"  {name} false halts up to {SHORT} tokens {rates[0]:.1f} %, over {LONG} {rates[1]:.1f} %"
    )


def main() -> None:
    """Fit, cross-validate, print, and write the file if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="labelled answers, NAME.dev.jsonl.gz")
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    args = parser.parse_args()
    sets = {name: read_answers(args.folder / f"{name}.dev.jsonl.gz") for name in SETS}
    coefficients = fit(sets)
    table("fitted", sets, {name: lowest_scores(sets[name], coefficients) for name in sets})

    held_out = {name: np.empty(answers.is_bad.size) for name, answers in sets.items()}
    fold_of = {
        name: np.array([int(hashlib.sha256(g.encode()).hexdigest(), 16) % N_FOLDS for g in each])
        for name, each in ((name, answers.groups.tolist()) for name, answers in sets.items())
    }
    for fold in range(N_FOLDS):
        others = fit({name: sets[name].select(fold_of[name] != fold) for name in sets})
        for name, answers in sets.items():
            mine = fold_of[name] == fold
            held_out[name][mine] = lowest_scores(answers.select(mine), others)
    table(f"cross-validated, {N_FOLDS} folds of groups", sets, held_out)

    if args.write:
        provenance = {
            "scorer": f"{NAME} {VERSION}",
            "fitted_by": "tests/benchmarks/lexical_fit.py",
            "reference_prevalence_of_unsupported": PREVALENCE,
            "false_halts_at_one_half": FALSE_HALTS,
            "sets": {
                name: {
                    "answers": int(answers.is_bad.size),
                    "unsupported": int(answers.is_bad.sum()),
                    "sha256": answers.digest,
                }
                for name, answers in sets.items()
            },
        }
        document = {"provenance": provenance, "coefficients": coefficients}
        FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
