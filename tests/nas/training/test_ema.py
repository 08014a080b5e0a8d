import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nas.training.ema import Average


def make_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))


def disturb(network: nn.Module) -> None:
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor += torch.rand(tensor.shape).to(tensor.dtype)


def test_it_is_pytorchs_average_bit_by_bit() -> None:
    network = make_network()
    ours, theirs = Average(network, 0.9), AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for _ in range(5):
        disturb(network)
        ours.update()
        theirs.update_parameters(network)
        pairs = zip(ours.module.state_dict().values(), theirs.module.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_the_first_update_copies_and_later_ones_move_by_the_decay() -> None:
    network, image = nn.Conv2d(1, 1, 1, bias=False), torch.ones(1, 1, 1, 1)
    average = Average(network, 0.75)
    for weight, expected in ((8.0, 8.0), (0.0, 6.0), (0.0, 4.5)):
        nn.init.constant_(network.weight, weight)
        average.update()
        assert average(image).item() == expected


def test_a_restored_average_goes_on_where_it_was() -> None:
    network = make_network()
    for updates in (0, 2):
        first, second = Average(network, 0.9), Average(network, 0.9)
        for _ in range(updates):
            disturb(network)
            first.update()
        second.load_state_dict(first.state_dict())
        disturb(network)
        for average in (first, second):
            average.update()
        assert all(map(torch.equal, first.state_dict().values(), second.state_dict().values()))
