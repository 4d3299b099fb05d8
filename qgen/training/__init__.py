"""Fine-tuning: what is predicted (``objectives``), and the loop that learns it (``trainer``)."""
