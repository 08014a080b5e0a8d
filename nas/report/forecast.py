"""The time that trainings will take, as a sentence."""

from nas.jobs.forecast import Forecast
from nas.parallel.placement import Placement
from nas.report.lines import span


def in_words(forecast: Forecast) -> str:
    """Return a line such as `3 networks, 6,000 steps each: about 14 min on 1 of 2 cores`."""
    at_most = "at most " if forecast.is_limit else ""
    where = _places(forecast.placement, forecast.cores)
    return f"{_work(forecast)}: {at_most}about {span(forecast.seconds)} on {where}"


def _work(forecast: Forecast) -> str:
    what = "1 network" if forecast.networks == 1 else f"{forecast.networks} networks"
    whole = forecast.networks * forecast.whole
    if forecast.steps < whole:
        return f"{what}, {forecast.steps:,} of {whole:,} steps left"
    return f"{what}, {forecast.whole:,} steps{'' if forecast.networks == 1 else ' each'}"


def _places(placement: Placement, cores: int) -> str:
    devices = list(dict.fromkeys(map(str, placement.devices)))
    if devices != ["cpu"]:
        return " and ".join(devices)
    used = min(len(placement.devices) * placement.threads, cores)
    return f"{used} of {cores} cores" if cores > 1 else "1 core"
