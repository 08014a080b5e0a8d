"""The search itself: settings, study, worker, front. Called, `nas.search(...)` is the public function of that name."""

from nas.callable import make_callable

make_callable(__name__)
