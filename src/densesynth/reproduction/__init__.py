"""The paper's experiment as values and stages; `densesynth.reproduce` and `densesynth.low_data` are the programs."""
