"""What if: runs a program again with edits of its values, constants, seed, edges and gradients. Needs torch."""
