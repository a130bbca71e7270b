"""Types that the public signatures share. Each `Literal` is also the list that its error message shows."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

Along: TypeAlias = Literal["stage", "touchpoint"]
At: TypeAlias = Literal["entry", "first", "last", "profile"]
Calendar: TypeAlias = Literal["gregorian", "jalali"]
DurationUnit: TypeAlias = Literal["us", "ms", "s", "m", "h", "d"]
End: TypeAlias = Literal["high", "low"]
Entry: TypeAlias = Literal["latest", "first", "best", "all"]
Language: TypeAlias = Literal["en", "fa"]
MatchStatus: TypeAlias = Literal["matched", "still_open", "unmatched"]
MatchUnit: TypeAlias = Literal["match", "customer"]
Normalize: TypeAlias = Literal["persian"]
OnBad: TypeAlias = Literal["reject", "raise"]
OnExclude: TypeAlias = Literal["stop_attempt", "drop_customer"]
Order: TypeAlias = Literal["ordered", "strict", "any", "anchored"]
Others: TypeAlias = Literal["ignore", "extra"]
Per: TypeAlias = Literal["customers", "sessions"]
Period: TypeAlias = Literal["day", "week", "month"]
PeriodClock: TypeAlias = Literal["calendar", "rolling"]
PeriodCohort: TypeAlias = Literal["period", "all"]
RetentionEntry: TypeAlias = Literal["first_ever", "first", "recurring"]
RetentionMode: TypeAlias = Literal["on", "on_or_after", "on_or_before", "streak"]
ScoreAt: TypeAlias = Literal["last", "touched"]
Status: TypeAlias = Literal["completed", "dropped", "still_open", "excluded"]
StickinessUnit: TypeAlias = Literal["hour", "day"]
Ties: TypeAlias = Literal["favour", "against", "stable"]
TimeUnit: TypeAlias = Literal["s", "ms", "us", "ns"]
Which: TypeAlias = Literal["first", "last", "each"]

Duration: TypeAlias = str | dt.timedelta
Instant: TypeAlias = str | dt.date

# A pandas, polars or pyarrow frame, anything with the Arrow PyCapsule interface, or a mapping of columns. None of
# these packages is required, so none of their types can be named here.
Frame: TypeAlias = object
