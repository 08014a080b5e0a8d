"""Processes side by side on one machine; knows no Optuna and no search."""
