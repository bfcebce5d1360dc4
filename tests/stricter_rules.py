"""Rules in which netdsl is stricter than torch, each with its reason.

Where netdsl refuses a layer, torch fails too, or the fault's code stands here.
"""

STRICTER: dict[str, str] = {
    "channels-not-first": "torch's axes have no names: whatever stands first is the channels",
    "no-channels": "torch's axes have no names: whatever stands last is the channels",
    "axis-name-clash": "torch's axes have no names, so two cannot have the same",
    "spatial-axes": "torch's own modules take a sample without its batch where the rank is one less",
    "per-axis-length": "torch stretches a list of one value over all axes",
    "upsample-to-nothing": "some of torch's interpolations make an empty tensor",
    "no-such-dim": "torch's dim 0 is the batch, which a layer must leave alone",
    "reshape-sizes": "torch has no limit of four axes, for which there are names",
    "channel-range": "a list together with a range, of which one would be ignored",
    "pad-length": "torch pads the last axes only where the list is short, the channels where it is long",
    "pad-value": "torch has no value for the other modes: it would be ignored",
    "pad-channels": "torch pads any axes in any mode; it has no module that tells channels apart",
    "no-divisor-override": "torch's one-dimensional pooling has no such argument: it would be ignored",
    "rearrange-order": "einops takes any names; here the input's own stand where it has them",
    "rearrange-pattern": "einops' ellipsis is not taken, nor Python's keywords as names",
    "rearrange-axes": "torch reads no patterns",
    "rearrange-names": "torch reads no patterns",
    "rearrange-unused-size": "torch reads no patterns",
    "rearrange-sizes": "torch reads no patterns",
    "rearrange-divide": "torch reads no patterns",
    "add-shapes": "torch stretches axes of size 1 in a sum; in a residual that is a mistake",
    "sub-shapes": "torch stretches axes of size 1 in a difference; in a residual that is a mistake",
    "merge-axes": "torch's axes have no names, and it stretches tensors of fewer axes",
}
