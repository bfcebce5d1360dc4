"""The data sets that a recipe may name, and what stands before a path to one's own."""

from __future__ import annotations

from collections.abc import Mapping

DATASETS: Mapping[str, str] = {
    "digits": "1,797 handwritten digits, 8×8, from the UCI repository; embedded in scikit-learn",
    "mnist": "70,000 handwritten digits, 28×28 (LeCun et al. 1998)",
    "fashion_mnist": "70,000 pictures of clothes, 28×28 (Xiao et al. 2017)",
    "cifar10": "60,000 colour pictures of 10 classes, 32×32 (Krizhevsky 2009)",
    "cifar100": "60,000 colour pictures of 100 classes, 32×32 (Krizhevsky 2009)",
    "imagenet": "ILSVRC 2012 as a folder `imagenet` of class folders; not fetched (Russakovsky et al. 2014)",
    "ichallenge_pm": "800 photographs of the eye's background, with pathologic myopia or without, in a "
    "folder `ichallenge_pm`; not fetched (Fu et al. 2019, PALM)",
    "indian_pines": "the scene Indian Pines, 145×145 pixels of 200 bands, 16 classes, in a folder "
    "`indian_pines`; not fetched (Baumgardner et al. 2015)",
    "pavia_university": "the scene of Pavia's university, 610×340 pixels of 103 bands, 9 classes, in a "
    "folder `pavia_university`; not fetched",
    "salinas": "the scene Salinas, 512×217 pixels of 204 bands, 16 classes, in a folder `salinas`; "
    "not fetched",
    "synthetic_scene": "145×145 pixels of 60 bands, 16 classes, made by a generator: to try things out",
    "synthetic_pairs": "1,000 pairs of an image and a text, as 4,096 and 1,024 features, of 10 classes, "
    "made by a generator: to try things out",
    "photographs": "two photographs, 427×640, to free of noise; embedded in scikit-learn",
}
CLASSES: Mapping[str, int] = {
    "digits": 10,
    "mnist": 10,
    "fashion_mnist": 10,
    "cifar10": 10,
    "cifar100": 100,
    "imagenet": 1000,
    "ichallenge_pm": 2,
}
"""How many classes a data set has."""
FOLDER = "folder:"
"""Before a path: an image folder, `train/CLASS/…` and `test/CLASS/…`."""
SCENE = "scene:"
"""Before a path: a folder with `NAME.mat` and `NAME_gt.mat`, a hyperspectral scene."""
FEATURES = "features:"
"""Before a path: a folder with `train_img.mat`, `train_txt.mat`, `train_img_lab.mat`, and those of `test`."""
PATHS = (FOLDER, SCENE, FEATURES)
