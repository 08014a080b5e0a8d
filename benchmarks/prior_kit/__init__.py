"""What `prior_transfer.py` measures of priors: predictions and replays."""
