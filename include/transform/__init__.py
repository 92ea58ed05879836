"""Transform: dbt in this process, layer by layer, for the dates of a run."""

from include.transform.build import LAYERS, build
from include.transform.report import BuildError, BuildReport
from include.transform.results import NodeResult

__all__ = ["LAYERS", "BuildError", "BuildReport", "NodeResult", "build"]
