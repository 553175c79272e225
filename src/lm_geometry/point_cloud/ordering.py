"""Sorting and selecting (value, token) pairs inside compiled loops.

Not numba's own `sort`, `argsort` and `partition`: they are made of closures that differ in nothing
but their content, and where one compiled function comes from numba's cache and another does not,
such closures get mixed up (`sort` then leaves its array as it was).
"""

from lm_geometry.point_cloud.loops import compiled

SHORT = 16  # up to this many pairs are sorted by insertion


@compiled
def _insertion(values, tokens, low, high):
    for i in range(low + 1, high + 1):
        value, token = values[i], tokens[i]
        j = i - 1
        while j >= low and (values[j] > value or (values[j] == value and tokens[j] > token)):
            values[j + 1], tokens[j + 1] = values[j], tokens[j]
            j -= 1
        values[j + 1], tokens[j + 1] = value, token


@compiled
def _split(values, tokens, low, high):
    """Parts the pairs low … high at the middle one; returns the ends of the two parts."""
    middle = (low + high) // 2
    value, token = values[middle], tokens[middle]
    i, j = low, high
    while i <= j:
        while values[i] < value or (values[i] == value and tokens[i] < token):
            i += 1
        while values[j] > value or (values[j] == value and tokens[j] > token):
            j -= 1
        if i <= j:
            values[i], values[j] = values[j], values[i]
            tokens[i], tokens[j] = tokens[j], tokens[i]
            i += 1
            j -= 1
    return i, j


@compiled
def sort_pairs(values, tokens, count):
    """Sorts the first `count` pairs in place by value, ties by token. No value may be NaN."""
    lows, highs = [0], [count - 1]
    while len(lows) > 0:
        low, high = lows.pop(), highs.pop()
        while high - low > SHORT:
            i, j = _split(values, tokens, low, high)
            # The larger part waits, so that the waiting list stays short.
            if j - low > high - i:
                lows.append(low)
                highs.append(j)
                low = i
            else:
                lows.append(i)
                highs.append(high)
                high = j
        _insertion(values, tokens, low, high)


@compiled
def lowest_first(values, tokens, count, keep):
    """Moves the `keep` lowest of `count` pairs to the front, and returns the highest value of them.

    By quickselect; pairs of equal value come in any order.
    """
    low, high, target = 0, count - 1, keep - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                tokens[i], tokens[j] = tokens[j], tokens[i]
                i += 1
                j -= 1
        if target <= j:
            high = j
        elif target >= i:
            low = i
        else:
            break
    return values[target]
