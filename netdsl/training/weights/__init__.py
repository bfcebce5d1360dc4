"""Weights of another network of the same structure → ours: by order, kind and shape.

Names differ between libraries, the order of construction seldom does. Layers with tensors of their own are
walked in the order in which they were registered; each must meet one of the same kind with tensors of the
same shapes. Nothing is guessed: what fits in two ways fits in none.
"""

from netdsl.training.weights.explanation import Explanation as Explanation
from netdsl.training.weights.leaves import Tensors as Tensors
from netdsl.training.weights.mapping import By as By
from netdsl.training.weights.mapping import MappingRefused as MappingRefused
from netdsl.training.weights.mapping import MappingReport as MappingReport
from netdsl.training.weights.mapping import Pair as Pair
from netdsl.training.weights.mapping import copy_weights as copy_weights
from netdsl.training.weights.mapping import map_by_structure as map_by_structure
from netdsl.training.weights.mapping import map_weights as map_weights
from netdsl.training.weights.mapping import same_names as same_names
