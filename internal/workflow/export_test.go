package workflow

import "time"

// Due is the decision of a schedule, for a cron line.
func Due(spec string, last, now time.Time) (slot time.Time, ok bool, err error) {
	times, err := cronTimes(spec)
	if err != nil {
		return slot, false, err
	}
	slot, ok = due(times, last, now)
	return slot, ok, nil
}
