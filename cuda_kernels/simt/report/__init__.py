"""What a launch leaves behind: faults and figures, as text, page and pictures, beside the GPUs' limits."""
