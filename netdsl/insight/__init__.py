"""What a network looks at: class activation maps, gradients, deconvolution, occlusion, filters, features.

    run or spec ──subject──► network with weights ─┐
    image ──────subject──► picture ────────────────┴─ method ──► explanation ──sheet──► PNG, SVG, npz

A method is a function of a subject, an image and a class; it knows nothing of files or figures.
"""
