"""The search itself: settings, study, worker, front."""
