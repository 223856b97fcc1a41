"""An examination of everything a run needs, before it is needed: settings, OANDA, database and broker."""

from services.inspection.doctor.configuration import readable_settings
from services.inspection.doctor.examination import examine
from services.inspection.doctor.findings import Finding, Limits, Verdict

__all__ = ["Finding", "Limits", "Verdict", "examine", "readable_settings"]
