"""What crosses the border to Ray's workers."""

import pickle

import pytest

from training.datasets.remote import _Row


def test_errors_of_a_function_come_back_as_they_were() -> None:
    row = pickle.loads(pickle.dumps(_Row(int)))
    assert row({"item": "7"})["outcome"].result() == 7
    refused = pickle.loads(pickle.dumps(row({"item": "seven"})["outcome"]))
    with pytest.raises(ValueError, match="invalid literal"):
        refused.result()
