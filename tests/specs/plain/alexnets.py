"""AlexNet, ZFNet and VGG."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from tests.specs.twin import Twin, torchvision_model


class AlexNet(nn.Sequential):
    """Krizhevsky et al. 2012, figure 2, with everything in which its later versions differ."""

    def __init__(
        self,
        *,
        channels: int = 3,
        groups: int = 1,
        padding: int = 0,
        window: int = 3,
        has_norm: bool = True,
        features: int = 9216,
        last: Sequence[int] = (1000,),
    ) -> None:
        """Args:
        window: the pools' size, with a stride of 2.
        features: values that reach the first linear layer.
        last: the sizes of the layers behind the two of 4096.
        """

        def norm() -> list[nn.Module]:
            # section 3.3: k = 2, n = 5, alpha = 1e-4 on the sum, which torch divides by n
            return [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)] if has_norm else []

        linears = [nn.Linear(a, b) for a, b in zip((4096, *last), last, strict=False)]
        between = [module for linear in linears[:-1] for module in (linear, nn.ReLU())]
        super().__init__(
            *(nn.Conv2d(channels, 96, 11, stride=4, padding=padding), nn.ReLU(), *norm()),
            nn.MaxPool2d(window, 2),
            *(nn.Conv2d(96, 256, 5, padding=2, groups=groups), nn.ReLU(), *norm()),
            nn.MaxPool2d(window, 2),
            *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 384, 3, padding=1, groups=groups), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1, groups=groups), nn.ReLU()),
            nn.MaxPool2d(window, 2),
            nn.Flatten(),
            *(nn.Linear(features, 4096), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()),
            *between,
            linears[-1],
        )


class ZFNet(nn.Sequential):
    """Zeiler & Fergus 2013, figure 3; pools that hang over the edge are what takes 110 to 55 and 26 to 13."""

    def __init__(self, third: int, fourth: int, fifth: int) -> None:
        super().__init__(
            *(nn.Conv2d(3, 96, 7, stride=2, padding=1), nn.ReLU()),
            *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)),
            *(nn.Conv2d(96, 256, 5, stride=2), nn.ReLU()),
            *(nn.MaxPool2d(3, 2, ceil_mode=True), nn.LocalResponseNorm(5, alpha=5e-4, k=2.0)),
            *(nn.Conv2d(256, third, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(third, fourth, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(fourth, fifth, 3, padding=1), nn.ReLU()),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Flatten(),
            *(nn.Linear(fifth * 36, 4096), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()),
            nn.Linear(4096, 1000),
        )


class RewrittenZFNet(nn.Module):
    """An article's ZFNet, whose second convolution lacks the stride of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, kernel_size=7, stride=2, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(96, 256, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(256, 512, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(512, 1024, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(1024, 512, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(p=0.5),
            nn.Linear(512 * 13 * 13, 4096),
            nn.ReLU(),
            nn.Dropout(p=0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, 1000),
        )

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


class VGG(nn.Sequential):
    """Simonyan & Zisserman 2014, table 1, from a column of it: `64 lrn | 128 | …`.

    A number is a 3x3 convolution to so many channels, `1x1:256` one of 1x1, `|` a pool.
    """

    def __init__(self, column: str, outputs: int = 1000) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for word in column.split():
            if word == "|":
                layers.append(nn.MaxPool2d(2, 2))
            elif word == "lrn":
                layers.append(nn.LocalResponseNorm(5, alpha=5e-4, k=2.0))
            else:
                kernel = 1 if word.startswith("1x1:") else 3
                filters = int(word.removeprefix("1x1:"))
                layers += [nn.Conv2d(channels, filters, kernel, padding=kernel // 2), nn.ReLU()]
                channels = filters
        super().__init__(
            *layers,
            nn.MaxPool2d(2, 2),
            nn.Flatten(),
            *(nn.Linear(512 * 7 * 7, 4096), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()),
            nn.Linear(4096, outputs),
        )


A_LRN = "64 lrn | 128 | 256 256 | 512 512 | 512 512"
C = "64 64 | 128 128 | 256 256 1x1:256 | 512 512 1x1:512 | 512 512 1x1:512"
D = "64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512"

ALEXNETS = (
    Twin("alexnet", partial(torchvision_model, "alexnet")),
    Twin("alexnet_2012", partial(AlexNet, groups=2), leaves="alexnet_2012_2group"),
    Twin("alexnet_one_tower", AlexNet, leaves="alexnet_one_tower"),
    Twin("alexnet_128_95", partial(AlexNet, last=(128, 95)), leaves="alexnet_finetune_128_95"),
    Twin(
        "alexnet_d2l",
        partial(AlexNet, channels=1, padding=1, has_norm=False, features=6400, last=(10,)),
        leaves="alexnet_d2l",
    ),
    Twin(
        "alexnet_pm",
        partial(AlexNet, padding=5, window=2, has_norm=False, features=12544, last=(1,)),
        leaves="alexnet_paddle_pm",
    ),
)

ZFNETS = (
    Twin("zfnet", partial(ZFNet, 384, 384, 256), leaves="zfnet_paper"),
    Twin("zfnet_large", partial(ZFNet, 512, 1024, 512), leaves="zfnet_paper_512_1024_512"),
    Twin("zfnet_stride1", RewrittenZFNet, leaves="zfnet_003"),
)

VGGS = (
    Twin("vgg11", partial(torchvision_model, "vgg11"), leaves="vgg_A_paper"),
    Twin("vgg11_lrn", partial(VGG, A_LRN), leaves="vgg_A-LRN_paper"),
    Twin("vgg13", partial(torchvision_model, "vgg13"), leaves="vgg_B_paper"),
    Twin("vgg16c", partial(VGG, C), leaves="vgg_C_paper"),
    Twin("vgg16", partial(torchvision_model, "vgg16"), leaves="vgg_D_paper"),
    Twin("vgg16_pm", partial(VGG, D, outputs=1), leaves="vgg16_paddle_pm"),
    Twin("vgg19", partial(torchvision_model, "vgg19"), leaves="vgg_E_paper"),
    *(
        Twin(name, partial(torchvision_model, name))
        for name in ("vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")
    ),
)

TWINS = (*ALEXNETS, *ZFNETS, *VGGS)
