"""Support of claims by a score server: TEI, vLLM, or one that speaks the JSON documented here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from director_ai.core.scoring.identity import ScorerIdentity, as_name, digest_of_parts
from director_ai.core.scoring.support import Pair, PairVerdict, Span
from director_ai.errors import InvalidScorerError, JudgeError
from director_ai.scorers.json_client import JsonClient
from director_ai.scorers.labels import OPPOSING, SUPPORTING, is_supporting
from director_ai.sources.chat.endpoint import Endpoint

Form = Literal["predict", "rerank", "score", "classify", "support"]
"""Protocol of a score server: TEI's first two, vLLM's next two, and ours."""

FORMS: Final[tuple[Form, ...]] = get_args(Form)

TEMPLATE: Final = "Premise: {premise}\n\nHypothesis: {claim}"
"""Text that a classifier of single texts is given for a pair."""

_VERSION: Final = "1"
_TWO: Final = 2


class HttpModel:
    """Support by a model behind a score server; a ``SpanModel``.

    ========== ================================================== ================================
    form       request                                            answer
    ========== ================================================== ================================
    `predict`  ``{"inputs": [[premise, claim], ...]}``            lists of ``{"label", "score"}``
    `rerank`   ``{"query": claim, "texts": [premise, ...]}``      ``[{"index", "score"}, ...]``
    `score`    ``{"model", "text_1": [...], "text_2": [...]}``    ``{"data": [{"index", "score"}]}``
    `classify` ``{"model", "input": [text, ...]}``                ``{"data": [{"index", "label",
                                                                  "probs"}]}``
    `support`  ``{"model", "pairs": [{"premise", "claim"}]}``     ``{"support": [number, ...],
                                                                  "spans": [[[start, end, number],
                                                                  ...], ...]}``, spans if it likes
    ========== ================================================== ================================

    Scores are taken as they come and must be probabilities: of a reranker, those after its
    logistic function. The label of a supported claim is known by its name; see
    :mod:`director_ai.scorers.labels`.

    Parameters
    ----------
    url
        As for :class:`Endpoint`, with the path, such as ``http://127.0.0.1:8080/predict``.
    model
        As the server names it, for vLLM and in the scorer's identity; a server of TEI has one.
    key_env
        Environment variable that holds the key.
    form
        Protocol; by default that of the URL's last part, else ``"support"``.
    template
        For ``classify``, with ``{premise}`` and ``{claim}``.
    timeout
        Seconds for an answer.

    Raises
    ------
    InvalidEndpointError, MissingKeyError
        If such a server cannot be asked.
    InvalidScorerError
        If the form or the template is none.

    Notes
    -----
    A server that takes another model under the same name is another scorer; its identity cannot
    know. Name the version in ``model``.

    Examples
    --------
    >>> model = HttpModel("http://127.0.0.1:8080/predict", model="hhem-2.1")
    >>> str(model.identity).partition("#")[0], model.form
    ('http:hhem-2.1@1', 'predict')
    """

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        key_env: str | None = None,
        form: Form | None = None,
        template: str = TEMPLATE,
        timeout: float = 30.0,
    ) -> None:
        if form is not None and form not in FORMS:
            raise InvalidScorerError(f"form must be one of {', '.join(FORMS)}, got {form!r}")
        if "{premise}" not in template or "{claim}" not in template:
            raise InvalidScorerError(
                f"template must hold {{premise}} and {{claim}}, got {template!r:.200}"
            )
        endpoint = Endpoint(url, model or "default", key_env)
        self._client = JsonClient(endpoint, timeout)
        self._url = endpoint.base_url
        self._model = model
        self._template = template
        parts = urlsplit(self._url)
        last = parts.path.rpartition("/")[2]
        of_path = next((each for each in FORMS if each == last), None)
        self.form: Form = form or of_path or "support"
        settings = [self.form, model, parts.path, template if self.form == "classify" else ""]
        self.identity = ScorerIdentity(
            as_name(model or f"{parts.netloc}{parts.path}"),
            _VERSION,
            "http",
            digest_of_parts(*(each.encode() for each in settings)),
        )
        self._forms: Mapping[Form, Callable[[Sequence[Pair]], list[PairVerdict]]] = {
            "predict": self._predict,
            "rerank": self._rerank,
            "score": self._score,
            "classify": self._classify,
            "support": self._support,
        }

    @property
    def endpoint(self) -> Endpoint:
        """The server, without its key."""
        return self._client.endpoint

    def support(self, pairs: Sequence[Pair]) -> list[float]:
        """Return the probability of support of each (premise, claim).

        Raises
        ------
        JudgeError
            If the server fails, or its answer is none to this question; see :class:`JsonClient`.
        """
        return [verdict.support for verdict in self.verdicts(pairs)]

    def verdicts(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        """Return what ``support`` returns, with the spans of a server that names them."""
        return self._forms[self.form](pairs)

    def _predict(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        body = {"inputs": [list(pair) for pair in pairs], "truncate": True}
        answer = self._client.post(self._url, body)
        return [PairVerdict(_of_labels(labels)) for labels in _list(answer, "a list of labels")]

    def _rerank(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        by_claim: dict[str, list[int]] = {}
        for place, (_, claim) in enumerate(pairs):
            by_claim.setdefault(claim, []).append(place)
        supports = [0.0] * len(pairs)
        for claim, places in by_claim.items():
            texts = [pairs[place][0] for place in places]
            body = {"query": claim, "texts": texts, "raw_scores": False, "truncate": True}
            scores = _by_index(self._client.post(self._url, body), "score", len(texts))
            for place, score in zip(places, scores, strict=True):
                supports[place] = score
        return [PairVerdict(support) for support in supports]

    def _score(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        premises, claims = [list(texts) for texts in zip(*pairs, strict=True)]
        answer = self._client.post(self._url, self._named(text_1=premises, text_2=claims))
        scores = _by_index(_field(answer, "data"), "score", len(pairs))
        return [PairVerdict(score) for score in scores]

    def _classify(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        texts = [
            self._template.replace("{claim}", claim).replace("{premise}", premise)
            for premise, claim in pairs
        ]
        data = _field(self._client.post(self._url, self._named(input=texts)), "data")
        labels = _by_index(data, "label", len(pairs))
        shares = _by_index(data, "probs", len(pairs))
        return [PairVerdict(_of_class(*each)) for each in zip(labels, shares, strict=True)]

    def _support(self, pairs: Sequence[Pair]) -> list[PairVerdict]:
        listed = [{"premise": premise, "claim": claim} for premise, claim in pairs]
        answer = self._client.post(self._url, self._named(pairs=listed))
        supports = _list(_field(answer, "support"), "a list of numbers")
        spans = answer.get("spans")
        if spans is None:
            return [PairVerdict(support) for support in supports]
        if len(_list(spans, "a list of spans a pair")) != len(supports):
            raise JudgeError(f"spans must be one list a pair ({len(supports)}), got {len(spans)}")
        return [
            PairVerdict(support, _spans(own, claim))
            for support, own, (_, claim) in zip(supports, spans, pairs, strict=False)
        ]

    def _named(self, **body: Any) -> dict[str, Any]:
        return {"model": self._model, **body} if self._model else body


def _field(answer: Any, name: str) -> Any:
    if not isinstance(answer, dict) or name not in answer:
        raise JudgeError(f"the server's answer must be an object with {name}, got {answer!r:.200}")
    return answer[name]


def _list(value: Any, constraint: str) -> list[Any]:
    if not isinstance(value, list):
        raise JudgeError(f"the server's answer must be {constraint}, got {value!r:.200}")
    return value


def _by_index(entries: Any, field: str, n_pairs: int) -> list[Any]:
    """Return a field of the answers in the order of the questions; each names its own."""
    by_index: dict[int, Any] = {}
    for entry in _list(entries, f"a list of objects with index and {field}"):
        index = _field(entry, "index")
        if type(index) is not int or not 0 <= index < n_pairs or index in by_index:
            raise JudgeError(
                f"index must be that of one of {n_pairs} pairs, each once, got {index!r:.80}"
            )
        by_index[index] = _field(entry, field)
    if len(by_index) != n_pairs:
        raise JudgeError(f"the server must answer for {n_pairs} pairs, got {len(by_index)}")
    return [by_index[index] for index in range(n_pairs)]


def _of_labels(labels: Any) -> float:
    """Return the share of the supporting labels of one pair."""
    total, names = 0.0, []
    for entry in _list(labels, "a list of labels a pair"):
        label, share = _field(entry, "label"), _field(entry, "score")
        if not isinstance(share, (int, float)) or isinstance(share, bool):
            raise JudgeError(f"score of label {label!r:.80} must be a number, got {share!r:.80}")
        names.append(label)
        if _supports(label):
            total += share
    if not any(map(_supports, names)):
        raise JudgeError(f"labels must hold one of supported claims, got {names!r:.200}")
    # Shares of several labels, rounded, may add up to a little more.
    return min(total, 1.0) if total <= 1.0 + 1e-6 else total


def _of_class(label: Any, shares: Any) -> float:
    """Return the support of a classifier that names its likeliest class and the share of each."""
    numbers = _list(shares, "a list of probs")
    if not numbers or not all(type(each) in (int, float) for each in numbers):
        raise JudgeError(f"probs must be a list of numbers, got {shares!r:.200}")
    if len(numbers) == 1:
        return float(numbers[0])
    if _supports(label):
        return float(max(numbers))
    if len(numbers) == _TWO:
        return float(min(numbers))
    raise JudgeError(
        f"probs must be of two classes where {label!r:.80} is the likeliest, got {len(numbers)}: "
        "which of them is that of supported claims is not known; form 'predict' or 'score' tells"
    )


def _supports(label: Any) -> bool:
    known = is_supporting(label) if isinstance(label, str) else None
    if known is None:
        raise JudgeError(
            f"label must be one of {', '.join(sorted(SUPPORTING))} for supported claims or of "
            f"{', '.join(sorted(OPPOSING))} for others, got {label!r:.80}; rename it"
        )
    return known


def _spans(values: Any, claim: str) -> tuple[Span, ...]:
    listed = _list(values, "a list of spans a pair")
    for value in listed:
        if not (
            isinstance(value, list)
            and [type(part) for part in value[:2]] == [int, int]
            and [type(part) in (int, float) for part in value[2:]] == [True]
            and 0 <= value[0] < value[1] <= len(claim)
            and 0.0 <= value[2] <= 1.0
        ):
            raise JudgeError(
                f"a span must be start, end and probability within {len(claim)} characters, "
                f"got {value!r:.80}"
            )
    return tuple(Span(start, end, float(probability)) for start, end, probability in listed)
