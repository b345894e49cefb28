"""What is in stock, and what it weighs."""


class OutOfStock(Exception):
    """There is less of an article than was asked for."""


class Stock:
    def __init__(self):
        self._counts = {}

    def add(self, article, count):
        self._counts[article] = self._counts.get(article, 0) + count

    def take(self, article, count):
        left = self._counts.get(article, 0) - count
        if left < 0:
            raise OutOfStock(article)
        self._counts[article] = left
        return left


def mean_weight(weights):
    """Mean of some weights in kilograms; 0.0 for none."""
    if not weights:
        return 0.0
    return sum(weights) / len(weights)
