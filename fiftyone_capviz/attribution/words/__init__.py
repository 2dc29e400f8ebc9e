"""Each word of a caption on the patches of its image: cross-attention and Grad-CAM."""
