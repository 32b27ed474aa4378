"""Scorers by their strings: ``lexical``, ``onnx:FOLDER``, ``http:URL`` and others."""

from collections.abc import Callable
from typing import Final

from director_ai.core.runtime.judged_callback import JudgedCallback
from director_ai.core.scoring.knowledge import GroundTruthStore
from director_ai.core.scoring.scorer import CoherenceScorer
from director_ai.core.scoring.support import SupportModel
from director_ai.errors import InvalidScorerError
from director_ai.scorers.background_judge import BackgroundJudge
from director_ai.scorers.ensemble import PREFIX, EnsembleScorer, read_ensemble
from director_ai.scorers.premise import FactPremise
from director_ai.scorers.sentence_scorer import SentenceScorer
from director_ai.sources.chat.endpoint import Endpoint
from director_ai.sources.chat.logprob import (
    N_ALTERNATIVES,
    WITHOUT_FACTS,
    CertaintySource,
    ScorerName,
    named_scorer,
)

LEXICAL: Final = "lexical"

LOGPROBS: Final[tuple[ScorerName, ...]] = (*WITHOUT_FACTS, "both")
"""Strings of scorers by the probabilities a stream's own model gave its tokens."""

BUILT_IN: Final = (LEXICAL, *LOGPROBS)
"""Strings of scorers that need no model."""

FORMS: Final = (
    *BUILT_IN,
    *("onnx:FOLDER", "embedding:FOLDER", "http:URL", "http:MODEL@URL", "llm_judge:MODEL@URL"),
    "ensemble:FILE",
)
"""Strings that name a scorer; a score server's URL alone names it, too."""

_URLS: Final = ("http://", "https://")
_NO_MODEL: Final = "default"


class StreamScorer:
    """Scorer by its string, opened once for many streams: it makes the callback of each.

    ``lexical`` compares words with the facts; ``logprob`` is the stream's own certainty of its
    newest token, ``logprob:entropy`` of all that could have stood there and ``logprob:surprise`` of
    the newest ten tokens; ``both`` is the lower of ``lexical`` and ``logprob``. ``ensemble``
    combines others by the weights of a file that ``director-ai scorers fit`` wrote. Any other is a
    model that judges each finished sentence against the facts closest to it, while the lexical
    score stands in until its verdict is there.

    Parameters
    ----------
    scorer
        One of ``FORMS``.
    key_env
        Environment variable that holds the key of a model behind a URL.

    Raises
    ------
    InvalidScorerError
        If the string is none of them, or its model cannot be used.
    InvalidEndpointError, MissingKeyError
        If its server cannot be asked.
    MissingPackageError
        If a package that the model needs is not installed.

    Examples
    --------
    >>> facts = GroundTruthStore.from_mapping({"bees": "Bees make honey."})
    >>> score = StreamScorer("lexical")(facts, "What do bees make?")
    >>> str(score.scorer_identity).partition("#")[0]
    'lexical:coherence@2'
    >>> StreamScorer("onyx:nli")
    Traceback (most recent call last):
    director_ai.errors.InvalidScorerError: scorer must be lexical, logprob, logprob:entropy, \
logprob:surprise, both, onnx:FOLDER, embedding:FOLDER, http:URL, http:MODEL@URL, \
llm_judge:MODEL@URL or ensemble:FILE, got 'onyx:nli'
    """

    def __init__(self, scorer: str, *, key_env: str | None = None) -> None:
        self._judge = None
        self._ensemble = None
        self._name = scorer
        self._certainty = next((name for name in LOGPROBS if name == scorer), None)
        if isinstance(scorer, str) and scorer.startswith(PREFIX):
            self._ensemble = read_ensemble(scorer.removeprefix(PREFIX))
            scorer_endpoint(scorer, key_env)
            self._parts = [
                StreamScorer(each, key_env=key_env if scorer_endpoint(each) else None)
                for each in self._ensemble.scorers
            ]
        elif scorer not in BUILT_IN:
            self._judge = BackgroundJudge(support_model(scorer, key_env=key_env))
        else:
            scorer_endpoint(scorer, key_env)

    @classmethod
    def from_options(
        cls,
        *,
        scorer_backend: str | None = None,
        use_nli: bool = False,
        nli_model: str | None = None,
        key_env: str | None = None,
    ) -> "StreamScorer":
        """Return the scorer of the original's options.

        Parameters
        ----------
        scorer_backend
            First part of a scorer's string, such as ``"onnx"``; by default ``"onnx"`` with
            ``use_nli``, else ``"lexical"``.
        use_nli
            Whether a model judges meaning.
        nli_model
            Rest of the string, such as a model's folder; ``None`` where there is none.
        key_env
            As of the class.

        Raises
        ------
        InvalidScorerError
            As the class; also if ``use_nli`` is set for a scorer without a model.

        Examples
        --------
        >>> StreamScorer.from_options(use_nli=True)
        Traceback (most recent call last):
        director_ai.errors.InvalidScorerError: nli_model must name the model of 'onnx', got None
        """
        backend = scorer_backend or ("onnx" if use_nli else LEXICAL)
        if backend in BUILT_IN:
            if use_nli or nli_model is not None:
                raise InvalidScorerError(
                    f"use_nli and nli_model must be left out for {backend!r}, which has no model"
                )
            return cls(backend, key_env=key_env)
        if nli_model is None:
            raise InvalidScorerError(f"nli_model must name the model of {backend!r}, got None")
        return cls(f"{backend}:{nli_model}", key_env=key_env)

    @property
    def needs_facts(self) -> bool:
        """Whether it compares the answer with facts."""
        return self._name not in WITHOUT_FACTS

    @property
    def needs_logprobs(self) -> bool:
        """Whether the stream must tell log-probabilities."""
        return self._certainty is not None

    @property
    def request_options(self) -> dict[str, int]:
        """Options of the request of a stream, beside ``logprobs``, that it needs the answers to."""
        return {"top_logprobs": N_ALTERNATIVES} if self._certainty == "logprob:entropy" else {}

    def __call__(
        self,
        facts: GroundTruthStore | None,
        prompt: str = "",
        *,
        source: CertaintySource | None = None,
        background: bool = True,
    ) -> Callable[[str], float]:
        """Return the callback of one stream.

        Parameters
        ----------
        facts
            Facts that its answer is held against; ``None`` where it needs none.
        prompt
            The question it answers.
        source
            The stream itself, where its log-probabilities are needed.
        background
            Whether the stream goes on while a sentence is judged; else it waits.

        Raises
        ------
        NoFactsError
            If it needs facts and there are none.
        InvalidScorerError
            If it needs log-probabilities and there is no source of them, as of a stored text.
        """
        if self.needs_logprobs and source is None:
            raise InvalidScorerError(
                f"scorer must be one of text alone, got {self._name!r}, "
                "which needs the log-probabilities of a stream"
            )
        store = GroundTruthStore() if facts is None else facts
        if self._ensemble is not None:
            parts = [part(store, prompt, background=background) for part in self._parts]
            # Its type says that the kernel may wait for it, and end the wait.
            combined: JudgedCallback = EnsembleScorer(self._ensemble, parts)
            return combined
        fast = None
        if self.needs_facts:
            fast = CoherenceScorer(ground_truth_store=store).stream_callback(prompt)
        if self._certainty is not None and source is not None:
            return named_scorer(self._certainty, fast, source)
        assert fast is not None
        if self._judge is None:
            return fast
        return SentenceScorer(fast, self._judge, FactPremise(store, prompt), background=background)


