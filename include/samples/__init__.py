"""Seeded sample exports in the platforms' own formats, with the truth kept beside them.

    truth = generate(Path("var/landing"), DEMO, truth_dir=Path("var/truth"))

The same profile always gives the same bytes: dates are frozen in the profile, nothing asks for the time.
"""

from include.samples.bad_files import BadFile, write_bad_files
from include.samples.build import generate
from include.samples.extras import Extra, write_extras
from include.samples.profile import DEMO, Profile
from include.samples.series import MATURITY
from include.samples.truth import CampaignDay, FileTruth, Problem, Rename, Retraction, Sums, Truth

__all__ = [
    "DEMO",
    "MATURITY",
    "BadFile",
    "CampaignDay",
    "Extra",
    "FileTruth",
    "Problem",
    "Profile",
    "Rename",
    "Retraction",
    "Sums",
    "Truth",
    "generate",
    "write_bad_files",
    "write_extras",
]
