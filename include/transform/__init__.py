"""Transform: dbt in this process, layer by layer, for the dates of a run."""

from include.transform.build import LAYERS, BuildError, BuildReport, build
from include.transform.results import NodeResult

__all__ = ["LAYERS", "BuildError", "BuildReport", "NodeResult", "build"]
