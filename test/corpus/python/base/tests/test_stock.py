import pytest

from shop.stock import OutOfStock, Stock, mean_weight


def test_what_was_added_can_be_taken():
    stock = Stock()
    stock.add("nail", 5)
    assert stock.take("nail", 2) == 3


def test_more_than_there_is_cannot_be_taken():
    stock = Stock()
    stock.add("nail", 1)
    with pytest.raises(OutOfStock):
        stock.take("nail", 2)
    assert stock.take("nail", 1) == 0


@pytest.mark.parametrize(
    ("weights", "mean"), [([], 0.0), ([1.0], 1.0), ([0.1, 0.2], 0.15), ([1.0, 2.0, 4.5], 2.5)]
)
def test_mean_weight(weights, mean):
    assert mean_weight(weights) == pytest.approx(mean, abs=1e-9)
