"""Class activation maps: a layer's maps, weighted by how much they speak for a class, and added up.

    L[h, w] = Σ_c w_c · A[c, h, w]

The methods differ in the weights. Maps have the layer's own size; they are not normalised.

C channels, H height, W width.
"""

from __future__ import annotations

import torch

from netdsl.diagnostics import fault
from netdsl.insight.capture import captured, part_of
from netdsl.insight.explanation import Explanation, Question, as_array
from netdsl.insight.landmarks import Classifier, classifier
from netdsl.insight.subject import Subject


def combined(maps: torch.Tensor, weights: torch.Tensor, relu: bool) -> torch.Tensor:
    """The maps `(1, C, H, W)` weighted by `(C,)` and added up: `(H, W)`; `relu` keeps what speaks for it."""
    total = (maps[0] * weights[:, None, None]).sum(dim=0)
    return total.relu() if relu else total


def activations_and_gradients(question: Question, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The layer's maps, and the gradient of the class' score at them: both `(1, C, H, W)`."""
    with captured(question.subject.module, question.place) as found:
        score = question.score(image)
    maps = found.maps
    return maps.detach(), found.gradient(score)


def cam(question: Question, *, relu: bool = False) -> Explanation:
    """Class activation mapping: the weights are the classifier's own (Zhou et al. 2016, equation 2).

    The map's mean, plus the classifier's bias, is the class' score.

    Args:
        relu: whether what speaks against the class is left out; the paper keeps it.

    Raises:
        Faults: the network does not end in global average pooling and one linear layer; exit code 2.
    """
    subject = question.subject
    end = classifier(subject.network)
    if end is None:
        message = (
            f"`{subject.name}` does not end in global average pooling and one linear layer, which `cam` reads"
        )
        raise fault("no-global-pooling", message, exit_code=2, help="use `gradcam`, which needs neither")
    with torch.no_grad(), captured(subject.module, end.features) as found:
        subject.module(question.picture.input)
    weights = class_weights(subject, end, question.class_number, found.maps.shape[1])
    values = combined(found.maps, weights.to(found.maps), relu)
    return Explanation("cam", "heat", as_array(values), str(end.features))


def class_weights(subject: Subject, end: Classifier, class_number: int, channels: int) -> torch.Tensor:
    """The classifier's weights of a class, `(C,)`, with the sign that speaks for it."""
    sign = -1.0 if subject.smallest_wins else 1.0
    if end.weights is None:
        rows = torch.eye(channels)
    else:
        rows = part_of(subject.module, end.weights).get_parameter("weight").flatten(1)
    if rows.shape[0] == 1:  # one output decides between two classes
        return rows[0] * (sign if class_number == 1 else -sign)
    return rows[class_number] * sign


def gradcam(question: Question, *, relu: bool = True) -> Explanation:
    """Grad-CAM: the weights are the gradients' means (Selvaraju et al. 2017, equations 1 and 2).

    Args:
        relu: whether what speaks against the class is left out, as in the paper.
    """
    maps, gradients = activations_and_gradients(question, question.picture.input)
    weights = gradients[0].mean(dim=(1, 2))
    return Explanation("gradcam", "heat", as_array(combined(maps, weights, relu)), str(question.place))


def gradcam_plus_plus(question: Question, *, relu: bool = True) -> Explanation:
    """Grad-CAM++ (Chattopadhay et al. 2018, equations 6, 19 and 20), for Y = exp(S), S the class' score.

        α = (∂S/∂A)² / (2 (∂S/∂A)² + ΣA (∂S/∂A)³)        w_c = Σ α · relu(∂S/∂A)

    where ΣA is over the whole of a map. ∂Y/∂A is exp(S) ∂S/∂A; the factor exp(S), the same for the whole
    image, is left out, since it overflows and only scales the map. α is 0 where the gradient is.

    Args:
        relu: whether what speaks against the class is left out, as in the paper.
    """
    maps, gradients = activations_and_gradients(question, question.picture.input)
    weights = _pixel_weighted(gradients, gradients**2, gradients**2, gradients**3, maps)
    return Explanation("gradcam++", "heat", as_array(combined(maps, weights, relu)), str(question.place))


def smooth_gradcam_plus_plus(
    question: Question,
    *,
    samples: int = 25,
    noise: float = 0.15,
    numerator: str = "first",
    relu: bool = True,
    seed: int = 0,
) -> Explanation:
    """Smooth Grad-CAM++: the derivatives D1, D2, D3 are means over noisy images (Omeiza et al. 2019).

        α = D1 / (2 D2 + ΣA D3)        w_c = Σ α · relu(D1)

    Args:
        samples: noisy images.
        noise: their standard deviation as a share of the image's range; 0.1 to 0.2 in Smilkov et al. 2017.
        numerator: `first`, as printed; `second` takes D2 there, with which no noise gives Grad-CAM++.
        relu: whether what speaks against the class is left out.
        seed: fixes the noise.
    """
    image = question.picture.input
    generator = torch.Generator().manual_seed(seed)
    deviation = noise * float(image.max() - image.min())
    drawn = []
    for _ in range(samples):
        shift = torch.randn(image.shape, generator=generator) * deviation
        drawn.append(activations_and_gradients(question, image + shift.to(image))[1])
    first, second, third = (torch.stack([g**power for g in drawn]).mean(dim=0) for power in (1, 2, 3))
    with torch.no_grad(), captured(question.subject.module, question.place) as found:
        question.subject.module(image)
    chosen = first if numerator == "first" else second
    weights = _pixel_weighted(first, chosen, second, third, found.maps)
    values = combined(found.maps, weights, relu)
    return Explanation("smoothgradcam++", "heat", as_array(values), str(question.place))


def _pixel_weighted(
    first: torch.Tensor,
    numerator: torch.Tensor,
    second: torch.Tensor,
    third: torch.Tensor,
    maps: torch.Tensor,
) -> torch.Tensor:
    """Σ α · relu(D1) over each map, `(C,)`, of derivatives `(1, C, H, W)`; α is 0 where it has no value."""
    divisor = 2 * second + maps.sum(dim=(2, 3), keepdim=True) * third
    alpha = torch.where(divisor != 0, numerator / torch.where(divisor != 0, divisor, 1), 0)
    return (alpha * first.relu())[0].sum(dim=(1, 2))