def support_model(scorer: str, *, key_env: str | None = None) -> SupportModel:
    """Return the model that a string names.

    Parameters
    ----------
    scorer
        One of ``FORMS``, ``lexical`` apart.
    key_env
        Environment variable that holds the key of a model behind a URL.

    Raises
    ------
    InvalidScorerError
        If the string names no model, or the model cannot be used.
    InvalidEndpointError, MissingKeyError
        If its server cannot be asked.
    MissingPackageError
        If a package that it needs is not installed.
    """
    endpoint = scorer_endpoint(scorer, key_env)
    if scorer in BUILT_IN:
        raise InvalidScorerError(f"scorer must name a model, got {scorer!r}")
    backend, _, of = scorer.partition(":")
    # Each brings packages of its own, which nobody else pays for.
    match backend:
        case "onnx":
            from director_ai.scorers.onnx import OnnxModel

            return OnnxModel(of)
        case "embedding":
            from director_ai.scorers.embedding import EmbeddingModel

            return EmbeddingModel(of)
    assert endpoint is not None
    if backend == "llm_judge":
        from director_ai.scorers.llm_judge import LlmJudge

        return LlmJudge(endpoint)
    from director_ai.scorers.http import HttpModel

    model = "" if scorer.startswith(_URLS) else of.rpartition("@")[0]
    return HttpModel(endpoint.base_url, model=model, key_env=key_env)


def scorer_endpoint(scorer: str, key_env: str | None = None) -> Endpoint | None:
    """Return the server that a string names, or its ensemble; ``None`` without one.

    >>> scorer_endpoint("llm_judge:tiny@http://127.0.0.1:8080/v1").model
    'tiny'

    Raises
    ------
    InvalidScorerError
        If the string names no scorer, or the scorer needs no key.
    InvalidEndpointError
        If there can be no such server.
    """
    backend, _, of = scorer.partition(":") if isinstance(scorer, str) else ("", "", "")
    named = [] if backend != "ensemble" or not of else read_ensemble(of).scorers
    servers = [each for each in named if scorer_endpoint(each) is not None]
    if len(servers) > 1:
        raise InvalidScorerError(
            f"ensemble must have one server at most, got {', '.join(servers)} in {of}"
        )
    if servers:
        return scorer_endpoint(servers[0], key_env)
    if named or scorer in BUILT_IN or (backend in ("onnx", "embedding") and of):
        if key_env is not None:
            raise InvalidScorerError(f"key_env must be left out for the scorer {scorer!r:.80}")
        return None
    if backend in ("http", "https") and of:
        if scorer.startswith(_URLS):
            return Endpoint(scorer, _NO_MODEL, key_env)
        model, _, url = of.rpartition("@")
        return Endpoint(url, model or _NO_MODEL, key_env)
    if backend == "llm_judge" and "@" in of:
        model, _, url = of.rpartition("@")
        return Endpoint(url, model, key_env)
    raise InvalidScorerError(
        f"scorer must be {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {scorer!r:.200}"
    )
