"""How the models compute: arithmetic, fused layers, batches side by side, packed weights."""
