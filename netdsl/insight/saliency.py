"""Gradients at the pixels: where a change would change the class' score the most.

C channels, H height, W width of the network's input.
"""

from __future__ import annotations

import torch

from netdsl.insight.explanation import Explanation, Question, as_array
from netdsl.insight.projection import rectified


def saliency(question: Question) -> Explanation:
    """The largest gradient among a pixel's channels, by amount (Simonyan et al. 2013, section 3.1)."""
    largest = pixel_gradient(question).abs().amax(dim=1)[0]
    return Explanation("saliency", "heat", as_array(largest))


def guided(question: Question) -> Explanation:
    """Guided backpropagation of the class' score (Springenberg et al. 2014, section 3.4)."""
    with rectified(question.subject.module, "guided"):
        gradient = pixel_gradient(question)
    return Explanation("guided", "colour", as_array(gradient[0]))


def pixel_gradient(question: Question) -> torch.Tensor:
    """The gradient of the class' score at the network's input, `(1, C, H, W)`."""
    image = question.picture.input.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(question.score(image).sum(), image)
    return gradient
