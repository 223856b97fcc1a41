"""An examination of everything a run needs, before it is needed: settings, OANDA, database and broker."""

from services.inspection.doctor.configuration import readable_settings
from services.inspection.doctor.examination import examine
from services.inspection.doctor.findings import CheckResult, Finding, Limits

__all__ = ["Finding", "Limits", "CheckResult", "examine", "readable_settings"]
