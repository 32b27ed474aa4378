"""Back ends that judge meaning: models of this machine, score servers, language models."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.core.scoring.support import PairVerdict, Span, SpanModel, SupportModel
    from director_ai.core.scoring.types import SentenceVerdict
    from director_ai.scorers.background_judge import BackgroundJudge
    from director_ai.scorers.embedding import EmbeddingModel
    from director_ai.scorers.ensemble import Ensemble, read_ensemble
    from director_ai.scorers.http import HttpModel
    from director_ai.scorers.llm_judge import LlmJudge
    from director_ai.scorers.onnx import OnnxModel
    from director_ai.scorers.rescoring import Rescored, rescore
    from director_ai.scorers.scorer_string import StreamScorer
    from director_ai.scorers.sentence_scorer import SentenceScorer

__all__ = [
    "BackgroundJudge",
    "EmbeddingModel",
    "Ensemble",
    "HttpModel",
    "LlmJudge",
    "OnnxModel",
    "PairVerdict",
    "Rescored",
    "SentenceScorer",
    "SentenceVerdict",
    "Span",
    "SpanModel",
    "StreamScorer",
    "SupportModel",
    "read_ensemble",
    "rescore",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "BackgroundJudge": "director_ai.scorers.background_judge",
        "EmbeddingModel": "director_ai.scorers.embedding",
        "Ensemble": "director_ai.scorers.ensemble",
        "HttpModel": "director_ai.scorers.http",
        "LlmJudge": "director_ai.scorers.llm_judge",
        "OnnxModel": "director_ai.scorers.onnx",
        "PairVerdict": "director_ai.core.scoring.support",
        "Rescored": "director_ai.scorers.rescoring",
        "SentenceScorer": "director_ai.scorers.sentence_scorer",
        "SentenceVerdict": "director_ai.core.scoring.types",
        "Span": "director_ai.core.scoring.support",
        "SpanModel": "director_ai.core.scoring.support",
        "StreamScorer": "director_ai.scorers.scorer_string",
        "SupportModel": "director_ai.core.scoring.support",
        "read_ensemble": "director_ai.scorers.ensemble",
        "rescore": "director_ai.scorers.rescoring",
    },
)
