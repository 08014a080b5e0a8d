"""The contents of the Optuna Dashboard beyond Optuna's own."""
