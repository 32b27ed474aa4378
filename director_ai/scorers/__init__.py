"""Back ends that judge meaning: models of this machine, score servers, language models."""

from director_ai._lazy import attach

TYPE_CHECKING = False
if TYPE_CHECKING:
    from director_ai.core.scoring.support import PairVerdict, Span, SpanModel, SupportModel
    from director_ai.scorers.onnx import OnnxModel

__all__ = ["OnnxModel", "PairVerdict", "Span", "SpanModel", "SupportModel"]

__getattr__, __dir__ = attach(
    __name__,
    {
        "OnnxModel": "director_ai.scorers.onnx",
        "PairVerdict": "director_ai.core.scoring.support",
        "Span": "director_ai.core.scoring.support",
        "SpanModel": "director_ai.core.scoring.support",
        "SupportModel": "director_ai.core.scoring.support",
    },
)
