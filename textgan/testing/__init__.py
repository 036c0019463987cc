"""Tests components of plugins and of the toolkit: contract checks for each role, and exact gradients.

from textgan.testing import check_estimator
def test_mine():
    check_estimator(MyEstimator())
"""

from textgan.testing.contracts import (
    check_discriminator,
    check_estimator,
    check_generator,
    check_loss,
    check_metric,
    check_reward,
    check_source,
)
from textgan.testing.exact_gradient import enumerate_sequences, exact_gradient, expected_gradient, flat
from textgan.testing.fixtures import TabularGenerator, TabularReward, tiny_corpus, tiny_vocabulary
from textgan.testing.gradient_problems import Measured, Problem, measure, problems

__all__ = [
    "Measured",
    "Problem",
    "TabularGenerator",
    "TabularReward",
    "check_discriminator",
    "check_estimator",
    "check_generator",
    "check_loss",
    "check_metric",
    "check_reward",
    "check_source",
    "enumerate_sequences",
    "exact_gradient",
    "expected_gradient",
    "flat",
    "measure",
    "problems",
    "tiny_corpus",
    "tiny_vocabulary",
]
