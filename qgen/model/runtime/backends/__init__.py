"""What computes matrix products: a module for each, which
:data:`qgen.model.runtime.linear.BACKENDS` lists."""
