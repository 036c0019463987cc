"""Lists the packages: the flat folders `recipes/` and `plugins/` ship as `textgan.recipes` and `textgan_plugins`."""

from setuptools import find_packages, setup

setup(
    packages=[
        "textgan",
        *(f"textgan.{name}" for name in find_packages("textgan")),
        "textgan.recipes",
        "textgan_plugins",
        *(f"textgan_plugins.{name}" for name in find_packages("plugins")),
    ]
)
